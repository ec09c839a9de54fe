"""Which plug-ins may be imported: those of configurations that the user named, remembered outside of all run folders.

A plug-in is code. A configuration that the user names may import it; one that comes with a run folder or lies beside a
model may not decide by itself that code is run. So what the user's own configurations have named is remembered, by the
plug-in's path or module name, and the configuration of a run gets those alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from dlkit.config.problems import ConfigError, Key, Problem

# `remember`: import all, and remember them; `known`: only those remembered; `any`: import all, and remember none.
PluginRule = Literal["remember", "known", "any"]

# Where the list cannot be written, plug-ins are at least known to the process that imported them.
_of_this_process: set[str] = set()


def list_of_plugins() -> Path:
    """The file that remembers plug-ins, one a line: `$XDG_STATE_HOME/dlkit/plugins`."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "dlkit" / "plugins"


def plugin_file(name: str, folder: Path) -> Path | None:
    """The file of a plug-in, if it is known by that; None for a module that Python finds by its name.

    Args:
        name: as in `plugins`.
        folder: of the configuration.
    """
    file = folder / Path(name).expanduser() if name.endswith(".py") else folder / (name.replace(".", "/") + ".py")
    return file.resolve() if name.endswith(".py") or file.is_file() else None


def remember(names: Sequence[str], folder: Path) -> None:
    """Remember the plug-ins of a configuration that the user named."""
    new = {_identity(name, folder) for name in names} - _known()
    if not new:
        return
    _of_this_process.update(new)
    # A home that cannot be written must not end a run: the configurations of runs then need `--trust`.
    with contextlib.suppress(OSError):
        path = list_of_plugins()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{identity}\n" for identity in sorted(new)))


def refuse_unknown(names: Mapping[Key, str], folder: Path) -> None:
    """Refuse the plug-ins of a run's configuration that no configuration of the user's has named.

    Args:
        names: of the plug-ins, by the setting that names each.
        folder: of the configuration.

    Raises:
        ConfigError: naming each of them.
    """
    known = _known()
    problems = [
        Problem(
            "plugin-not-trusted",
            f"the plug-in `{name}` is code that no configuration of yours has named, and is not imported",
            key,
            label="comes with the run",
            help="look at it first; if you trust it, give --trust (in Python trust=True), or use it in a configuration",
        )
        for key, name in names.items()
        if _identity(name, folder) not in known
    ]
    if problems:
        raise ConfigError(problems)


def _identity(name: str, folder: Path) -> str:
    """One line that names a plug-in wherever the configuration lies."""
    file = plugin_file(name, folder)
    return f"module {name}" if file is None else f"file {str(file)!a}"


def _known() -> set[str]:
    try:
        lines = list_of_plugins().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    return _of_this_process.union(lines)

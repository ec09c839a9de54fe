"""Writes a configuration for data that the user names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from dlkit.config.problems import ConfigError, DlkitError, Problem
from dlkit.files import disk_errors, written_aside
from dlkit.init.columns import read_columns
from dlkit.init.page import Plan, page
from dlkit.init.sources import find
from dlkit.schema.guess import Asked


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: of the configuration.
        text: of it.
        plan: what was chosen.
    """

    path: Path
    text: str
    plan: Plan


def write_config(
    given: str, output: Path | None = None, *, target: str = "", time: str = "good", force: bool = False
) -> Written:
    """Look at data, choose how they are read and trained on, and write that down.

    Args:
        given: a path, or the name of a set that is on this machine.
        output: the file to write; by default one named after the data, in the working directory.
        target: the column to predict; empty for a guess.
        time: `quick`, `good` or `best`.
        force: overwrite a file that is there.

    Raises:
        ConfigError: there are no such data, or the file is there already.
        RunError: the data cannot be read, or nothing can be learned from them.
    """
    name = Path(given).expanduser().absolute().name.split(".")[0]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "data"
    path = output if output is not None else Path(f"{stem}.yaml")
    if path.is_dir():
        message = f"{path} is a folder, not a file"
        raise ConfigError(Problem("is-a-folder", message, help=f"write `-o {path / stem}.yaml`"))
    if path.exists() and not force:
        help = "name another with `-o`, or overwrite it with `--force`"
        raise ConfigError(Problem("file-exists", f"there is a file {path} already", help=help))
    if not path.parent.is_dir():
        message = f"there is no folder {path.parent} for {path.name}"
        raise ConfigError(Problem("missing-file", message, help="make it, or name another with `-o`"))
    try:
        found = find(Asked(given, target), path.parent)
    except DlkitError as error:  # there is no configuration yet that has the keys of its problems
        raise type(error)([replace(problem, key=()) for problem in error.problems]) from error
    options = "".join(
        f" {word} {value}"
        for word, value in (("--target", target), ("--time", time if time != "good" else ""))
        if value
    )
    plan = Plan(f"dlkit init {given}{options}", stem[:100], str(path), found, read_columns(found, target), time)
    text = page(plan)
    from dlkit.schema.loader import load

    with disk_errors(path, len(text)), written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
        load(aside)  # what is written is what dlkit takes
    return Written(path, text, plan)

"""`extends: base.yaml`: a configuration on top of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dlkit.config.problems import ConfigError, Location, Problem
from dlkit.config.reader import read_file
from dlkit.config.tree import Node, merge

MAX_CHAIN = 20


def read_with_bases(path: str | Path) -> tuple[Node, list[str]]:
    """Read a file and everything that it extends.

    Args:
        path: the file. Names in its `extends` start at its folder.

    Returns:
        The merged tree, in which every value keeps the place where it was written, and the files in order.

    Raises:
        ConfigError: if a file cannot be read, is missing, or extends itself.
    """
    files: dict[Path, Node] = {}
    names: list[str] = []
    root = _read(str(path), [], files, names, None)
    return root, names


def extend_mapping(root: Node, folder: Path) -> tuple[Node, list[str]]:
    """As `read_with_bases`, for a configuration that was not read from a file; names start at `folder`."""
    names: list[str] = []
    return _with_bases(root, str(folder / "configuration"), [], {}, names), names


def _read(source: str, chain: list[Path], files: dict[Path, Node], names: list[str], said: Location | None) -> Node:
    """The merged tree of one file; `said` is where another file asks for it."""
    resolved = Path(source).resolve()
    if resolved in chain:
        circle = " -> ".join(path.name for path in [*chain[chain.index(resolved) :], resolved])
        raise ConfigError(
            Problem(
                "circular-extends", f"the file extends itself: {circle}", ("extends",), said, "this closes the circle"
            )
        )
    if len(chain) >= MAX_CHAIN:
        raise ConfigError(
            Problem("circular-extends", f"more than {MAX_CHAIN} files extend each other", ("extends",), said)
        )
    if resolved not in files:
        if source not in names:
            names.append(source)
        try:
            root = read_file(source).root
        except ConfigError as error:
            raise ConfigError([_asked_for(problem, said) for problem in error.problems]) from None
        files[resolved] = _with_bases(root, source, [*chain, resolved], files, names)
    return files[resolved]


def _with_bases(root: Node, source: str, chain: list[Path], files: dict[Path, Node], names: list[str]) -> Node:
    assert isinstance(root.value, dict)
    if "extends" not in root.value:
        return root
    said = root.value["extends"]
    bases = said.value if isinstance(said.value, list) else [said]
    if not bases or not all(isinstance(base.value, str) and base.value for base in bases):
        raise ConfigError(
            Problem(
                "wrong-type",
                "`extends` must be the name of a file, or a list of names",
                ("extends",),
                said.location,
                "expected `base.yaml`",
            )
        )
    merged: Node | None = None
    for base in bases:
        below = _read(str(Path(source).parent / Path(str(base.value)).expanduser()), chain, files, names, base.location)
        merged = below if merged is None else merge(merged, below)
    own = replace(root, value={key: node for key, node in root.value.items() if key != "extends"})
    return own if merged is None else merge(merged, own)


def _asked_for(problem: Problem, said: Location | None) -> Problem:
    """A problem with a file as a whole is shown where another file asks for it."""
    if said is None or problem.location is None or problem.location.excerpt:
        return problem
    return replace(problem, key=("extends",), location=said)

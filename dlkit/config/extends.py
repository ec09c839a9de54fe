"""`extends: base.yaml`: a configuration on top of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dlkit.config.merge import merge
from dlkit.config.paths import expanded
from dlkit.config.problems import ConfigError, Location, Problem
from dlkit.config.reader import read_file
from dlkit.config.shape import Shape
from dlkit.config.tree import Node

MAX_CHAIN = 20


def read_with_bases(path: str | Path, shape: Shape) -> tuple[Node, list[str]]:
    """Read a file and everything that it extends.

    Args:
        path: the file. Names in its `extends` start at its folder.
        shape: of a whole configuration.

    Returns:
        The merged tree, in which every value keeps the place where it was written, and the files in order.

    Raises:
        ConfigError: if a file cannot be read, is missing, or extends itself.
    """
    reading = _Reading(shape)
    return reading.read(str(path), [], None), reading.names


def extend_mapping(root: Node, folder: Path, shape: Shape) -> tuple[Node, list[str]]:
    """As `read_with_bases`, for a configuration that was not read from a file; names start at `folder`."""
    reading = _Reading(shape)
    return reading.with_bases(root, str(folder / "configuration"), []), reading.names


class _Reading:
    """The files that have been read so far, each once."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.files: dict[Path, Node] = {}
        self.names: list[str] = []

    def read(self, source: str, chain: list[Path], said: Location | None) -> Node:
        """The merged tree of one file; `said` is where another file asks for it."""
        try:
            resolved = Path(source).resolve()
            special = bool(chain) and resolved.exists() and not (resolved.is_file() or resolved.is_dir())
        except (OSError, ValueError, RuntimeError) as error:  # a NUL character, a circle of links
            reason = getattr(error, "strerror", None) or str(error)
            message = f"`{source[:200]}` cannot be read: {reason}"
            raise ConfigError(Problem("unreadable-file", message, ("extends",), said)) from None
        if special:
            message = f"`{source}` cannot be read: it is a pipe or a device, not a file"
            raise ConfigError(Problem("unreadable-file", message, ("extends",), said))
        if resolved in chain:
            circle = " -> ".join(path.name for path in [*chain[chain.index(resolved) :], resolved])
            raise ConfigError(
                Problem(
                    "circular-extends",
                    f"the file extends itself: {circle}",
                    ("extends",),
                    said,
                    "this closes the circle",
                )
            )
        if len(chain) >= MAX_CHAIN:
            raise ConfigError(
                Problem("circular-extends", f"more than {MAX_CHAIN} files extend each other", ("extends",), said)
            )
        if resolved not in self.files:
            if source not in self.names:
                self.names.append(source)
            try:
                root = read_file(source).root
            except ConfigError as error:
                raise ConfigError([_asked_for(problem, said) for problem in error.problems]) from None
            self.files[resolved] = self.with_bases(root, source, [*chain, resolved])
        return self.files[resolved]

    def with_bases(self, root: Node, source: str, chain: list[Path]) -> Node:
        """A tree of a file, laid on those that it extends."""
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
            path = str(Path(source).parent / expanded(str(base.value)))
            below = self.read(path, chain, base.location)
            merged = below if merged is None else merge(merged, below, self.shape)
        own = replace(root, value={key: node for key, node in root.value.items() if key != "extends"})
        return own if merged is None else merge(merged, own, self.shape)


def _asked_for(problem: Problem, said: Location | None) -> Problem:
    """A problem with a file as a whole is shown where another file asks for it."""
    if said is None or problem.location is None or problem.location.excerpt:
        return problem
    return replace(problem, key=("extends",), location=said)

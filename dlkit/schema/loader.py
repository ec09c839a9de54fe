"""Loads a configuration: read, extend, override, fill in references, type, check; or every mistake at once, located."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dlkit.config.overrides import Overrides, apply_overrides, from_python
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem
from dlkit.config.references import environment_text, resolve_references
from dlkit.config.shape import Shape
from dlkit.config.tree import Node, child, find
from dlkit.config.trust import PluginRule
from dlkit.schema import Config
from dlkit.schema.marked import replaced, with_absolute_paths, with_allowed_functions
from dlkit.schema.plugins import Plugins
from dlkit.schema.plugins import load as load_plugins


@dataclass(frozen=True)
class Loaded:
    """A configuration that passed the text phase, and where it came from.

    Attributes:
        config: the typed configuration.
        path: the file as the user gave it; None for a mapping given in Python.
        root: the values that files, mapping and overrides state, with their places.
        warnings: what is allowed and yet probably not meant.
        files: the files that were read, the configuration's own first.
        plugins: what the plug-in modules add.
    """

    config: Config
    path: Path | None
    root: Node
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    plugins: Plugins = field(default_factory=Plugins, repr=False)

    @cached_property
    def origins(self) -> dict[Key, str]:
        """Who set each value of `resolved()`: `default`, `configs/a.yaml:24` or `command line, argument 2`."""
        from dlkit.config.resolved import origins

        return origins(self.resolved(), self.root, Shape(Config))

    def locate(self, problem: Problem) -> Problem:
        """The problem with the place of its key; for a default, the place of the section it is in."""
        from dlkit.config.validation import locate

        return locate(problem, self.root) if problem.key else problem

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Give the problems of an error raised inside their places."""
        try:
            yield
        except DlkitError as error:
            located = [self.locate(problem) for problem in error.problems]
            if tuple(located) == error.problems:
                raise
            raise type(error)(located) from error

    def resolved(self) -> dict[str, Any]:
        """Every setting, defaults and all, as plain data: paths absolute, `${env:...}` as written."""
        from dlkit.config.resolved import resolved

        data = resolved(self.config.model_dump(), self.root, Shape(Config))
        data["plugins"] = [str(self.plugins.files.get(name, name)) for name in data["plugins"]]
        return data

    def to_yaml(self) -> str:
        """`resolved()` as YAML that loads as an equal configuration."""
        from dlkit.config.resolved import to_yaml

        return to_yaml(self.resolved())


def load(
    path: str | Path,
    overrides: Overrides = (),
    *,
    needs_source: bool = True,
    plugin_rule: PluginRule = "remember",
) -> Loaded:
    """Load a configuration file.

    Args:
        path: the file.
        overrides: words like `training.epochs=3`, or a mapping from dotted keys to values.
        needs_source: whether `data.source` must be given.
        plugin_rule: which plug-ins are imported; see `dlkit.config.trust`.

    Raises:
        ConfigError: with every mistake of the file and the overrides.
    """
    from dlkit.config.extends import read_with_bases

    root, files = read_with_bases(path, Shape(Config))
    return _finish(root, Path(path), overrides, files, needs_source, plugin_rule)


def load_run_config(
    path: str | Path, overrides: Overrides = (), *, needs_source: bool = True, trust: bool = False
) -> Loaded:
    """Load the configuration that a run keeps, which the user did not name: only known plug-ins are imported.

    Args:
        path: as for `load`.
        overrides: as for `load`.
        needs_source: as for `load`.
        trust: import every plug-in that it names.

    Raises:
        ConfigError: as `load`; or naming plug-ins that no configuration of the user's has named; or asking for data
            that were given in Python.
    """
    loaded = load(path, overrides, needs_source=False, plugin_rule="any" if trust else "known")
    if needs_source and loaded.config.data.source is None:
        folder = Path(path).parent
        message = f"the data of the run {folder} were given in Python, and a run does not keep them"
        help = f"give them again, as in `dlkit.load_run({str(folder)!r}, data=...)`"
        raise ConfigError(Problem("no-source", message, help=help))
    return loaded


def from_mapping(mapping: Mapping[str, Any], overrides: Overrides = (), *, needs_source: bool = True) -> Loaded:
    """Load a configuration given as a mapping in Python; relative paths start at the working directory.

    Args and errors are those of `load`.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(
            Problem(
                "not-a-mapping", f"a configuration is a mapping or the path of a file, not a {type(mapping).__name__}"
            )
        )
    from dlkit.config.extends import extend_mapping

    root, files = extend_mapping(from_python(mapping), Path(), Shape(Config))
    return _finish(root, None, overrides, files, needs_source, "remember")


def _finish(
    root: Node,
    path: Path | None,
    overrides: Overrides,
    files: list[str],
    needs_source: bool,
    plugin_rule: PluginRule,
) -> Loaded:
    root, problems = apply_overrides(root, overrides, Shape(Config))
    root, unresolved = resolve_references(root)
    problems += unresolved
    folder = path.parent if path is not None else Path()
    plugins = Plugins()
    names, all_plugged = _plugin_names(root), True
    try:
        plugins = _plugged(names, folder, plugin_rule) if names else plugins
    except ConfigError as error:
        problems += error.problems
        all_plugged = False
    with plugins.active():
        root, config, invalid = _typed(root)
        if not all_plugged:  # a word that is not known now may be one of theirs
            invalid = [p for p in invalid if p.code != "unknown-choice"]
        problems += _not_covered(invalid, problems, root, bool(unresolved))
        found = [] if config is None else list(_broken_rules(config, needs_source))
        problems += [p for p in found if p.severity == "error"]
        warnings = [p for p in found if p.severity == "warning"]
        if problems or config is None:
            raise ConfigError(_in_order([*problems, *warnings], root, files))
        root = with_absolute_paths(root, config)
        try:
            root = with_allowed_functions(root, config, plugin_rule)
        except ConfigError as error:
            raise ConfigError(_in_order(list(error.problems), root, files)) from None
        config = Config.model_validate(_plain(root))
    return Loaded(config, path, root, tuple(_in_order(warnings, root, files)), tuple(files), plugins)


def _plugged(names: list[str], folder: Path, rule: PluginRule) -> Plugins:
    """The plug-ins of a configuration, as far as they may be imported."""
    from dlkit.config import trust

    if rule == "known":
        trust.refuse_unknown({("plugins", number): name for number, name in enumerate(names)}, folder)
    plugins = load_plugins(names, folder)
    if rule == "remember":
        trust.remember(names, folder)
    return plugins


def _not_covered(invalid: list[Problem], problems: list[Problem], root: Node, unresolved: bool) -> list[Problem]:
    """The problems of values that no other problem is about already."""
    covered = {problem.key for problem in problems if problem.key}
    left = [p for p in invalid if not any(p.key[: len(key)] == key for key in covered)]
    return [p for p in left if not _dangling(p, root)] if unresolved else left


def _broken_rules(config: Config, needs_source: bool) -> Iterator[Problem]:
    from dlkit.schema.rules import broken_rules

    return broken_rules(config, needs_source=needs_source)


def _plain(root: Node) -> Any:
    from dlkit.config.tree import plain

    return plain(root)


def _in_order(problems: list[Problem], root: Node, files: list[str]) -> list[Problem]:
    if not problems:
        return []
    from dlkit.config.validation import in_order, locate

    return in_order([locate(p, root) if p.key or p.location is None else p for p in problems], files)


def _typed(root: Node) -> tuple[Node, Config | None, list[Problem]]:
    """The typed configuration. A variable of the environment that looks like a number is text where text is wanted."""
    from pydantic import ValidationError

    try:
        return root, Config.model_validate(_plain(root)), []
    except ValidationError as error:
        from dlkit.config.validation import problems_of, validate

        problems = problems_of(error, root, Config)
    retyped = root
    for problem in problems:
        node = find(root, problem.key)
        if node is not None and node.written is not None and not isinstance(node.value, str):
            retyped = replaced(retyped, problem.key, replace(node, value=environment_text(node.written)))
    if retyped is not root:
        config, fewer = validate(retyped, Config)
        if len(fewer) < len(problems):
            return retyped, config, fewer
    return root, None, problems


def _dangling(problem: Problem, root: Node) -> bool:
    """Whether a problem only follows from a reference that could not be filled in."""
    node = find(root, problem.key)
    return problem.code == "wrong-type" and node is not None and isinstance(node.value, str) and "${" in node.value


def _plugin_names(root: Node) -> list[str]:
    node = child(root, "plugins")
    items = node.value if node is not None and isinstance(node.value, list) else []
    names = [item.value for item in items if isinstance(item.value, str) and item.value]
    return names if len(names) == len(items) else []

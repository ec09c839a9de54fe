"""Plug-ins: Python modules, named in the configuration, that add sources, builders, metrics and more.

A plug-in module holds plain dictionaries from names to functions or classes: sources, inputs, targets, steps,
builders, losses, metrics, callbacks.

    def two_layers(inputs, *, units: int = 64):      # inputs: KerasTensors by input name; returns features
        ...

    builders = {"two_layers": two_layers}

A source is `def my_source(*, path: str)`, which returns `{split name: {column: NumPy array}}`. The settings of a source
or builder are its keyword-only parameters: their annotations are the types and their defaults the defaults. Sources and
builders may also be classes, as dlkit's own are: of `SourceSettings` and `BuilderSettings`. Inputs, targets and steps
always are: of `InputSettings`, `TargetSettings` and `StepSettings`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from dlkit.config import keras_names
from dlkit.config.causes import reported_as
from dlkit.config.paths import expanded
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.schema.builder import BUILDERS
from dlkit.schema.function_settings import settings_class
from dlkit.schema.input import INPUTS
from dlkit.schema.registry import Additions, Registry, plugged
from dlkit.schema.source import SOURCES
from dlkit.schema.step import STEPS
from dlkit.schema.target import TARGETS

FAMILIES: Mapping[str, Registry[Any]] = {
    "sources": SOURCES,
    "inputs": INPUTS,
    "targets": TARGETS,
    "steps": STEPS,
    "builders": BUILDERS,
}
KERAS_OBJECTS = ("metrics", "losses", "callbacks")
DICTIONARIES = (*FAMILIES, *KERAS_OBJECTS)
# Of the names of the modules that are imported from files by their paths.
PLUGIN_PREFIX = "dlkit_plugin_"
_NOT_ARGUMENTS = {"self", "name", "dtype", "reduction", "args", "kwargs"}


@dataclass(frozen=True)
class Plugins:
    """What the plug-in modules of a configuration add.

    Attributes:
        functions: for each of `metrics`, `losses`, `callbacks`: name to function or class.
        additions: classes of settings, and the arguments of Keras objects.
        files: for a module that was found next to the configuration, by the name in `plugins`: its file.
    """

    functions: Mapping[str, dict[str, Callable[..., Any]]] = field(
        default_factory=lambda: {name: {} for name in KERAS_OBJECTS}
    )
    additions: Additions = field(default_factory=Additions)
    files: dict[str, Path] = field(default_factory=dict)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within the block, the registries hold what these plug-ins add, and nothing of others."""
        with plugged(self.additions):
            yield


def load(names: Sequence[str], folder: Path) -> Plugins:
    """Import plug-in modules and read what they add.

    Args:
        names: importable names, names of `.py` files in `folder` without the ending, or paths that end in `.py`.
        folder: the folder of the configuration.

    Raises:
        ConfigError: with a problem for each module that is missing, fails, or adds something that cannot be used.
    """
    plugins = Plugins()
    problems: list[Problem] = []
    for number, name in enumerate(names):
        try:
            module, file = import_plugin(name, folder)
            if file is not None:
                plugins.files[name] = file
            entries = _entries(module, name)
        except ConfigError as error:
            problems += [
                Problem(p.code, p.message, ("plugins", number), label=p.label, help=p.help) for p in error.problems
            ]
            continue
        for dictionary, entry, value in entries:
            try:
                _add(dictionary, entry, value, plugins)
            except ConfigError as error:
                problems += [
                    Problem(p.code, f"plug-in `{name}`: {p.message}", ("plugins", number), label=p.label, help=p.help)
                    for p in error.problems
                ]
    if problems:
        raise ConfigError(problems)
    return plugins


def call_plugin(what: str, key: Key, function: Callable[..., Any], *positional: Any, **arguments: Any) -> Any:
    """Call a plug-in's function; whatever it raises is reported as the plug-in's own mistake.

    Args:
        what: name of the part, for the message.
        key: the setting that asked for it.
        function: the plug-in's.
        positional: its positional arguments.
        arguments: its settings.

    Raises:
        ConfigError: with the code `plugin-raised`.
    """

    def problem(error: Exception) -> Problem:
        message = f"the plug-in's {what} raised {type(error).__name__}: {error}"
        return Problem("plugin-raised", message, key, help="the mistake is in the plug-in; --debug shows where")

    with reported_as(problem, ConfigError):
        return function(*positional, **arguments)


def _add(dictionary: str, entry: str, value: Callable[..., Any], plugins: Plugins) -> None:
    """Add one entry of a plug-in's dictionary."""
    if dictionary not in FAMILIES:
        _check_free(dictionary, entry, keras_names.table()[dictionary], plugins.functions[dictionary])
        plugins.functions[dictionary][entry] = value
        plugins.additions.arguments.setdefault(dictionary, {})[entry] = _constructor_arguments(value)
        return
    registry = FAMILIES[dictionary]
    with plugged(plugins.additions):
        _check_free(dictionary, entry, registry.own_names, registry)
    settings = value if isinstance(value, type) and issubclass(value, BaseModel) else None
    where = f"`{entry}` in `{dictionary}`"
    try:
        registry.add(entry, settings or settings_class(registry, entry, value, where), plugins.additions)
    except TypeError as error:
        raise ConfigError(Problem("bad-plugin", f"{where}: {error}")) from error


def _constructor_arguments(cls: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters if p.kind in named and p.name not in _NOT_ARGUMENTS]


def import_plugin(name: str, folder: Path) -> tuple[ModuleType, Path | None]:
    """The module of a plug-in, and its file if it is known by that.

    Raises:
        ConfigError: there is none, or it fails.
    """
    file = (folder / expanded(name)) if name.endswith(".py") else folder / (name.replace(".", "/") + ".py")
    try:
        if file.is_file():
            return _import_file(file.resolve()), file.resolve()
        if name.endswith(".py"):
            raise ConfigError(Problem("plugin-not-found", f"there is no plug-in file `{file}`", label="not found"))
        return importlib.import_module(name), None
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(
                Problem(
                    "plugin-not-found",
                    f"there is no plug-in module `{name}`",
                    label="not found",
                    help=f"put `{name}.py` next to the configuration, or install the package that has it",
                )
            ) from None
        raise ConfigError(
            Problem("plugin-failed", f"plug-in `{name}` needs the module `{error.name}`", help="install it")
        ) from error
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            Problem(
                "plugin-failed",
                f"plug-in `{name}` fails when it is imported: {type(error).__name__}: {error}",
                help="run `python` on the module to see where",
            )
        ) from error


def _import_file(file: Path) -> ModuleType:
    state = file.stat()
    mark = hashlib.sha256(f"{file}:{state.st_mtime_ns}:{state.st_size}".encode()).hexdigest()[:12]
    name = f"{PLUGIN_PREFIX}{file.stem}_{mark}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _entries(module: ModuleType, name: str) -> list[tuple[str, str, Callable[..., Any]]]:
    entries: list[tuple[str, str, Callable[..., Any]]] = []
    for dictionary in DICTIONARIES:
        added = getattr(module, dictionary, {})
        if not isinstance(added, Mapping) or not all(isinstance(k, str) and callable(v) for k, v in added.items()):
            raise ConfigError(
                Problem(
                    "bad-plugin",
                    f"plug-in `{name}`: `{dictionary}` must be a dictionary from names to functions",
                    help=f'as in `{dictionary} = {{"my_name": my_function}}`',
                )
            )
        entries += [(dictionary, entry, function) for entry, function in added.items()]
    if not entries:
        raise ConfigError(
            Problem(
                "bad-plugin",
                f"plug-in `{name}` adds nothing: it has none of {', '.join(f'`{d}`' for d in DICTIONARIES)}",
                help='as in `builders = {"my_builder": my_builder}`',
            )
        )
    return entries


def _check_free(dictionary: str, entry: str, own: Container[str], others: Container[str]) -> None:
    if entry in own or entry in others:
        owner = "dlkit" if entry in own else "another plug-in"
        raise ConfigError(
            Problem(
                "plugin-name-taken",
                f"`{entry}` in `{dictionary}` is a name that {owner} has",
                help="give it another name",
            )
        )

"""Plug-ins: Python modules, named in the configuration, that add sources, builders, metrics, losses and callbacks.

A plug-in module holds plain dictionaries from names to functions or classes: sources, builders, metrics, losses,
callbacks.

    def two_layers(inputs, *, units: int = 64):      # inputs: KerasTensors by input name; returns features
        ...

    builders = {"two_layers": two_layers}

A source is `def my_source(*, path: str)`, which returns `{split name: {field: NumPy array}}`. The settings of a source
or builder are its keyword-only parameters: their annotations are the types and their defaults the defaults.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, Union

from pydantic import ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from dlkit.config import keras_names
from dlkit.config.errors_path import tagged, with_discriminator
from dlkit.config.problems import ConfigError, Problem
from dlkit.config.schema import Config
from dlkit.config.schema.base import KerasObject, Section, bare_word
from dlkit.config.schema.data import Data
from dlkit.config.schema.training import Callback, Loss, Metric, Training
from dlkit.config.trust import plugin_file

DICTIONARIES = ("sources", "builders", "metrics", "losses", "callbacks")
_TAGS = {"sources": "kind", "builders": "builder"}
_NOT_ARGUMENTS = {"self", "name", "dtype", "reduction", "args", "kwargs"}


class PluginSection(Section):
    """The settings of a plug-in source or builder."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


@dataclass(frozen=True)
class Plugins:
    """What the plug-in modules of a configuration add.

    Attributes:
        functions: for each of `sources`, `builders`, `metrics`, `losses`, `callbacks`: name to function or class.
        settings: for each of `sources`, `builders`: name to the class of its settings.
        files: for a module that was found next to the configuration, by the name in `plugins`: its file.
    """

    functions: Mapping[str, Mapping[str, Callable[..., Any]]] = field(
        default_factory=lambda: {name: {} for name in DICTIONARIES}
    )
    settings: Mapping[str, Mapping[str, type[Section]]] = field(default_factory=lambda: {name: {} for name in _TAGS})
    files: Mapping[str, Path] = field(default_factory=dict)


def load(names: Sequence[str], folder: Path) -> Plugins:
    """Import plug-in modules and read what they add.

    Args:
        names: importable names, names of `.py` files in `folder` without the ending, or paths that end in `.py`.
        folder: the folder of the configuration.

    Raises:
        ConfigError: with a problem for each module that is missing, fails, or adds something that cannot be used.
    """
    functions: dict[str, dict[str, Callable[..., Any]]] = {name: {} for name in DICTIONARIES}
    settings: dict[str, dict[str, type[Section]]] = {name: {} for name in _TAGS}
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for number, name in enumerate(names):
        try:
            module, file = _import(name, folder)
            if file is not None:
                files[name] = file
            found = _entries(module, name)
        except ConfigError as error:
            problems += [
                Problem(p.code, p.message, ("plugins", number), label=p.label, help=p.help) for p in error.problems
            ]
            continue
        for dictionary, entry, function in found:
            try:
                _check_free(dictionary, entry, functions)
                if dictionary in _TAGS:
                    settings[dictionary][entry] = _settings(dictionary, entry, function)
                functions[dictionary][entry] = function
            except ConfigError as error:
                problems += [
                    Problem(p.code, f"plug-in `{name}`: {p.message}", ("plugins", number), label=p.label, help=p.help)
                    for p in error.problems
                ]
    if problems:
        raise ConfigError(problems)
    return Plugins(functions, settings, files)


def config_class(plugins: Plugins) -> type[Config]:
    """`Config`, whose sources, builders, metrics, losses and callbacks are those of dlkit and of the plug-ins."""
    if not any(plugins.functions.values()):
        return Config
    data, training, model = Data, Training, Config.model_fields["model"]
    fields: dict[str, Any] = {}
    if plugins.settings["sources"]:
        source = Data.model_fields["source"]
        union = _extended(source, plugins.settings["sources"], "kind")
        data = create_model("Data", __base__=Data, __doc__=Data.__doc__, source=(union | None, _as_field(source)))
        fields["data"] = (data, _as_field(Config.model_fields["data"]))
    if plugins.settings["builders"]:
        fields["model"] = (_extended(model, plugins.settings["builders"], "builder"), _as_field(model))
    if any(plugins.functions[name] for name in ("metrics", "losses", "callbacks")):
        loss: Any = Annotated[_with_names(Loss, plugins.functions["losses"]), bare_word("name")]
        metric: Any = Annotated[_with_names(Metric, plugins.functions["metrics"]), bare_word("name")]
        callback: Any = Annotated[_with_names(Callback, plugins.functions["callbacks"]), bare_word("name")]
        replaced: dict[str, Any] = {
            "loss": (loss | None, _as_field(Training.model_fields["loss"])),
            "metrics": (list[metric] | None, _as_field(Training.model_fields["metrics"])),
            "callbacks": (list[callback], Field(default_factory=list, description=_described("callbacks"))),
        }
        training = create_model("Training", __base__=Training, __doc__=Training.__doc__, **replaced)
        described = Config.model_fields["training"].description
        fields["training"] = (training, Field(default_factory=training, description=described))
    return create_model("Config", __base__=Config, __doc__=Config.__doc__, **fields)


def _described(field: str) -> str | None:
    return Training.model_fields[field].description


def arguments(settings: Section) -> dict[str, Any]:
    """The keyword arguments for a plug-in's function, from its validated settings."""
    return {name: getattr(settings, name) for name in type(settings).model_fields if name not in _TAGS.values()}


def _as_field(info: FieldInfo) -> Any:
    default = {"default": info.default} if not info.is_required() else {}
    return Field(description=info.description, **default)


def _extended(info: FieldInfo, more: Mapping[str, type[Section]], tag: str) -> Any:
    classes = [*tagged(with_discriminator(info)).values(), *more.values()]
    return Annotated[Union[tuple(dict.fromkeys(classes))], Field(discriminator=tag)]  # noqa: UP007


def _with_names(base: type[KerasObject], classes: Mapping[str, Callable[..., Any]]) -> type[KerasObject]:
    names = {name: _constructor_arguments(cls) for name, cls in classes.items()}
    return type(
        base.__name__,
        (base,),
        {"__doc__": base.__doc__, "__module__": base.__module__, "more_names": names, "__annotations__": {}},
    )


def _constructor_arguments(cls: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters if p.kind in named and p.name not in _NOT_ARGUMENTS]


def _import(name: str, folder: Path) -> tuple[ModuleType, Path | None]:
    """The module of a plug-in, and its file if it is known by that."""
    file = plugin_file(name, folder)
    try:
        if file is not None and file.is_file():
            return _import_file(file), file
        if file is not None:
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
    name = f"dlkit_plugin_{file.stem}_{mark}"
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
    found = []
    for dictionary in DICTIONARIES:
        entries = getattr(module, dictionary, {})
        if not isinstance(entries, Mapping) or not all(isinstance(k, str) and callable(v) for k, v in entries.items()):
            raise ConfigError(
                Problem(
                    "bad-plugin",
                    f"plug-in `{name}`: `{dictionary}` must be a dictionary from names to functions",
                    help=f'as in `{dictionary} = {{"my_name": my_function}}`',
                )
            )
        found += [(dictionary, entry, function) for entry, function in entries.items()]
    if not found:
        raise ConfigError(
            Problem(
                "bad-plugin",
                f"plug-in `{name}` adds nothing: it has no `sources`, `builders`, `metrics`, `losses` or `callbacks`",
                help='as in `builders = {"my_builder": my_builder}`',
            )
        )
    return found


def _check_free(dictionary: str, entry: str, functions: Mapping[str, Mapping[str, Any]]) -> None:
    built_in: set[str]
    if dictionary in _TAGS:
        info = Data.model_fields["source"] if dictionary == "sources" else Config.model_fields["model"]
        built_in = set(tagged(with_discriminator(info)))
    else:
        built_in = set(keras_names.table()[dictionary])
    if entry in built_in or entry in functions[dictionary]:
        owner = "dlkit" if entry in built_in else "another plug-in"
        raise ConfigError(
            Problem(
                "plugin-name-taken",
                f"`{entry}` in `{dictionary}` is a name that {owner} has",
                help="give it another name",
            )
        )


def _settings(dictionary: str, entry: str, function: Callable[..., Any]) -> type[Section]:
    """The class of the settings that a source's or builder's function takes by keyword."""
    tag = _TAGS[dictionary]
    where = f"`{entry}` in `{dictionary}`"
    try:
        parameters = inspect.signature(function).parameters
        hints = typing.get_type_hints(
            function if inspect.isroutine(function) else type(function).__call__, include_extras=True
        )
    except Exception as error:
        raise ConfigError(Problem("bad-plugin", f"{where}: its signature cannot be read: {error}")) from error
    wrong = [p.name for p in parameters.values() if p.kind is p.VAR_KEYWORD or p.name in (tag, "model_config")]
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    wanted = (
        "one parameter, `inputs`, before the `*`"
        if dictionary == "builders"
        else "only keyword parameters, after a `*`"
    )
    if wrong or len(positional) != (dictionary == "builders"):
        reason = f"`{wrong[0]}` cannot be a setting" if wrong else f"it must have {wanted}"
        raise ConfigError(
            Problem(
                "bad-plugin",
                f"{where}: {reason}",
                help="settings are keyword-only parameters: `def f(inputs, *, units: int = 64)`",
            )
        )
    fields: dict[str, Any] = {tag: (Literal[entry], ...)}
    for p in parameters.values():
        if p.kind is p.KEYWORD_ONLY:
            fields[p.name] = (hints.get(p.name, Any), ... if p.default is p.empty else p.default)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a setting called `copy` hides a method of pydantic's that nobody calls
            return create_model(entry, __base__=PluginSection, __doc__=inspect.getdoc(function), **fields)
    except Exception as error:
        raise ConfigError(
            Problem(
                "bad-plugin",
                f"{where}: a parameter has a type that YAML cannot give: {error}",
                help="use int, float, bool, str, list, dict, Literal or None",
            )
        ) from error

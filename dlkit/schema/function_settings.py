"""The settings of a plug-in that is a function: a class made from its keyword-only parameters."""

from __future__ import annotations

import inspect
import typing
import warnings
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, create_model

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.registry import Registry


def settings_class(
    registry: Registry[Any], entry: str, function: Callable[..., Any], where: str = "the function"
) -> type[BaseModel]:
    """The class of the settings that a source's or builder's function takes by keyword.

    Args:
        registry: of the sources or of the builders.
        entry: the name that it gets.
        function: of the plug-in.
        where: how messages call it.

    Raises:
        ConfigError: if no such class can be made.
    """
    base = registry.base_for_functions()
    if base is None:
        message = f"{where}: it must be a class that derives from {registry.base.__name__}"
        raise ConfigError(Problem("bad-plugin", message))
    fields: dict[str, Any] = {registry.tag: (Literal[entry], ...)}
    for name, parameter, annotation in _settings_of(function, base, where):
        fields[name] = (annotation, ... if parameter.default is parameter.empty else parameter.default)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a setting called `copy` hides a method of pydantic's that nobody calls
            made = create_model(entry, __base__=base, __doc__=inspect.getdoc(function), **fields)
            made.model_rebuild()
    except Exception as error:
        raise ConfigError(
            Problem(
                "bad-plugin",
                f"{where}: a parameter has a type that YAML cannot give: {error}",
                help="use int, float, bool, str, list, dict, Literal or None",
            )
        ) from error
    made.function = staticmethod(function)  # type: ignore[attr-defined]
    return made


def _settings_of(function: Callable[..., Any], base: type[Any], where: str) -> list[tuple[str, inspect.Parameter, Any]]:
    """Name, parameter and type of each setting that a function takes."""
    try:
        parameters = inspect.signature(function).parameters
        hints = typing.get_type_hints(
            function if inspect.isroutine(function) else type(function).__call__, include_extras=True
        )
    except Exception as error:
        raise ConfigError(Problem("bad-plugin", f"{where}: its signature cannot be read: {error}")) from error
    # What the class of settings itself has: `kind`, `open`, `build`.
    taken = {name for name in dir(base) if not hasattr(BaseModel, name)} | {*base.model_fields, "model_config"}
    wrong = [p.name for p in parameters.values() if p.kind is p.VAR_KEYWORD or p.name in taken]
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if wrong or len(positional) != base.positional:
        reason = f"`{wrong[0]}` cannot be a setting" if wrong else f"it must have {base.form}"
        raise ConfigError(
            Problem(
                "bad-plugin",
                f"{where}: {reason}",
                help="settings are keyword-only parameters: `def f(inputs, *, units: int = 64)`",
            )
        )
    return [(p.name, p, hints.get(p.name, Any)) for p in parameters.values() if p.kind is p.KEYWORD_ONLY]

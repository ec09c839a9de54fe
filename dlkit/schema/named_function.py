"""Functions of the user's own that a section names: `function: my_module:make`, with `arguments`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dlkit.config.causes import kind_and_line, reported_as
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, DlkitError, Key, Problem, RunError
from dlkit.schema.plugins import import_plugin


def call_named(
    name: str, arguments: Mapping[str, Any], section: Key, *positional: Any, failed: type[DlkitError] = RunError
) -> Any:
    """Call a function that a section names with `function` and `arguments`; what it raises is reported as its mistake.

    Args:
        name: `module:function`; the module is imported now.
        arguments: those that the section states.
        section: key of the section.
        positional: what it is given before these.
        failed: what an error of the function becomes.

    Raises:
        ConfigError: there is no such module or function, or it does not take these arguments.
        DlkitError: it fails.
    """
    key = (*section, "function")
    function = _named(name, key)
    try:
        inspect.signature(function).bind(*positional, **arguments)
    except TypeError as error:
        message = f"`{name}` does not take these arguments: {error}"
        help = f"its signature is `{inspect.signature(function)}`"
        raise ConfigError(Problem("function-arguments", message, (*section, "arguments"), help=help)) from None
    except ValueError:
        pass  # a function of C has no signature; the call says what is wrong

    def problem(error: Exception) -> Problem:
        help = "correct the function; --debug shows where"
        return Problem("function-failed", f"`{name}` failed: {kind_and_line(error)}", key, help=help)

    with reported_as(problem, failed):
        return function(*positional, **arguments)


def _named(name: str, key: Key) -> Callable[..., Any]:
    """The function `module:function`, whose module is imported now."""
    module_name, _, path = name.rpartition(":")
    try:
        module, _ = import_plugin(module_name, Path())
    except ConfigError as error:
        found = [Problem(p.code, p.message, key, label=p.label, help=p.help) for p in error.problems]
        raise ConfigError(found) from error
    function: Any = module
    for part in path.split("."):
        if not hasattr(function, part):
            names = [n for n, value in vars(function).items() if callable(value) and not n.startswith("_")]
            message = f"`{module_name}` has no function `{path}`"
            raise ConfigError(Problem("no-function", message, key, help=did_you_mean(part, names, "it has")))
        function = getattr(function, part)
    if not callable(function):
        message = f"`{path}` of `{module_name}` is no function, but {type(function).__name__}"
        raise ConfigError(Problem("no-function", message, key, help="name a function"))
    return function

"""`kind: python`: whatever a function of the user's gives: arrays, a data frame, an iterator, a tf.data.Dataset."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.causes import kind_and_line, reported_as
from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.schema.base import FunctionName
from dlkit.schema.column import is_pattern
from dlkit.schema.plugins import import_plugin
from dlkit.schema.source import SourceData, SourceSettings, Wanted
from dlkit.sources._given import open_given

_KEY: Key = ("data", "source", "function")


class PythonSource(SourceSettings):
    """What a function of your own returns."""

    also_called = "function, callable, generator, py, from_generator"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        "function": "callable, target, loader, fn, func",
        "arguments": "args, kwargs, params, parameters",
    }

    kind: Literal["python"]
    function: FunctionName = Field(
        description="`module:function`: of an installed module, or of a file beside the configuration, as in "
        "`my_data.py:make`. It returns what `dlkit.train(data=...)` takes."
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the function.")

    def open(self, wanted: Wanted) -> SourceData:
        """What the function returns: by split, or for training alone.

        Raises:
            ConfigError: there is no such module or function, or it does not take these arguments.
            RunError: it fails, or returns something else than examples.
        """
        function = self._function()
        try:
            inspect.signature(function).bind(**self.arguments)
        except TypeError as error:
            message = f"`{self.function}` does not take these arguments: {error}"
            help = f"its signature is `{inspect.signature(function)}`"
            raise ConfigError(
                Problem("function-arguments", message, ("data", "source", "arguments"), help=help)
            ) from None
        except ValueError:
            pass  # a function of C has no signature; the call says what is wrong

        def problem(error: Exception) -> Problem:
            help = "correct the function; --debug shows where"
            return Problem("function-failed", f"`{self.function}` failed: {kind_and_line(error)}", _KEY, help=help)

        with reported_as(problem):
            returned = function(**self.arguments)
        if _is_one_split(returned, wanted):
            returned = {"train": returned}
        try:
            return open_given(returned, wanted, f"from `{self.function}`")
        except RunError as error:
            # What data given in Python have no place in the configuration for, the function returned.
            found = [p if len(p.key) > 1 else replace(p, key=_KEY, label="returned it") for p in error.problems]
            raise RunError(found) from error

    def _function(self) -> Callable[..., Any]:
        """The function, whose module is imported now."""
        module_name, _, name = self.function.rpartition(":")
        try:
            module, _ = import_plugin(module_name, Path())
        except ConfigError as error:
            found = [Problem(p.code, p.message, _KEY, label=p.label, help=p.help) for p in error.problems]
            raise ConfigError(found) from error
        function: Any = module
        for part in name.split("."):
            if not hasattr(function, part):
                names = [n for n, value in vars(function).items() if callable(value) and not n.startswith("_")]
                message = f"`{module_name}` has no function `{name}`"
                raise ConfigError(Problem("no-function", message, _KEY, help=did_you_mean(part, names, "it has")))
            function = getattr(function, part)
        if not callable(function):
            message = f"`{name}` of `{module_name}` is no function, but {type(function).__name__}"
            raise ConfigError(Problem("no-function", message, _KEY, help="name a function that returns the data"))
        return function


def _is_one_split(returned: Any, wanted: Wanted) -> bool:
    """Whether a dictionary holds the columns of one split, rather than splits."""
    names = [name for name in wanted if not is_pattern(name)]
    return isinstance(returned, Mapping) and "train" not in returned and bool(names) and set(names) <= set(returned)

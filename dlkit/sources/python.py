"""`kind: python`: whatever a function of the user's gives: arrays, a data frame, an iterator, a tf.data.Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.problems import Key, RunError
from dlkit.schema.base import FunctionName
from dlkit.schema.column import is_pattern
from dlkit.schema.named_function import call_named
from dlkit.schema.source import SourceData, SourceSettings, Wanted
from dlkit.sources._given import open_given

_SECTION: Key = ("data", "source")


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
        returned = call_named(self.function, self.arguments, _SECTION)
        if _is_one_split(returned, wanted):
            returned = {"train": returned}
        try:
            return open_given(returned, wanted, f"from `{self.function}`")
        except RunError as error:
            # What data given in Python have no place in the configuration for, the function returned.
            found = [
                p if len(p.key) > 1 else replace(p, key=(*_SECTION, "function"), label="returned it")
                for p in error.problems
            ]
            raise RunError(found) from error


def _is_one_split(returned: Any, wanted: Wanted) -> bool:
    """Whether a dictionary holds the columns of one split, rather than splits."""
    names = [name for name in wanted if not is_pattern(name)]
    return isinstance(returned, Mapping) and "train" not in returned and bool(names) and set(names) <= set(returned)

"""Sources that are functions of a plug-in: `def my_source(*, path: str)`, which returns arrays by split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict

from dlkit.config.problems import DlkitError, Problem, RunError
from dlkit.schema.source import SourceData, SourceSettings, Wanted
from dlkit.sources._given import open_given

_KEY = ("data", "source")


class FromFunction(SourceSettings):
    """A source whose settings are the keyword-only parameters of a function."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())

    function: ClassVar[Callable[..., Any]]
    # Parameters before the settings, and what a function must look like.
    positional: ClassVar[int] = 0
    form: ClassVar[str] = "only keyword parameters, after a `*`"

    def open(self, wanted: Wanted) -> SourceData:
        """What the function returns, by split: a dictionary of arrays, `(x, y)`, or a tf.data.Dataset.

        Raises:
            RunError: if the function fails or returns something else than examples.
        """
        try:
            returned = self.function(**self.model_dump(exclude={"kind"}))
        except DlkitError:
            raise
        except Exception as error:
            message = f"the source `{self.kind}` failed: {type(error).__name__}: {error}"
            help = "correct the function in the plug-in"
            raise RunError(Problem("plugin-source-failed", message, _KEY, help=help)) from error
        if not isinstance(returned, Mapping):
            help = "return a dictionary of splits, each a dictionary of arrays by field name"
            message = f"the source `{self.kind}` returned {type(returned).__name__}, not examples by split"
            raise RunError(Problem("plugin-source-failed", message, _KEY, help=help))
        return open_given(returned, wanted, f"from source `{self.kind}`")

"""Which inputs a builder takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.builder import BuilderSettings

if TYPE_CHECKING:
    from dlkit.schema import Config


class OneInput(BuilderSettings):
    """A builder that takes one input, of some kinds or of any."""

    # The kinds that it reads, and those in words; empty for any.
    reads: ClassVar[tuple[str, ...]] = ()
    reads_in_words: ClassVar[str] = ""

    def rules(self, config: Config) -> Iterator[Problem]:
        """There is one input, of a kind that the builder reads."""
        inputs = config.data.inputs
        if len(inputs) > 1:
            yield Problem(
                "contradiction",
                f"the {self.builder} builder takes one input, and there are {len(inputs)}",
                ("data", "inputs"),
                label=", ".join(inputs),
                help="a plug-in builder may take several",
            )
            return
        ((name, given),) = inputs.items()
        if self.reads and given.kind not in self.reads:
            yield Problem(
                "contradiction",
                f"the {self.builder} builder needs {self.reads_in_words}, and `{name}` is a {given.kind}",
                ("model", "builder"),
                label="write `rnn`" if given.kind == "sequence" else "write `mlp`",
                help=f"or change `data.inputs.{name}.kind`",
            )


def must_have_rank(x: Any, ranks: tuple[int, ...], needs: str) -> None:
    """Refuse an input with another number of axes, the batch included."""
    if len(x.shape) not in ranks:
        shape = " x ".join(map(str, x.shape[1:])) or "a single number"
        help = (
            "add the axis of channels, as in (28, 28, 1)" if len(x.shape) == min(ranks) - 1 else "use another builder"
        )
        raise ConfigError(Problem("input-rank", f"{needs}, the input is {shape}", key=("model", "builder"), help=help))

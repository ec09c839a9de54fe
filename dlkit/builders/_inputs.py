"""Which inputs a builder has a body for, and how the others join."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from dlkit.config.names import did_you_mean
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.encoded import Encoded, as_vector
from dlkit.lazy import lazy
from dlkit.schema.builder import BuilderSettings
from dlkit.schema.features import in_words

if TYPE_CHECKING:
    from dlkit.schema import Config

layers = lazy("keras.layers")


class WithBody(BuilderSettings):
    """A builder whose body takes inputs with some axes, or with any; the others join behind it as vectors."""

    # The axes of the inputs that go through its body, and those in words; empty for any.
    reads: ClassVar[tuple[tuple[str, ...], ...]] = ()
    reads_in_words: ClassVar[str] = ""
    # Those of them which, where an input has them, are the only ones that its body takes.
    reads_one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def rules(self, config: Config) -> Iterator[Problem]:
        """There is an input that the builder reads."""
        inputs = config.data.inputs
        if not self.reads or any(given.prepared_axes() in self.reads for given in inputs.values()):
            return
        name, given = next(iter(inputs.items()))
        what = f"`{name}` is a {given.kind}" if len(inputs) == 1 else f"none of {', '.join(inputs)} is one"
        yield Problem(
            "contradiction",
            f"the {self.builder} builder needs {self.reads_in_words}, and {what}",
            ("model", "builder"),
            label=f"write `{given.usual_builder}`",
            help=f"or change `data.inputs.{name}.kind`" if len(inputs) == 1 else "",
        )

    def divided(self, inputs: Mapping[str, Encoded]) -> tuple[list[tuple[str, Encoded]], list[Encoded]]:
        """The inputs that go through the body, each with the prefix of its layers' names, and the others.

        A single input always goes through the body, which refuses it if it does not fit.
        """
        reads = self._read_of([x.encoding.axes for x in inputs.values()])
        own = [x for x in inputs.values() if not reads or x.encoding.axes in reads or len(inputs) == 1]
        others = [x for x in inputs.values() if all(x is not one for one in own)]
        return [(f"{x.name}_" if len(own) > 1 else "", x) for x in own], others

    def reads_in_order(self, name: str, config: Config) -> bool:
        """Whether its body takes the input."""
        inputs = {name: given.prepared_axes() for name, given in config.data.inputs.items()}
        return inputs[name] in self._read_of(list(inputs.values()))

    def _read_of(self, every: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
        """Which of the axes that inputs have the body takes; empty for any."""
        return next(((axes,) for axes in self.reads_one_of if axes in every), self.reads)


def joined(vectors: Sequence[Any], others: Sequence[Encoded] = ()) -> Any:
    """Vectors, and inputs as vectors, side by side: float, shape (batch, features)."""
    every = [*vectors, *(as_vector(x, flatten=f"{x.name}_flatten") for x in others)]
    return every[0] if len(every) == 1 else layers.Concatenate(name="joined_inputs")(every)


def must_be_inputs(names: Iterable[tuple[str, Key]], config: Config) -> Iterator[Problem]:
    """A problem for each name that is no input's, at its key."""
    inputs = config.data.inputs
    for name, key in names:
        if name not in inputs:
            help = did_you_mean(name, list(inputs), "there is")
            yield Problem("unknown-choice", f"there is no input `{name}`", key, help=help)


def must_be_vector(features: Any, whose: str, key: Key, help: str = "end with `Flatten` or a pooling") -> None:
    """Refuse features that are no vector for each example.

    Args:
        features: what a builder gives.
        whose: what gave them, for the message.
        key: of its settings.
        help: what makes a vector.
    """
    shape = getattr(features, "shape", None)
    if shape is None or len(shape) != 2:
        what = f"{type(features).__name__}, which is no tensor" if shape is None else in_words(shape[1:])
        message = f"{whose} gives {what}, and the outputs are made from a vector"
        raise ConfigError(Problem("not-a-vector", message, key, help=help))

"""Keras objects that a configuration names: losses, metrics, callbacks and random layers; and their classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_serializer, model_validator

from dlkit.config.causes import first_line, reported_as
from dlkit.config.keras_names import layer_name, snake_case
from dlkit.config.phrases import listed
from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.config.short_forms import SingleKey, Word
from dlkit.lazy import lazy
from dlkit.schema.base import KerasObject, word_with_arguments
from dlkit.schema.optimizers import OptimizerBase

keras = lazy("keras")


class Loss(KerasObject):
    """A Keras loss by name. dlkit sets `from_logits` to what the model's head gives, and `axis` to that of examples."""

    category = "losses"
    reserved = frozenset({"axis", "from_logits"})

    @classmethod
    def hint(cls, name: str) -> str:
        """For the loss of quantiles, which setting asks for it."""
        pinball = re.match("pinball|quantile", name.lower())
        return "state `quantiles: [0.1, 0.5, 0.9]` at the target instead" if pinball else ""


class Metric(KerasObject):
    """A Keras metric by name. `accuracy` means the accuracy that fits the target."""

    category = "metrics"
    reserved = frozenset({"from_logits"})

    @classmethod
    def hint(cls, name: str) -> str:
        """For a figure that targets of some kind always have, that they do."""
        from dlkit.schema.target import TARGETS

        kinds = [f"`kind: {kind}`" for kind in TARGETS.names() if name.lower() in TARGETS[kind].own_figures]
        return f"{listed(kinds)} has it by itself: leave it out" if kinds else ""


class Callback(KerasObject):
    """A Keras callback by name, or a plug-in's, with the arguments of its constructor."""

    category = "callbacks"
    every_step: bool = Field(False, description="Call it after every update, which makes training slower.")

    @classmethod
    def hint(cls, name: str) -> str:
        """What does the same in dlkit, for a callback that no configuration needs."""
        place = _OF_THE_LOOP.get(name.lower().replace("_", ""))
        return f"use `{place}` instead" if place else ""


# What the loop does itself, by Keras's callback for it, without underscores.
_OF_THE_LOOP = {
    "earlystopping": "training.early_stopping",
    "modelcheckpoint": "training.checkpoints",
    "orbaxcheckpoint": "training.checkpoints",
    "backupandrestore": "train --resume",
    "learningratescheduler": "training.schedule",
    "swapemaweights": "training.optimizer.use_ema",
    "terminateonnan": "training.on_nonfinite",
    "lambdacallback": "plugins",
}


class WordOfKeras(KerasObject):
    """A Keras object that is written as its name, alone or with what it takes: `he_normal`, `{l2: 0.01}`."""

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Any) -> Any:
        settings = handler(self)
        name = settings.pop("name")
        return {name: settings} if settings else name

    @classmethod
    def word(cls, name: str) -> str:
        """The argument that a bare value stands for: the first one; empty where there is none."""
        known = cls.known_arguments()
        return next(iter(known[name]), "") if name in known else "value"  # of an unknown one, which is reported


class OfWeights(WordOfKeras):
    """What Keras makes of weights, or does with them."""

    def make(self, key: Key, axes: int) -> Any:
        """The object, a new one each time.

        Args:
            key: of the setting.
            axes: of the weights.

        Raises:
            ConfigError: Keras refuses the arguments, or weights of that number of axes.
        """
        made, shape = keras_argument({self.name: self.arguments}, self.category, key), (2, 2, 5, 7)[-axes:]
        with refusals_of_keras(f"`{self.name}`", key):
            made(shape if isinstance(made, keras.initializers.Initializer) else keras.ops.ones(shape))
        return made


class Initializer(OfWeights):
    """First values of weights: an initializer of Keras's, alone or with its arguments."""

    category = "initializers"


class Regularizer(OfWeights):
    """A penalty of weights in the loss: a regularizer of Keras's, alone or with its arguments."""

    category = "regularizers"


class Constraint(OfWeights):
    """What weights are kept to after each update: a constraint of Keras's, alone or with its arguments."""

    category = "constraints"


class RandomStep(WordOfKeras):
    """A random step, active in training alone: `random_flip`, `{random_rotation: {factor: 0.1}}`.

    It is a random Keras image layer, or a random step of `dlkit/steps/` that has the axes it works on.
    """

    category = "random_layers"
    reserved = frozenset({"data_format", "value_range"})
    # The axes of an example, by name; Keras's layers are for images.
    axes: ClassVar[tuple[str, ...]] = ("height", "width", "channels")

    @classmethod
    def known_arguments(cls) -> dict[str, list[str]]:
        """The arguments of Keras's layers for such examples, and of the steps."""
        from dlkit.schema.step import random_steps

        own = {name: [f for f in step.model_fields if f != "step"] for name, step in random_steps(cls.axes).items()}
        return {**(super().known_arguments() if "height" in cls.axes else {}), **own}

    @classmethod
    def word(cls, name: str) -> str:
        """The setting that a bare value stands for; Keras's layers have none."""
        from dlkit.schema.step import STEPS

        return STEPS[name].word if name in STEPS and STEPS[name].random else ""

    def own(self) -> Any | None:
        """The settings of the step; None for a layer of Keras's."""
        from dlkit.schema.step import random_steps

        step = random_steps(self.axes).get(self.name)
        return None if step is None else step.model_validate({"step": self.name, **self.arguments})

    @model_validator(mode="after")
    def _own_settings(self) -> RandomStep:
        self.own()
        return self

    def rules(self, key: Key, config: Any) -> Iterator[Problem]:
        """Examples are mixed with all that belongs to them, or not at all."""
        if self.name in ("mix_up", "cut_mix") and len(config.data.inputs) > 1:
            message = f"`{self.name}` mixes examples, and this input is only one of {len(config.data.inputs)}"
            help = "leave it out: what the other inputs have could not be mixed alike"
            yield Problem("contradiction", message, key, help=help)
        if (own := self.own()) is not None:
            yield from own.rules(key, config)

    @classmethod
    def hint(cls, name: str) -> str:
        """For a step that belongs in the other list, or with another kind, which that is."""
        from dlkit.schema.step import STEPS

        if name == "aug_mix":
            return "it draws in a way that no run can repeat: use `rand_augment`"
        if name in STEPS and STEPS[name].random:
            return f"it is for examples with the axes {' or '.join(STEPS[name].needs_axes or STEPS[name].first_axes)}"
        return "it is not random: it belongs in `preprocess`" if name in STEPS else ""


class RandomSequenceStep(RandomStep):
    """A random step of time series, active in training alone: `shift`, `{noise: {deviation: 0.1}}`."""

    axes = ("steps", "channels")


class RandomAudioStep(RandomStep):
    """A random step of sounds, active in training alone: `shift`, `{spec_augment: {bands: 2}}`."""

    axes = ("samples", "frames", "bins")


class RandomTextStep(RandomStep):
    """A random step of texts, active in training alone: `word_dropout`."""

    axes = ("tokens",)


class _RandomStepForm(SingleKey):
    """As for the steps of `preprocess`; `{step: random_flip}` is read as well."""

    def __init__(self) -> None:
        super().__init__("name", RandomStep.word)

    def read(self, value: Any) -> Any:
        read = super().read(value) if not (isinstance(value, dict) and "step" in value) else value
        if isinstance(read, dict) and "step" in read:
            read = {"name": read["step"], **{k: v for k, v in read.items() if k != "step"}}
        return read


AnyLoss = Annotated[Loss, Word("name")]
AnyMetric = Annotated[Metric, Word("name")]
AnyCallback = Annotated[Callback, Word("name")]
AnyInitializer = Annotated[Initializer, SingleKey("name", Initializer.word, noun="initializer")]
AnyRegularizer = Annotated[Regularizer, SingleKey("name", Regularizer.word, noun="regularizer")]
AnyConstraint = Annotated[Constraint, SingleKey("name", Constraint.word, noun="constraint")]
AnyRandomStep = Annotated[RandomStep, _RandomStepForm()]
AnyRandomSequenceStep = Annotated[RandomSequenceStep, _RandomStepForm()]
AnyRandomAudioStep = Annotated[RandomAudioStep, _RandomStepForm()]
AnyRandomTextStep = Annotated[RandomTextStep, _RandomStepForm()]


def keras_class(category: str, name: str) -> type[Any] | None:
    """Keras's class of a name in snake_case; None where Keras has none, as for a plug-in's.

    Args:
        category: as `KerasObject.category`.
        name: as a configuration has it.
    """
    classes = vars(keras.layers if category == RandomStep.category else getattr(keras, category)).items()
    named = layer_name if category == "layers" else snake_case
    return next((cls for written, cls in classes if isinstance(cls, type) and named(written) == name), None)


def keras_argument(value: Any, category: str, key: Key) -> Any:
    """An argument of a layer as Keras takes it: of a word with arguments, such as `{l2: 0.01}`, the object.

    Args:
        value: as the configuration has it.
        category: of the words that it may hold, as `KerasObject.category`; empty where it holds none.
        key: of the argument.

    Raises:
        ConfigError: Keras refuses what is stated beside the word.
    """
    word, settings = word_with_arguments(value)
    cls = keras_class(category, snake_case(word)) if category and word else None
    if cls is None:
        return value
    with refusals_of_keras(f"`{word}`", key):
        return cls(**(settings or {})) if isinstance(settings, dict | None) else cls(settings)


def keras_optimizer(
    settings: OptimizerBase,
    without: Container[str] = (),
    derived: Callable[[type[Any]], type[Any]] = lambda cls: cls,
    **more: Any,
) -> Any:
    """Keras's optimizer of some settings.

    Args:
        settings: its name and arguments.
        without: arguments that are left to Keras's defaults.
        derived: gives the class that is taken in place of Keras's.
        more: arguments in place of those of the settings.
    """
    arguments = {name: value for name, value in settings.model_dump().items() if name not in without}
    name = arguments.pop("name").replace("_", "")
    cls = next(cls for written, cls in vars(keras.optimizers).items() if written.lower() == name)
    return derived(cls)(**{**arguments, **more})


def refusals_of_keras(what: str, key: Key, code: str = "refused-by-keras") -> AbstractContextManager[None]:
    """Within the block, the errors by which Keras refuses arguments are raised as mistakes of a setting.

    They are mostly ValueError and TypeError, and AttributeError for some arguments of a wrong type.

    Args:
        what: is made, in words.
        key: the setting that asks for it.
        code: of the problem.

    Raises:
        ConfigError: if Keras refuses them.
    """
    return reported_as(lambda error: Problem(code, f"Keras refuses {what}: {first_line(error)}", key), ConfigError)

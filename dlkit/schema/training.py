"""Settings of `training`: the epochs, loss and metrics, when to stop, what to keep and what to watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from dlkit.config.short_forms import SameForEach, Word
from dlkit.schema.base import Fraction, NonNegativeFloat, Positive, PositiveFloat, Section, Text
from dlkit.schema.keras_objects import AnyCallback, AnyLoss, AnyMetric
from dlkit.schema.optimizers import Adam, Optimizer
from dlkit.schema.registry import Registry

Duration = Annotated[str, Field(pattern=r"^(\d+h(\d+m)?(\d+s)?|\d+m(\d+s)?|\d+s)$")]


class ScheduleSettings(Section):
    """What every schedule has."""

    # What people call it elsewhere, comma-separated.
    also_called: ClassVar[str] = ""

    name: str


class ScheduleBase(ScheduleSettings):
    """A schedule that may begin with a warm-up. Lengths are in epochs, which may be fractions."""

    warmup_epochs: NonNegativeFloat = Field(0.0, description="Epochs in which the rate rises from 0 to its full value.")


class Constant(ScheduleBase):
    """The same rate throughout, after the warm-up."""

    name: Literal["constant"]


class Cosine(ScheduleBase):
    """Half a cosine from the full rate down to `final_factor` of it (Loshchilov and Hutter, 2016)."""

    also_called = "cosine_decay, cosine_annealing"

    name: Literal["cosine"]
    final_factor: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="Last rate as a share of the full one.")


class Exponential(ScheduleBase):
    """The rate times `decay_rate` every `decay_epochs`."""

    also_called = "exponential_decay"

    name: Literal["exponential"]
    decay_rate: Annotated[float, Field(gt=0, le=1)] = Field(0.9, description="Factor per `decay_epochs`.")
    decay_epochs: PositiveFloat = Field(1.0, description="Epochs in which the rate falls by the factor once.")
    staircase: bool = Field(False, description="Fall at once at the end of each such period.")


class StepDecay(ScheduleBase):
    """The rate times `factor` at each of the given epochs."""

    also_called = "step_decay, multistep, piecewise, piecewise_constant, piecewise_constant_decay"

    name: Literal["step"]
    epochs: list[PositiveFloat] = Field(min_length=1, description="Epochs after which the rate falls, in rising order.")
    factor: Annotated[float, Field(gt=0, le=1)] = Field(0.1, description="Factor at each of them.")


class Polynomial(ScheduleBase):
    """The full rate down to `final_factor` of it, along a power of what is left of the run; a line by default."""

    also_called = "polynomial_decay, linear, linear_decay, poly"

    name: Literal["polynomial"]
    power: PositiveFloat = Field(1.0, description="Power of the share of the run that is left.")
    final_factor: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="Last rate as a share of the full one.")


class InverseTime(ScheduleBase):
    """The rate divided by 1 and `decay_rate` more for every `decay_epochs`."""

    also_called = "inverse_time_decay, inverse, inverse_decay"

    name: Literal["inverse_time"]
    decay_rate: PositiveFloat = Field(0.5, description="What the divisor grows by in `decay_epochs`.")
    decay_epochs: PositiveFloat = Field(1.0, description="Epochs in which the divisor grows by that.")
    staircase: bool = Field(False, description="Grow at once at the end of each such period.")


class CosineRestarts(ScheduleBase):
    """Half cosines one after the other, each from the full rate down (Loshchilov and Hutter, 2016)."""

    also_called = "cosine_decay_restarts, warm_restarts, sgdr, cosine_annealing_warm_restarts"

    name: Literal["cosine_restarts"]
    first_epochs: PositiveFloat = Field(1.0, description="Length of the first half cosine.")
    length_factor: Annotated[float, Field(ge=1)] = Field(2.0, description="Length of each as a multiple of the last.")
    rate_factor: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Full rate of each as a multiple of the last one's."
    )
    final_factor: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="Last rate as a share of the full one.")


class OneCycle(ScheduleSettings):
    """Up to the full rate, then down to almost nothing, in half cosines (Smith and Topin, 2017)."""

    also_called = "onecycle, 1cycle"

    name: Literal["one_cycle"]
    rise: Fraction = Field(0.3, description="Share of all steps in which the rate rises.")
    start_factor: Annotated[float, Field(gt=0, le=1)] = Field(
        0.04, description="First rate as a share of the full one."
    )
    final_factor: Annotated[float, Field(ge=0, le=1)] = Field(1e-4, description="Last rate as a share of the full one.")


SCHEDULES = Registry(
    "schedule",
    ScheduleSettings,
    "name",
    classes=(Constant, Cosine, CosineRestarts, Polynomial, Exponential, InverseTime, StepDecay, OneCycle),
    short_form=Word("name"),
)

if TYPE_CHECKING:
    Schedule = ScheduleSettings
else:
    Schedule = SCHEDULES.type()


class Swa(Section):
    """Stochastic weight averaging (Izmailov et al., 2018): the mean of the weights at the ends of the last epochs."""

    start: Fraction = Field(0.75, description="Share of the epochs after which they count.")


class EarlyStopping(Section):
    """Stop when the monitored figure has not improved for `patience` epochs."""

    patience: Positive = Field(3, description="Epochs without improvement after which training stops.")
    min_delta: NonNegativeFloat = Field(0.0, description="Smallest change that counts as an improvement.")


class Checkpoints(Section):
    """When the state of a run is saved, and how much of it is kept. There is always one at the end of an epoch."""

    keep: Positive = Field(2, description="Newest checkpoints that are kept.")
    keep_best: Positive = Field(1, description="Best epochs whose weights are kept as well.")
    every_steps: Positive | None = Field(None, description="Updates after which there is one in mid-epoch.")
    every_minutes: PositiveFloat | None = Field(None, description="Minutes after which there is one in mid-epoch.")


class OnNonfinite(Section):
    """What to do when a loss or a weight is no longer a finite number."""

    action: Literal["stop", "rollback"] = Field(description="Fail, or go on from the newest checkpoint with a remedy.")
    learning_rate_factor: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="What the learning rate is multiplied with at each rollback."
    )
    global_clipnorm: PositiveFloat | None = Field(
        None, description="Longest gradient of all weights together from the first rollback on; null for no change."
    )
    attempts: Positive = Field(3, description="Rollbacks before the run fails after all.")


class LimitBatches(Section):
    """Batches of `data.batch_size` that an epoch, or an evaluation, takes of each split; null for all."""

    train: Positive | None = Field(None, description="Batches of an epoch.")
    validation: Positive | None = Field(None, description="Batches of a validation.")
    test: Positive | None = Field(None, description="Batches of the test.")


def _fine_tuning(epochs: int) -> dict[str, Any]:
    """The settings that `fine_tune` stands for: those of fastai, whose learners have a tenth of the rate and less below
    the head (Howard and Gugger, "fastai: A layered API for deep learning", 2020).
    """
    return {"freeze": ["*backbone"], "unfreeze_after": epochs, "layer_rates": {"*backbone": [0.01, 0.1]}}


class Training(Section):
    """How the weights are fitted."""

    epochs: Positive = Field(10, description="Passes over the training examples.")
    optimizer: Optimizer = Field(
        default_factory=lambda: Adam(name="adam"), description="Optimizer, by name or with its settings."
    )
    schedule: Schedule = Field(
        default_factory=lambda: Constant(name="constant"), description="How the learning rate changes over the run."
    )
    loss: AnyLoss | None = Field(
        None, description="Keras loss, where there is one target; by default the one that fits its kind."
    )
    metrics: list[AnyMetric] | None = Field(
        None, description="Keras metrics, of every target that states none; by default those that fit its kind."
    )
    monitor: str | None = Field(
        None,
        description="Column of the history that decides which epoch is best; by default val_loss. Without a validation "
        "split nothing decides, and the last weights are kept.",
    )
    mode: Literal["auto", "min", "max"] = Field(
        "auto", description="Whether lower or higher is better; auto asks the metric."
    )
    early_stopping: EarlyStopping | None = Field(None, description="When to stop before the last epoch.")
    init_from: str | None = Field(
        None,
        min_length=1,
        description="Run, or `model.keras`, whose best weights a new run begins with where the shapes agree.",
    )
    checkpoints: Checkpoints = Field(default_factory=Checkpoints, description="When checkpoints are made and kept.")
    label_smoothing: Fraction = Field(
        0.0, description="Share of each label that is spread over all classes in training (Szegedy et al., 2016)."
    )
    swa: Swa | None = Field(
        None,
        description="Validate, test and save the mean of the weights at the ends of the last epochs; null for the "
        "weights themselves.",
    )
    freeze: list[Text] = Field(
        default_factory=list, description="Layers whose weights stay, by name; `*` stands for any characters."
    )
    unfreeze_after: Positive | None = Field(
        None, description="Epochs after which the layers of `freeze` are trained as well; null for never."
    )
    layer_rates: dict[Text, PositiveFloat | Annotated[list[PositiveFloat], Field(min_length=2, max_length=2)]] = Field(
        default_factory=dict,
        description="Learning rates of layers as shares of that of the optimizer, by their names, `*` as in `freeze`: "
        "one, or `[first, last]` of layers in their order, between which it rises by equal factors.",
    )
    fine_tune: Positive | None = Field(
        None,
        description="Epochs in which the backbone is frozen; after them it is trained, at a hundredth of the learning "
        "rate, at its last layer a tenth. Short for `freeze`, `unfreeze_after` and `layer_rates`.",
    )
    max_steps: Positive | None = Field(None, description="Updates after which training ends.")
    max_time: Duration | None = Field(
        None, description="Time after which training ends, as in `90m` or `1h30m`, resumed parts added up."
    )
    validate_every: Positive = Field(1, description="Epochs from one validation to the next; the last is validated.")
    limit_batches: Annotated[LimitBatches, SameForEach("train", "validation", "test")] = Field(
        default_factory=LimitBatches, description="Batches that are used of each split; a number stands for all three."
    )
    fast_dev_run: bool | Positive = Field(
        False,
        description="Run one epoch of that number of batches of each split (`true`: 2), to see that everything works.",
    )
    overfit_batches: Positive | None = Field(
        None, description="Train and judge on the same few batches, which a sound model learns by heart."
    )
    on_nonfinite: Annotated[OnNonfinite, Word("action")] = Field(
        default_factory=lambda: OnNonfinite(action="stop"),
        description="What to do when a loss or a weight is no longer a finite number: `stop` or `rollback`.",
    )
    callbacks: list[AnyCallback] = Field(
        default_factory=list, description="Keras callbacks, by name or with their settings."
    )
    health: Literal["auto", "off"] | Positive = Field(
        "auto", description="Updates from one look at gradients and activations to the next; auto: every few seconds."
    )
    baselines: Literal["auto", "off"] = Field(
        "auto",
        description="Fit simple models with scikit-learn once training is over, and compare; on some of many rows.",
    )
    first_batch: Literal["auto", "off"] = Field(
        "auto",
        description="Draw the first examples of training, images or series, into `first_batch.png` of the run.",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_fine_tuning(cls, stated: Any) -> Any:
        """The settings that `fine_tune` stands for, and over them those that are stated."""
        epochs = stated.get("fine_tune") if isinstance(stated, dict) else None
        return {**_fine_tuning(epochs), **stated} if type(epochs) is int and epochs > 0 else stated

    @classmethod
    def set_by(cls, values: Mapping[str, Any]) -> Mapping[str, str]:
        """`fine_tune` sets what it stands for."""
        return {} if values["fine_tune"] is None else dict.fromkeys(_fine_tuning(1), "fine_tune")

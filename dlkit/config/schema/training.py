"""Settings of `training`: the epochs, the optimizer and its schedule, loss and metrics, stopping and checkpoints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlkit.config.schema.base import (
    Fraction,
    KerasObject,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Section,
    bare_word,
)


class OptimizerBase(Section):
    """What every optimizer has; names and defaults are Keras's."""

    learning_rate: PositiveFloat = Field(0.001, description="Learning rate, the highest one where a schedule is given.")
    weight_decay: NonNegativeFloat | None = Field(None, description="Decoupled weight decay per step; null for none.")
    clipnorm: PositiveFloat | None = Field(None, description="Longest gradient of a single weight tensor.")
    clipvalue: PositiveFloat | None = Field(None, description="Largest absolute value of any gradient.")
    global_clipnorm: PositiveFloat | None = Field(None, description="Longest gradient of all weights together.")


class AdamBase(OptimizerBase):
    """The moments that Adam and its kin share."""

    beta_1: Fraction = Field(0.9, description="Decay of the first moment.")
    beta_2: Fraction = Field(0.999, description="Decay of the second moment.")
    epsilon: PositiveFloat = Field(1e-7, description="Added to the denominator.")


class Adam(AdamBase):
    """Adam (Kingma and Ba, 2014)."""

    name: Literal["adam"]
    amsgrad: bool = Field(False, description="Keep the largest second moment seen (Reddi et al., 2018).")


class AdamW(AdamBase):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2017)."""

    name: Literal["adamw"]
    weight_decay: NonNegativeFloat | None = Field(0.004, description="Decoupled weight decay per step.")
    amsgrad: bool = Field(False, description="Keep the largest second moment seen (Reddi et al., 2018).")


class Nadam(AdamBase):
    """Adam with Nesterov momentum (Dozat, 2016)."""

    name: Literal["nadam"]


class Sgd(OptimizerBase):
    """Stochastic gradient descent, with momentum if asked for."""

    name: Literal["sgd"]
    learning_rate: PositiveFloat = Field(0.01, description="Learning rate, the highest one where a schedule is given.")
    momentum: Fraction = Field(0.0, description="Share of the last update that is kept.")
    nesterov: bool = Field(False, description="Look ahead along the momentum.")


class RmsProp(OptimizerBase):
    """RMSprop (Tieleman and Hinton, 2012)."""

    name: Literal["rmsprop"]
    rho: Fraction = Field(0.9, description="Decay of the squared gradient.")
    momentum: Fraction = Field(0.0, description="Share of the last update that is kept.")
    epsilon: PositiveFloat = Field(1e-7, description="Added to the denominator.")
    centered: bool = Field(False, description="Divide by the variance instead of the second moment.")


class Adagrad(OptimizerBase):
    """Adagrad (Duchi et al., 2011)."""

    name: Literal["adagrad"]
    initial_accumulator_value: NonNegativeFloat = Field(0.1, description="Start of the sum of squared gradients.")
    epsilon: PositiveFloat = Field(1e-7, description="Added to the denominator.")


class Lion(OptimizerBase):
    """Lion (Chen et al., 2023)."""

    name: Literal["lion"]
    beta_1: Fraction = Field(0.9, description="Mixes gradient and momentum for the update.")
    beta_2: Fraction = Field(0.99, description="Decay of the momentum.")


Optimizer = Annotated[
    Annotated[Adam | AdamW | Nadam | Sgd | RmsProp | Adagrad | Lion, Field(discriminator="name")], bare_word("name")
]


class ScheduleBase(Section):
    """What every schedule has. Lengths are in epochs, which may be fractions."""

    warmup_epochs: NonNegativeFloat = Field(0.0, description="Epochs in which the rate rises from 0 to its full value.")


class Constant(ScheduleBase):
    """The same rate throughout, after the warm-up."""

    name: Literal["constant"]


class Cosine(ScheduleBase):
    """Half a cosine from the full rate down to `final_factor` of it (Loshchilov and Hutter, 2016)."""

    name: Literal["cosine"]
    final_factor: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="Last rate as a share of the full one.")


class Exponential(ScheduleBase):
    """The rate times `decay_rate` every `decay_epochs`."""

    name: Literal["exponential"]
    decay_rate: Annotated[float, Field(gt=0, le=1)] = Field(0.9, description="Factor per `decay_epochs`.")
    decay_epochs: PositiveFloat = Field(1.0, description="Epochs in which the rate falls by the factor once.")
    staircase: bool = Field(False, description="Fall at once at the end of each such period.")


class StepDecay(ScheduleBase):
    """The rate times `factor` at each of the given epochs."""

    name: Literal["step"]
    epochs: list[PositiveFloat] = Field(min_length=1, description="Epochs after which the rate falls, in rising order.")
    factor: Annotated[float, Field(gt=0, le=1)] = Field(0.1, description="Factor at each of them.")


class OneCycle(Section):
    """Up to the full rate, then down to almost nothing, in half cosines (Smith and Topin, 2017)."""

    name: Literal["one_cycle"]
    rise: Fraction = Field(0.3, description="Share of all steps in which the rate rises.")
    start_factor: Annotated[float, Field(gt=0, le=1)] = Field(
        0.04, description="First rate as a share of the full one."
    )
    final_factor: Annotated[float, Field(ge=0, le=1)] = Field(1e-4, description="Last rate as a share of the full one.")


Schedule = Annotated[
    Annotated[Constant | Cosine | Exponential | StepDecay | OneCycle, Field(discriminator="name")], bare_word("name")
]


class Loss(KerasObject):
    """A Keras loss by name. dlkit sets `from_logits` to what the model's head gives."""

    category = "losses"
    reserved = frozenset({"from_logits"})


class Metric(KerasObject):
    """A Keras metric by name. `accuracy` means the accuracy that fits the target."""

    category = "metrics"
    reserved = frozenset({"from_logits"})


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


class Training(Section):
    """How the weights are fitted."""

    epochs: Positive = Field(10, description="Passes over the training examples.")
    optimizer: Optimizer = Field(
        default_factory=lambda: Adam(name="adam"), description="Optimizer, by name or with its settings."
    )
    schedule: Schedule = Field(
        default_factory=lambda: Constant(name="constant"), description="How the learning rate changes over the run."
    )
    loss: Annotated[Loss, bare_word("name")] | None = Field(
        None, description="Keras loss; by default the one that fits the target's kind."
    )
    metrics: list[Annotated[Metric, bare_word("name")]] | None = Field(
        None, description="Keras metrics; by default those that fit the target's kind."
    )
    monitor: str | None = Field(
        None, description="Column of the history that decides which epoch is best; by default val_loss, else loss."
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

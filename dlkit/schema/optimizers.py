"""Optimizers: the settings of each, whose names and defaults are Keras's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from dlkit.config.short_forms import Word
from dlkit.schema.base import Fraction, NonNegativeFloat, Positive, PositiveFloat, Section, Text
from dlkit.schema.registry import Registry


class OptimizerBase(Section):
    """What every optimizer has; names and defaults are Keras's."""

    # What people call it elsewhere, comma-separated.
    also_called: ClassVar[str] = ""
    # The learning rates that it is used with, roughly: beyond them `check` asks.
    usual_rates: ClassVar[tuple[float, float]] = (1e-7, 0.1)

    name: str
    learning_rate: PositiveFloat = Field(0.001, description="Learning rate, the highest one where a schedule is given.")
    weight_decay: NonNegativeFloat | None = Field(None, description="Decoupled weight decay per step; null for none.")
    clipnorm: PositiveFloat | None = Field(None, description="Longest gradient of a single weight tensor.")
    clipvalue: PositiveFloat | None = Field(None, description="Largest absolute value of any gradient.")
    global_clipnorm: PositiveFloat | None = Field(None, description="Longest gradient of all weights together.")
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = Field(
        None, description="Batches whose gradients make one update together, as one batch of their examples would."
    )
    use_ema: bool = Field(False, description="Validate, test and save the moving average of the weights.")
    ema_momentum: Fraction = Field(0.99, description="Share of the average that is kept at each update.")


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

    also_called = "momentum"
    usual_rates = (1e-6, 10.0)

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

    usual_rates = (1e-6, 10.0)

    name: Literal["adagrad"]
    initial_accumulator_value: NonNegativeFloat = Field(0.1, description="Start of the sum of squared gradients.")
    epsilon: PositiveFloat = Field(1e-7, description="Added to the denominator.")


class Lion(OptimizerBase):
    """Lion (Chen et al., 2023)."""

    usual_rates = (1e-8, 0.01)

    name: Literal["lion"]
    beta_1: Fraction = Field(0.9, description="Mixes gradient and momentum for the update.")
    beta_2: Fraction = Field(0.99, description="Decay of the momentum.")


class Adadelta(OptimizerBase):
    """Adadelta (Zeiler, 2012)."""

    usual_rates = (1e-6, 10.0)

    name: Literal["adadelta"]
    rho: Fraction = Field(0.95, description="Decay of the squared gradient.")
    epsilon: PositiveFloat = Field(1e-7, description="Added to the denominator.")


class Adafactor(OptimizerBase):
    """Adafactor: sums over rows and columns instead of a moment for each weight (Shazeer and Stern, 2018)."""

    usual_rates = (1e-7, 1.0)

    name: Literal["adafactor"]
    beta_2_decay: float = Field(-0.8, description="Decay of the second moment, an exponent of the step.")
    epsilon_1: PositiveFloat = Field(1e-30, description="Added to the squared gradient.")
    epsilon_2: PositiveFloat = Field(0.001, description="Smallest scale of the weights that a step is measured by.")
    clip_threshold: PositiveFloat = Field(1.0, description="Largest root mean square of an update.")
    relative_step: bool = Field(True, description="Lower the rate with the inverse root of the step.")


class Adamax(AdamBase):
    """Adam with the largest gradient in place of the second moment (Kingma and Ba, 2014)."""

    name: Literal["adamax"]


class Ftrl(OptimizerBase):
    """Follow the regularised leader (McMahan et al., 2013), for linear models of sparse inputs."""

    usual_rates = (1e-6, 10.0)

    name: Literal["ftrl"]
    learning_rate_power: Annotated[float, Field(le=0)] = Field(-0.5, description="How the rate falls with the step.")
    initial_accumulator_value: NonNegativeFloat = Field(0.1, description="Start of the sum of squared gradients.")
    l1_regularization_strength: NonNegativeFloat = Field(0.0, description="Weight of the absolute weights.")
    l2_regularization_strength: NonNegativeFloat = Field(0.0, description="Weight of the squared weights.")
    l2_shrinkage_regularization_strength: NonNegativeFloat = Field(
        0.0, description="The same, as a decay that shrinks the gradient."
    )
    beta: NonNegativeFloat = Field(0.0, description="Added to the root of the sum of squared gradients.")


class Lamb(AdamBase):
    """LAMB, whose steps are as long as the weights of a layer allow (You et al., 2019): for large batches."""

    usual_rates = (1e-6, 1.0)

    name: Literal["lamb"]


class Muon(OptimizerBase):
    """Muon for matrices of weights, AdamW for all others (Jordan et al., 2024)."""

    name: Literal["muon"]
    weight_decay: NonNegativeFloat | None = Field(0.004, description="Decoupled weight decay per step.")
    momentum: Fraction = Field(0.95, description="Share of the last update that is kept.")
    nesterov: bool = Field(True, description="Look ahead along the momentum.")
    ns_steps: Positive = Field(5, description="Steps of the iteration that makes an update orthogonal.")
    rms_rate: PositiveFloat | None = Field(0.2, description="Scale of an update, to be as long as one of AdamW.")
    exclude_layers: list[Text] | None = Field(
        None,
        description="Layers that AdamW takes too, as that of the outputs should be: regular expressions of names.",
    )
    exclude_embeddings: bool = Field(True, description="Leave embeddings to AdamW.")
    adam_beta_1: Fraction = Field(0.9, description="Decay of the first moment of AdamW.")
    adam_beta_2: Fraction = Field(0.999, description="Decay of the second moment of AdamW.")
    adam_weight_decay: NonNegativeFloat = Field(0.004, description="Decoupled weight decay of AdamW.")
    adam_lr_ratio: PositiveFloat = Field(1.0, description="Rate of AdamW as a multiple of that of Muon.")
    epsilon: PositiveFloat = Field(1e-7, description="Added to the denominator.")


class ScheduleFreeAdamW(AdamBase):
    """AdamW without a schedule: it trains at a point between the weights and their average, and the average is judged
    (Defazio et al., 2024).
    """

    also_called = "schedule_free, schedulefree, adamw_schedule_free"

    name: Literal["schedule_free_adamw"]
    learning_rate: PositiveFloat = Field(0.0025, description="Learning rate, after the warm-up.")
    beta_1: Annotated[float, Field(gt=0, lt=1)] = Field(0.9, description="Share of the average in the point between.")
    epsilon: PositiveFloat = Field(1e-8, description="Added to the denominator.")
    warmup_steps: Annotated[int, Field(ge=0)] = Field(0, description="Updates in which the rate rises from 0.")


OPTIMIZERS = Registry(
    "optimizer",
    OptimizerBase,
    "name",
    classes=(
        Adam,
        AdamW,
        Nadam,
        Adamax,
        Sgd,
        RmsProp,
        Adagrad,
        Adadelta,
        Adafactor,
        Lamb,
        Lion,
        Ftrl,
        Muon,
        ScheduleFreeAdamW,
    ),
    short_form=Word("name"),
)

if TYPE_CHECKING:
    Optimizer = OptimizerBase
else:
    Optimizer = OPTIMIZERS.type()

"""How the weights of a builder's layers begin, and what keeps them small: initializers, regularizers, constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field

from dlkit.config.problems import Key
from dlkit.schema.base import Section
from dlkit.schema.keras_objects import AnyConstraint, AnyInitializer, AnyRegularizer


class WeightSettings(Section):
    """What is asked for of the weights of layers, by the names of Keras's own arguments; null for Keras's defaults."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "kernel_initializer": "initializer, initialiser, init, weight_init, weights_init, weight_initializer",
        "kernel_regularizer": "l2, l1, alpha, penalty, regularizer, regularisation, regularization, ridge",
        "kernel_constraint": "constraint, max_norm, kernel_max_norm",
    }

    kernel_initializer: AnyInitializer | None = Field(
        None, description="First values of the kernels, as in `he_normal` or `{orthogonal: 1.4}`."
    )
    kernel_regularizer: AnyRegularizer | None = Field(
        None, description="Penalty of the kernels in the loss, as in `{l2: 0.0001}`."
    )
    kernel_constraint: AnyConstraint | None = Field(
        None, description="What kernels are kept to after each update, as in `{max_norm: 3.0}`."
    )
    bias_initializer: AnyInitializer | None = Field(None, description="First values of the biases.")
    bias_regularizer: AnyRegularizer | None = Field(None, description="Penalty of the biases in the loss.")
    bias_constraint: AnyConstraint | None = Field(None, description="What biases are kept to after each update.")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Behind the settings of the section itself, whose first one is what a bare value stands for."""
        super().__pydantic_init_subclass__(**kwargs)
        for name in WeightSettings.model_fields:
            cls.model_fields[name] = cls.model_fields.pop(name)

    def of_weights(self, key: Key, kernel: str = "kernel", axes: int = 2) -> dict[str, Any]:
        """Arguments of a Keras layer; none where nothing is asked for.

        The objects are new ones: an initializer that two layers share would give both the same values.

        Args:
            key: of these settings.
            kernel: what the layer calls its kernel, such as `depthwise`.
            axes: of the kernel; some of Keras's objects are for matrices alone.

        Raises:
            ConfigError: Keras refuses what is stated.
        """
        found = {}
        for field in WeightSettings.model_fields:
            if (given := getattr(self, field)) is not None:
                made = given.make((*key, field), axes if field.startswith("kernel") else 1)
                found[field.replace("kernel", kernel)] = made
        return found

    def with_weights_of(self, outer: WeightSettings) -> Self:
        """The same settings, with those of another section where nothing is asked for here."""
        fields = WeightSettings.model_fields
        return self.model_copy(update={name: getattr(outer, name) for name in fields if getattr(self, name) is None})

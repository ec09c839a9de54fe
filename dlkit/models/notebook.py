"""The builders as functions: `dlkit.cnn(input_shape=(28, 28, 1), classes=10)` is a plain, compiled Keras model."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import keras

from dlkit.config.loader import from_mapping
from dlkit.config.schema.base import Section
from dlkit.config.schema.model import Cnn, Mlp, Rnn
from dlkit.data.contract import Feature, Spec
from dlkit.models.build import build_model

Classes = int | Sequence[str] | None
INPUT_KINDS = {"cnn": "image", "mlp": "number", "rnn": "sequence"}


def _function(settings_class: type[Section]) -> Callable[..., keras.Model]:
    """The function of a builder: its settings are the fields of the settings class, and stated nowhere else."""
    builder = str(settings_class.model_fields["builder"].annotation.__args__[0])  # type: ignore[union-attr]
    fields = {name: field for name, field in settings_class.model_fields.items() if name != "builder"}

    def build(
        input_shape: Sequence[int],
        classes: Classes = None,
        *,
        target: str = "category",
        optimizer: str | dict[str, Any] = "adam",
        **settings: Any,
    ) -> keras.Model:
        data = {
            "inputs": {"input": {"kind": INPUT_KINDS[builder], "preprocess": []}},
            "targets": {"output": {"kind": target}},
        }
        config = from_mapping(
            {
                "name": builder,
                "data": data,
                "model": {"builder": builder, **settings},
                "training": {"optimizer": optimizer},
            },
            needs_source=False,
        ).config
        # NumPy's whole numbers, as of `y.max() + 1`, are not int.
        number = isinstance(classes, SupportsIndex)
        names = tuple(str(i) for i in range(operator.index(classes))) if number else tuple(classes or ())  # type: ignore[arg-type]
        if isinstance(input_shape, SupportsIndex):
            raise TypeError(f"{builder}() needs `input_shape` as a tuple, as in ({operator.index(input_shape)},)")
        if target == "category" and len(names) < 2:
            raise TypeError(f"{builder}() needs `classes`, the number of classes or their names, at least 2")
        inputs = {"input": Feature("input", INPUT_KINDS[builder], tuple(input_shape), "float32")}
        dtype = "float32" if target == "number" else "int32"
        return build_model(config, Spec(inputs, {"output": Feature("output", target, (), dtype, names)}))

    documented = "\n".join(f"    {name}: {field.description}" for name, field in fields.items())
    build.__name__ = build.__qualname__ = builder
    build.__doc__ = f"""{(settings_class.__doc__ or "").strip()}

Ends in logits and comes compiled with the loss and metrics that fit them, so that `model.fit(x, y)` is right at once.

Args:
    input_shape: shape of one example, without the batch.
    classes: number of classes, or their names; for a category alone.
    target: `category` (integer labels), `binary` (0 or 1) or `number` (regression).
    optimizer: name of an optimizer, or a dictionary with its `name` and settings.
{documented}

Returns:
    A compiled keras.Model: float input of shape (batch, *input_shape); logits of shape (batch, classes), or (batch, 1).

Raises:
    ConfigError: if a setting is unknown or wrong, or the layers do not fit the input.
"""
    own = [p for p in inspect.signature(build).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    described = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=field.get_default(call_default_factory=True), annotation=Any
        )
        for name, field in fields.items()
    ]
    build.__signature__ = inspect.Signature([*own, *described], return_annotation=keras.Model)  # type: ignore[attr-defined]
    return build


cnn = _function(Cnn)
mlp = _function(Mlp)
rnn = _function(Rnn)

"""The builders as functions: `dlkit.cnn(input_shape=(28, 28, 1), classes=10)` is a plain, compiled Keras model."""

# Long because editors read the settings of every builder here.

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Required, SupportsIndex, TypedDict, get_args, get_origin

import keras
from pydantic.fields import FieldInfo

from dlkit.config.annotations import as_section, choice_in, members
from dlkit.data.bound import Spec
from dlkit.models.build import build_model
from dlkit.schema.base import Section
from dlkit.schema.builder import BUILDERS, BuilderSettings
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from dlkit.schema.target import TARGETS

Classes = int | Sequence[str] | None


def _function(settings_class: type[BuilderSettings]) -> Callable[..., keras.Model]:
    """The function of a builder: its settings are the fields of the settings class, and stated nowhere else."""
    builder = str(settings_class.model_fields["builder"].annotation.__args__[0])  # type: ignore[union-attr]
    usual = settings_class.usual_input

    def build(
        input_shape: Sequence[int],
        classes: Classes = None,
        *,
        target: str = "category",
        optimizer: str | dict[str, Any] = "adam",
        input_kind: str = usual,
        **settings: Any,
    ) -> keras.Model:
        # NumPy's whole numbers, as of `y.max() + 1`, are not int.
        number = isinstance(classes, SupportsIndex)
        names = list(map(str, range(operator.index(classes)))) if number else list(classes or ())  # type: ignore[arg-type]
        classed = names and target in TARGETS and "classes" in TARGETS[target].model_fields
        data = {
            "inputs": {"input": {"kind": input_kind, "preprocess": []}},
            "targets": {"output": {"kind": target, **({"classes": names} if classed else {})}},
        }
        model, training = {"builder": builder, **settings}, {"optimizer": optimizer}
        config = from_mapping(
            {"name": builder, "data": data, "model": model, "training": training}, needs_source=False
        ).config
        if isinstance(input_shape, SupportsIndex):
            raise TypeError(f"{builder}() needs `input_shape` as a tuple, as in ({operator.index(input_shape)},)")
        feature = config.data.targets["output"].without_source("output")
        if feature is None:
            raise TypeError(f"{builder}() needs `classes`, the number of classes or their names, at least 2")
        inputs = {"input": Feature("input", input_kind, tuple(input_shape), "float32")}
        return build_model(config, Spec(inputs, {"output": feature}))

    build.__name__ = build.__qualname__ = builder
    _describe(build, settings_class)
    return build


def _describe(build: Callable[..., keras.Model], settings_class: type[BuilderSettings]) -> None:
    """Give a builder's function a docstring and a signature with its settings."""
    fields = {name: field for name, field in settings_class.model_fields.items() if name != "builder"}
    documented = "\n".join(_documented(name, field) for name, field in fields.items())
    build.__doc__ = f"""{(settings_class.__doc__ or "").strip()}

Ends in logits and comes compiled with the loss and metrics that fit them, so that `model.fit(x, y)` is right at once.

Args:
    input_shape: shape of one example, without the batch.
    classes: number of classes, or their names; for a category alone.
    target: `category` (integer labels), `binary` (0 or 1) or `number` (regression).
    optimizer: name of an optimizer, or a dictionary with its `name` and settings.
    input_kind: what an example is: `image`, `sequence` (steps and channels) or `number`.
{documented}

Returns:
    A compiled keras.Model: float input of shape (batch, *input_shape); logits of shape (batch, classes), or (batch, 1).

Raises:
    ConfigError: if a setting is unknown or wrong, or the layers do not fit the input.
"""
    own = [p for p in inspect.signature(build).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    described = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=_default(field), annotation=_plain_type(field.annotation)
        )
        for name, field in fields.items()
    ]
    build.__signature__ = inspect.Signature([*own, *described], return_annotation=keras.Model)  # type: ignore[attr-defined]


def _documented(name: str, field: FieldInfo, indent: str = "    ") -> str:
    """The line of a setting, and below it those of the keys of its items where they are mappings."""
    below = [f"{indent}    {line}" for item in _items(field.annotation) for line in _of_keys(item)]
    return "\n".join([f"{indent}{name}: {field.description}" + (" Each is a dictionary:" if below else ""), *below])


def _items(annotation: Any) -> list[Any]:
    """The types of what lists hold."""
    return [item for member in members(annotation) for item in get_args(member)]


def _of_keys(annotation: Any) -> Iterator[str]:
    """A line for each key of a mapping of this type: of all kinds that it may be, the default one first."""
    choice, section = choice_in(annotation), as_section(annotation)
    kinds = {} if section is None else {"": section}
    if choice is not None:
        kinds = dict(sorted(choice.classes().items(), key=lambda pair: pair[0] != choice.default))
        default = "Required." if choice.default is None else f"By default {choice.default!r}."
        yield f"{choice.tag}: One of {', '.join(kinds)}. {default}"
    for key in dict.fromkeys(key for kind in kinds.values() for key in kind.model_fields):
        having = {name: kind.model_fields[key] for name, kind in kinds.items() if key in kind.model_fields}
        if choice is None or key != choice.tag:
            of = f" Of {', '.join(having)}." if len(having) < len(kinds) else ""
            first = next(iter(having.values()))
            yield f"{key}: {first.description}{of}{_by_default(list(having.values()))}"


def _by_default(fields: Sequence[FieldInfo]) -> str:
    if fields[0].is_required():
        return " Required."
    return f" By default {' or '.join(dict.fromkeys(repr(_default(field)) for field in fields))}."


def _default(field: FieldInfo) -> Any:
    """The default as one would write it: sections as dictionaries of what is not their own default."""
    default = field.get_default(call_default_factory=True)
    if isinstance(default, list):
        return [x.model_dump(exclude_unset=True) if isinstance(x, Section) else x for x in default]
    return default


def _plain_type(annotation: Any) -> Any:
    """A type of the schema without its bounds; a section is a dictionary."""
    inner = members(annotation)
    if len(inner) > 1 or inner[0] is not annotation:
        optional = [None] if type(None) in get_args(annotation) else []
        return functools.reduce(operator.or_, [*map(_plain_type, inner), *optional])
    if as_section(annotation) is not None or choice_in(annotation) is not None:
        return dict[str, Any]
    return list[_plain_type(get_args(annotation)[0])] if get_origin(annotation) is list else annotation  # type: ignore[misc]


if TYPE_CHECKING:
    # For editors, which do not run this file. A test holds it equal to the settings classes.
    Kind = Literal["category", "binary", "number"]
    InputKind = Literal["image", "sequence", "number"]
    Size = int | Sequence[int]
    # An initializer, regularizer or constraint of Keras's: its name, or that with its arguments.
    Word = str | dict[str, Any] | None

    class Block(TypedDict, total=False):
        """One convolution block of `cnn`; which keys there are depends on its kind."""

        kind: Literal["plain", "bottleneck", "inception", "inverted_residual", "residual", "separable"]
        filters: Required[int]
        activation: str
        batch_normalization: bool
        squeeze_excite: int | None
        pool_size: Size | None
        dropout: float
        repeat: int
        kernel_size: Size
        strides: Size
        padding: Literal["valid", "same"]
        kernel_initializer: Word
        kernel_regularizer: Word
        kernel_constraint: Word
        bias_initializer: Word
        bias_regularizer: Word
        bias_constraint: Word
        reduction: int
        kernel_sizes: Sequence[int] | None
        bottleneck: int | None
        pool_branch: bool
        shortcut: bool
        expansion: float
        convolutions: int
        dilation_rate: int

    class Backbone(TypedDict, total=False):
        """The network of keras.applications in `cnn`."""

        name: Required[str]
        weights: str

    class Convolution(TypedDict, total=False):
        """The convolution in front of `rnn`."""

        filters: Required[int]
        kernel_size: int
        strides: int
        activation: str

    def attention(
        input_shape: Sequence[int],
        classes: Classes = None,
        *,
        target: Kind = "category",
        optimizer: str | dict[str, Any] = "adam",
        input_kind: InputKind = "sequence",
        dense: Sequence[int] = (),
        activation: str = "gelu",
        dropout: float = 0.1,
        blocks: int = 2,
        width: int = 64,
        heads: int = 4,
        feed_forward: int | None = None,
        patch: int = 4,
        pooling: Literal["average", "max", "attention"] = "average",
        kernel_initializer: Word = None,
        kernel_regularizer: Word = None,
        kernel_constraint: Word = None,
        bias_initializer: Word = None,
        bias_regularizer: Word = None,
        bias_constraint: Word = None,
    ) -> keras.Model:
        """The encoder of a transformer over a sequence, compiled; `help(dlkit.attention)` explains each setting."""

    def cnn(
        input_shape: Sequence[int],
        classes: Classes = None,
        *,
        target: Kind = "category",
        optimizer: str | dict[str, Any] = "adam",
        input_kind: InputKind = "image",
        dense: Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0.0,
        preset: Literal[
            "lenet5", "resnet9", "airbench", "resnet18", "mobilenet_small", "inception_time", "lite", "ds_cnn"
        ]
        | None = None,
        blocks: Sequence[Block] = ({"filters": 32, "pool_size": 2}, {"filters": 64, "pool_size": 2}),
        backbone: Backbone | None = None,
        pooling: Literal["flatten", "average", "max"] | None = None,
        kernel_initializer: Word = None,
        kernel_regularizer: Word = None,
        kernel_constraint: Word = None,
        bias_initializer: Word = None,
        bias_regularizer: Word = None,
        bias_constraint: Word = None,
    ) -> keras.Model:
        """A convolutional network over images, compiled; `help(dlkit.cnn)` explains each setting."""

    def linear(
        input_shape: Sequence[int],
        classes: Classes = None,
        *,
        target: Kind = "category",
        optimizer: str | dict[str, Any] = "adam",
        input_kind: InputKind = "number",
        kind: Literal["nlinear", "dlinear", "plain"] | None = None,
        window: int = 25,
        input: str | None = None,
        kernel_initializer: Word = None,
        kernel_regularizer: Word = None,
        kernel_constraint: Word = None,
        bias_initializer: Word = None,
        bias_regularizer: Word = None,
        bias_constraint: Word = None,
    ) -> keras.Model:
        """A linear model, compiled; `help(dlkit.linear)` explains each setting."""

    def mlp(
        input_shape: Sequence[int],
        classes: Classes = None,
        *,
        target: Kind = "category",
        optimizer: str | dict[str, Any] = "adam",
        input_kind: InputKind = "number",
        dense: Sequence[int] = (128,),
        activation: str = "relu",
        dropout: float = 0.0,
        numbers: Literal["auto", "plain", "piecewise", "periodic"] = "auto",
        normalization: Literal["batch", "layer"] | None = None,
        residual: bool = False,
        members: int | None = None,
        kernel_initializer: Word = None,
        kernel_regularizer: Word = None,
        kernel_constraint: Word = None,
        bias_initializer: Word = None,
        bias_regularizer: Word = None,
        bias_constraint: Word = None,
    ) -> keras.Model:
        """A multi-layer perceptron over the flattened input, compiled; `help(dlkit.mlp)` explains each setting."""

    def rnn(
        input_shape: Sequence[int],
        classes: Classes = None,
        *,
        target: Kind = "category",
        optimizer: str | dict[str, Any] = "adam",
        input_kind: InputKind = "sequence",
        dense: Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0.0,
        cell: Literal["lstm", "gru", "simple_rnn"] = "lstm",
        units: Sequence[int] = (64,),
        bidirectional: bool = False,
        recurrent_dropout: float = 0.0,
        layer_norm: bool = False,
        pooling: Literal["last", "average", "max", "attention"] = "last",
        conv: Convolution | None = None,
        recurrent_initializer: Word = None,
        recurrent_regularizer: Word = None,
        recurrent_constraint: Word = None,
        kernel_initializer: Word = None,
        kernel_regularizer: Word = None,
        kernel_constraint: Word = None,
        bias_initializer: Word = None,
        bias_regularizer: Word = None,
        bias_constraint: Word = None,
    ) -> keras.Model:
        """A recurrent network over a sequence, compiled; `help(dlkit.rnn)` explains each setting."""

else:

    @functools.cache
    def __getattr__(name: str) -> Callable[..., keras.Model]:
        """The function of a builder."""
        if name not in BUILDERS.own_names:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return _function(BUILDERS[name])

"""Prepared inputs as builders take them, and the layers that make a vector, a sequence or a map of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlkit.config.problems import ConfigError, Key, Problem
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.features import Encoding

initializers, layers, ops = lazy("keras.initializers"), lazy("keras.layers"), lazy("keras.ops")
# With up to this many values a one-hot vector is no larger than an embedding would be.
MOST_ONE_HOT = 9


@dataclass(frozen=True)
class Encoded:
    """A prepared input within the network.

    Attributes:
        name: of the input.
        tensor: Keras tensor, shape (batch, *encoding.shape): float, 0 where the mask is False; or int32 ids.
        encoding: what it is.
        mask: bool, shape (batch, steps), False for steps or tokens that are not there; None where all are.
        state: what was fitted on the training rows for this input, in raw values.
        prepare: what preprocessing makes of raw values, first axis the examples.
    """

    name: str
    tensor: Any
    encoding: Encoding
    mask: Any = None
    state: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Any], Any] = field(default=lambda values: values, compare=False)

    @property
    def key(self) -> Key:
        """Path of its settings."""
        return ("data", "inputs", self.name)


def encoded(
    name: str, tensor: Any, encoding: Encoding, state: Mapping[str, Any], prepare: Callable[[Any], Any]
) -> Encoded:
    """An input with its mask, where it has one: NaN becomes 0 and is masked, and so is the id 0 of tokens.

    Args:
        name: of the input.
        tensor: as the device stage leaves it, shape (batch, *encoding.shape).
        encoding: what it is.
        state: what was fitted on the training rows.
        prepare: what preprocessing makes of raw values.
    """
    if not encoding.masked:
        return Encoded(name, tensor, encoding, None, state, prepare)
    if encoding.vocabulary:
        return Encoded(name, tensor, encoding, ops.not_equal(tensor, 0), state, prepare)
    absent = ops.isnan(tensor)
    mask = ops.logical_not(ops.all(absent, axis=-1))
    return Encoded(name, ops.where(absent, 0.0, tensor), encoding, mask, state, prepare)


def as_vector(given: Encoded, *, flatten: str = "flatten") -> Any:
    """One vector for each example: embedded ids side by side, the mean of what is there, or all values in a row.

    The mean of a text without any token is 0.

    Args:
        given: an input of any kind.
        flatten: name of the layer that flattens, where there is one.

    Returns:
        Float, shape (batch, features).
    """
    if given.encoding.vocabulary and given.mask is not None:
        return masked_mean(_token_embeddings(given), given.mask)
    if given.encoding.vocabulary and len(given.encoding.shape) == len(given.encoding.vocabulary) == 1:
        return _embedded(given, given.tensor[:, 0], given.encoding.vocabulary[0], f"{given.name}_embedding")
    if given.encoding.vocabulary:
        parts = [
            _embedded(given, given.tensor[:, n], size, f"{given.name}_embedding_{n + 1}")
            for n, size in enumerate(given.encoding.vocabulary)
        ]
        return layers.Concatenate(name=f"{given.name}_embedded")(parts)
    if given.mask is not None:
        return masked_mean(given.tensor, given.mask)
    if len(given.tensor.shape) == 2:
        return given.tensor
    return origin(layers.Flatten(name=flatten), MODEL)(given.tensor)


def masked_mean(x: Any, mask: Any) -> Any:
    """The mean of each channel over the steps that are there; 0 where none is.

    Args:
        x: float, shape (batch, steps, channels).
        mask: bool, shape (batch, steps).

    Returns:
        Float, shape (batch, channels).
    """
    there = ops.expand_dims(ops.cast(mask, "float32"), -1)
    total = ops.sum(x * ops.cast(there, x.dtype), axis=1)
    return total / ops.cast(ops.maximum(ops.sum(there, axis=1), 1), x.dtype)


def as_sequence(given: Encoded, *, rows: str = "rows") -> Any:
    """Steps with channels: a sequence as it is, a text by its embedded tokens, an image row by row.

    Args:
        given: a sequence, a text, or an image.
        rows: name of the layer that makes rows of an image.

    Returns:
        Float, shape (batch, steps, channels).

    Raises:
        ConfigError: if the input has another number of axes.
    """
    if given.encoding.vocabulary and given.mask is not None:
        return _token_embeddings(given)
    x = given.tensor
    must_have_rank(x, (3, 4), "an RNN takes sequences of steps and channels, or images")
    if len(x.shape) == 3:
        return x
    height, width, channels = x.shape[1:]
    return origin(layers.Reshape((height, width * channels), name=rows), MODEL)(x)


def as_grid(given: Encoded) -> Any:
    """What convolutions go over: an image as it is, or steps with channels; see `as_sequence`.

    Raises:
        ConfigError: if the input has another number of axes.
    """
    if given.encoding.vocabulary and given.mask is not None:
        return _token_embeddings(given)
    rank = 4 if given.encoding.axes[:2] == ("height", "width") else 3
    must_have_rank(given.tensor, (rank,), "a CNN takes images of height, width and channels, or steps and channels")
    return given.tensor


def as_plain(given: Encoded) -> Any:
    """A float tensor, as the functions of plug-ins take it: ids are embedded, steps that are not there are 0."""
    return as_vector(given) if given.encoding.vocabulary else given.tensor


def embedding_size(values: int) -> int:
    """Numbers that stand for one of `values` values (the rule of fastai's tabular models, Howard and Gugger, 2020)."""
    return int(min(600, round(1.6 * values**0.56)))


def embedding_of(table: Any, name: str, *, trainable: bool = True) -> Any:
    """An embedding that begins with given numbers.

    Args:
        table: the numbers of each id: float, shape (ids, numbers); those that are NaN begin at random.
        name: of the layer.
        trainable: whether they change in training.
    """
    ids, numbers = table.shape
    random = initializers.get("uniform")

    def initial(shape: tuple[int, int], dtype: Any = None) -> Any:
        given = ops.convert_to_tensor(table, dtype)
        return ops.where(ops.isnan(given), random(shape, dtype), given)

    layer = layers.Embedding(ids, numbers, embeddings_initializer=initial, trainable=trainable, name=name)
    layer.build()
    # Its saved form holds the numbers as weights, and no function of dlkit.
    layer.embeddings_initializer = random
    return layer


def must_have_rank(x: Any, ranks: tuple[int, ...], needs: str) -> None:
    """Refuse an input with another number of axes, the batch included."""
    if len(x.shape) not in ranks:
        shape = " x ".join(map(str, x.shape[1:])) or "a single number"
        with_channels = "(" + ", ".join(map(str, (*x.shape[1:], 1))) + ")"
        short = len(x.shape) == min(ranks) - 1
        help = f"add the axis of channels, as in {with_channels}" if short else "use another builder"
        raise ConfigError(Problem("input-rank", f"{needs}, the input is {shape}", key=("model", "builder"), help=help))


def _token_embeddings(given: Encoded) -> Any:
    """A vector for each token, shape (batch, tokens, numbers)."""
    (size,) = given.encoding.vocabulary
    if given.encoding.vectors is not None:
        layer = embedding_of(given.encoding.vectors(), f"{given.name}_embedding")
        return origin(layer, given.key)(given.tensor)
    width = given.encoding.embedding or embedding_size(size)
    return origin(layers.Embedding(size, width, name=f"{given.name}_embedding"), given.key)(given.tensor)


def _embedded(given: Encoded, ids: Any, size: int, name: str) -> Any:
    """Ids of one column, shape (batch,), as vectors."""
    width = given.encoding.embedding
    if width == 0 or (width is None and size - 1 <= MOST_ONE_HOT):
        return ops.one_hot(ids, size)
    width = embedding_size(size) if width is None else width
    return origin(layers.Embedding(size, width, name=name), given.key)(ids)

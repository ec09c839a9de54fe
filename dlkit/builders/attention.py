"""`builder: attention`: the encoder of a transformer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.builders._dense import DenseStack, drop
from dlkit.builders._inputs import joined
from dlkit.builders._pooling import pooled
from dlkit.config.problems import ConfigError, Problem
from dlkit.encoded import Encoded, as_grid
from dlkit.lazy import lazy
from dlkit.origins import MODEL, origin
from dlkit.schema.base import Activation, Fraction, Positive

if TYPE_CHECKING:
    from dlkit.schema import Config

layers, ops = lazy("keras.layers"), lazy("keras.ops")
WIDTH, PATCH = ("model", "width"), ("model", "patch")


class Attention(DenseStack):
    """A small transformer encoder over the words of a text, the steps of a sequence, or the patches of an image.

    Positions are learned, and normalisation comes first in each block (Xiong et al., "On layer normalization in the
    transformer architecture", ICML 2020), which trains without a warm-up. Other inputs join behind.
    """

    also_called = "transformer, encoder, self_attention, vit, bert, multi_head_attention"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "blocks": "layers, num_layers, depth, num_blocks, encoder_layers",
        "width": "d_model, embed_dim, embedding_dim, hidden_size, units, dim",
        "heads": "num_heads, nhead, n_heads, attention_heads",
        "feed_forward": "ff_dim, dim_feedforward, intermediate_dim, mlp_dim, ffn",
        "patch": "patch_size, patches",
        "pooling": "pool, aggregate",
    }
    reads = (("tokens",), ("steps", "channels"), ("height", "width", "channels"))
    reads_in_words = "a text, a sequence or an image"
    usual_input = "sequence"

    builder: Literal["attention"]
    blocks: Positive = Field(2, description="Blocks of attention and two dense layers, one behind the other.")
    width: Positive = Field(64, description="Numbers that stand for a word, step or patch in every block.")
    heads: Positive = Field(4, description="Heads of attention; `width` is divided among them.")
    feed_forward: Positive | None = Field(
        None, description="Units of the first dense layer in a block; by default four times `width`."
    )
    patch: Positive = Field(4, description="Side of the square patches of an image.")
    pooling: Literal["average", "max", "attention"] = Field(
        "average",
        description="How the steps become a vector: the average or largest value of each channel, or an average by "
        "weights that are learned.",
    )
    activation: Activation = Field("gelu", description="Activation of the dense layers, those in blocks too.")
    dropout: Fraction = Field(0.1, description="Share dropped of attention and after each layer in training.")

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Blocks of attention over steps, a pooling to one vector, dense layers.

        Args:
            inputs: batches of sequences, shape (batch, steps, channels), of texts, whose tokens are embedded, or of
                images, which are cut into patches, each with blocks of its own; and others, which join as vectors.
                Steps that a mask leaves out change nothing.

        Returns:
            Features, float, shape (batch, features).

        Raises:
            ConfigError: if an image is smaller than a patch.
        """
        own, others = self.divided(inputs)
        vectors = [self._body(as_grid(given), given.mask, prefix) for prefix, given in own]
        return self.dense_stack(joined(vectors, others))

    def rules(self, config: Config) -> Iterator[Problem]:
        """There is an input that it reads, and the heads have equal parts of the width."""
        yield from super().rules(config)
        if self.width % self.heads:
            fits = [n for n in range(1, self.width + 1) if self.width % n == 0]
            near = min(fits, key=lambda n: abs(n - self.heads))
            message = f"{self.heads} heads cannot have equal parts of {self.width} numbers (`width`)"
            key = ("model", "heads")
            yield Problem("contradiction", message, key, help=f"write `heads: {near}`, or change `width`")

    def _body(self, x: Any, mask: Any, prefix: str) -> Any:
        """One text, sequence or image as a vector; names of its layers begin with the prefix."""
        x = self._steps(x, prefix)
        # Positions are the same for all examples: they are looked up for one.
        places = ops.arange(x.shape[1]) + ops.zeros_like(x[:1, :, 0], dtype="int32")
        x = x + origin(layers.Embedding(x.shape[1], self.width, name=f"{prefix}positions"), MODEL)(places)
        x = drop(x, self.dropout, f"{prefix}positions", MODEL)
        seen = {} if mask is None else {"attention_mask": ops.expand_dims(mask, 1)}
        for number in range(1, self.blocks + 1):
            x = self._block(x, seen, f"{prefix}block_{number}")
        x = _normalized(x, f"{prefix}norm")
        return pooled(x, mask, self.pooling, prefix, ("model", "pooling"))

    def _steps(self, x: Any, prefix: str) -> Any:
        """Steps of the width of the blocks: float, shape (batch, steps, width)."""
        if len(x.shape) == 3:
            dense = layers.Dense(self.width, name=f"{prefix}width")
            return x if x.shape[-1] == self.width else origin(dense, WIDTH)(x)
        if min(x.shape[1:3]) < self.patch:
            message = f"a patch of {self.patch} x {self.patch} does not fit an image of {x.shape[1]} x {x.shape[2]}"
            raise ConfigError(Problem("window-too-large", message, PATCH, help="use smaller patches"))
        cut = layers.Conv2D(self.width, self.patch, strides=self.patch, padding="same", name=f"{prefix}patches")
        x = origin(cut, PATCH)(x)
        return origin(layers.Reshape((x.shape[1] * x.shape[2], self.width), name=f"{prefix}steps"), PATCH)(x)

    def _block(self, x: Any, seen: Mapping[str, Any], name: str) -> Any:
        """Attention, then two dense layers, each added to what it is given."""
        heads = {"num_heads": self.heads, "key_dim": self.width // self.heads, "dropout": self.dropout}
        y = _normalized(x, f"{name}_attention_norm")
        y = origin(layers.MultiHeadAttention(**heads, name=f"{name}_attention"), MODEL)(y, y, **seen)
        x = x + drop(y, self.dropout, f"{name}_attention", MODEL)
        y = _normalized(x, f"{name}_dense_norm")
        units = self.feed_forward or 4 * self.width
        y = origin(layers.Dense(units, activation=self.activation, name=f"{name}_dense_1"), MODEL)(y)
        y = origin(layers.Dense(self.width, name=f"{name}_dense_2"), MODEL)(y)
        return x + drop(y, self.dropout, f"{name}_dense", MODEL)


def _normalized(x: Any, name: str) -> Any:
    return origin(layers.LayerNormalization(epsilon=1e-6, name=name), MODEL)(x)

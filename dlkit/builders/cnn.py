"""`builder: cnn`: the convolutional network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from dlkit.builders._blocks._backbone import Backbone
from dlkit.builders._blocks._block import BLOCKS, Block
from dlkit.builders._blocks.plain import Plain
from dlkit.builders._dense import DenseStack
from dlkit.builders._inputs import joined
from dlkit.builders._pooling import pooled
from dlkit.builders._presets import Preset, presets
from dlkit.config.problems import ConfigError, Problem
from dlkit.config.short_forms import Word
from dlkit.encoded import Encoded, as_grid
from dlkit.lazy import lazy
from dlkit.origins import origin
from dlkit.schema.builder import Used

if TYPE_CHECKING:
    from dlkit.schema import Config

    AnyBlock = Block
else:
    AnyBlock = BLOCKS.type()

layers = lazy("keras.layers")
PRESET = ("model", "preset")
BACKBONE, POOLING = ("model", "backbone"), ("model", "pooling")
IMAGE = ("height", "width", "channels")


class Cnn(DenseStack):
    """A convolutional network over images, or over sequences and texts; other inputs join before the dense layers."""

    also_called = "conv, convnet, conv_net, convolutional, conv1d, conv2d"
    fields_also_called: ClassVar[Mapping[str, str]] = {
        **DenseStack.fields_also_called,
        "blocks": "conv, convs, conv_layers, conv_blocks, convolutions, layers, filters",
        "pooling": "pool, global_pool, global_pooling",
        "preset": "architecture, network, arch",
        "backbone": "base_model, base, encoder, pretrained, feature_extractor",
    }
    cost = "convolution"
    reads = (IMAGE, ("steps", "channels"), ("tokens",))
    reads_one_of = (IMAGE,)
    reads_in_words = "an image, a sequence or a text"
    usual_input = "image"

    builder: Literal["cnn"]
    preset: Preset | None = Field(
        None, description="A known network, whose settings are taken where they are not stated; null for none."
    )
    blocks: list[AnyBlock] = Field(
        default_factory=lambda: list[Block]([Plain(filters=32, pool_size=2), Plain(filters=64, pool_size=2)]),
        min_length=1,
        description="Convolution blocks, first to last.",
    )
    backbone: Annotated[Backbone, Word("name")] | None = Field(
        None, description="A network of keras.applications in place of blocks, with its weights; null for none."
    )
    pooling: Literal["flatten", "average", "max"] | None = Field(
        None,
        description="How the last feature map becomes a vector: all values, or one per channel; by default all of "
        "images, and the average of sequences, texts and what a backbone gives.",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, stated: Any) -> Any:
        """The settings of the preset, and over them those that are stated."""
        name = stated.get("preset") if isinstance(stated, dict) else None
        return {**presets()[name], **stated} if isinstance(name, str) and name in presets() else stated

    @classmethod
    def set_by(cls, values: Mapping[str, Any]) -> Mapping[str, str]:
        """The preset sets what it has."""
        return dict.fromkeys(presets().get(values["preset"], ()), "preset")

    def uses(self, what: Used) -> bool:
        """Whether there are such layers; with a backbone there are no blocks."""
        if what == "batch_normalization" and self.backbone is not None:
            return not self.backbone.begins_trained
        return super().uses(what)

    def takes_pixels(self, name: str, config: Config) -> bool:
        """Whether the input goes through a backbone."""
        return self.backbone is not None and config.data.inputs[name].prepared_axes() == IMAGE

    def rules(self, config: Config) -> Iterator[Problem]:
        """Blocks stand beside no preset, unless they are its own, as in what a run keeps; a backbone beside neither."""
        yield from super().rules(config)
        if self.backbone is not None:
            yield from self._rules_beside(self.backbone, config)
            return
        if self.preset is not None and self.blocks != Cnn(builder="cnn", preset=self.preset).blocks:
            message = f"these `blocks` are not those of `preset: {self.preset}`, of which they would leave little"
            label = "write `preset: null` for these"
            help = f"or leave `blocks` out, as in `model={{builder: cnn, preset: {self.preset}}}`"
            yield Problem("contradiction", message, ("model", "blocks"), label=label, help=help)

    def _rules_beside(self, backbone: Backbone, config: Config) -> Iterator[Problem]:
        """There is an image for a backbone, and nothing beside it that says what the network is."""
        default = Cnn(builder="cnn")
        others = [field for field in ("preset", "blocks") if getattr(self, field) != getattr(default, field)]
        for field in others[:1]:  # a preset sets the blocks
            message = f"`{field}` and `backbone` each say what the network is"
            yield Problem("contradiction", message, ("model", field), label="keep one of them")
        frozen = any(fnmatch("backbone", pattern) for pattern in config.training.freeze)
        if frozen and not backbone.begins_trained and config.training.init_from is None:
            message = "the backbone begins at random, and is frozen: it passes on nothing that was learned"
            help = "name its weights, `model.backbone.weights`, or leave it out of `training.freeze`"
            yield Problem("contradiction", message, ("training", "freeze"), help=help, severity="warning")
        if not any(self.takes_pixels(name, config) for name in config.data.inputs):
            message = "a backbone of keras.applications is for images, and no input is one"
            yield Problem("contradiction", message, BACKBONE, label="write `blocks` or a `preset`")

    def build(self, inputs: Mapping[str, Encoded]) -> Any:
        """Convolution blocks or a backbone, a pooling to one vector, dense layers.

        Args:
            inputs: batches of images, shape (batch, height, width, channels), each with convolutions of its own; and
                others, which join as vectors. Where there is no image, sequences, shape (batch, steps, channels), and
                texts, whose tokens are embedded, likewise. Steps that a mask leaves out change nothing but what
                `flatten` gives.

        Returns:
            Features, float, shape (batch, features).

        Raises:
            ConfigError: if a block is given fewer rows or columns than its window needs, or a backbone what it does
                not take.
        """
        own, others = self.divided(inputs)
        vectors = [self._body(given, prefix) for prefix, given in own]
        return self.dense_stack(joined(vectors, others))

    def _body(self, given: Encoded, prefix: str) -> Any:
        """One image or sequence as a vector; names of its layers begin with the prefix."""
        if self.backbone is not None:
            x, mask, usual = self.backbone.build(given, prefix, BACKBONE), None, "average"
        else:
            x, mask = self._convolved(as_grid(given), given.mask, prefix)
            usual = "average" if len(x.shape) == 3 else "flatten"
        pooling = self.pooling or usual
        if pooling == "flatten":
            return origin(layers.Flatten(name=f"{prefix}flatten"), POOLING)(x)
        return pooled(x, mask, pooling, prefix, POOLING)

    def _convolved(self, x: Any, mask: Any, prefix: str) -> tuple[Any, Any]:
        """What the blocks make of an image or sequence. Where they are those of a preset, messages name that."""
        size = " x ".join(map(str, x.shape[1:-1]))
        try:
            for number, block in enumerate(self.blocks):
                key = PRESET if self.preset is not None else ("model", "blocks", number)
                block = block.with_weights_of(self)
                x, mask = block.build(x, mask, f"{prefix}{block.noun}_{number + 1}", key)
        except ConfigError as error:
            if self.preset is None:
                raise
            raise ConfigError([self._in_preset(problem, size) for problem in error.problems]) from error
        return x, mask

    def _in_preset(self, problem: Problem, size: str) -> Problem:
        """A problem of a block as one of the preset and the size of its input."""
        if problem.code == "input-rank":
            message = f"the preset `{self.preset}` is for images: {problem.message}"
            help = "of sounds, `as_image: true` in `log_mel` makes images; or take another preset, such as `lite`"
        else:
            message = f"the preset `{self.preset}` is too deep for an input of {size}: {problem.message}"
            help = "take larger inputs, as by `resize`, another preset, or write `blocks` of your own"
        return replace(problem, key=PRESET, message=message, label="", help=help)

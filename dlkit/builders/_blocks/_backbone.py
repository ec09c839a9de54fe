"""`backbone` of `builder: cnn`: a network of keras.applications up to its last feature map."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.causes import first_line
from dlkit.config.problems import ConfigError, Key, Problem, RunError
from dlkit.encoded import Encoded, as_grid
from dlkit.lazy import lazy
from dlkit.origins import origin
from dlkit.schema.base import Application, FilePath
from dlkit.schema.builder import Pretrained
from dlkit.schema.features import in_words

h5py, keras, layers, ops = lazy("h5py"), lazy("keras"), lazy("keras.layers"), lazy("keras.ops")
# Pixels as Keras's networks take them.
BLACK, WHITE = 0.0, 255.0


class Backbone(Pretrained):
    """A network of keras.applications up to its last feature map; pooling, dense layers and the heads follow.

    What Keras does to pixels for it (`preprocess_input`) is part of the model. Its batch normalisation keeps the
    statistics and factors of the weights that it begins with, and is trained with `weights: none` alone.
    """

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "name": "architecture, arch, model, network, type, preset",
        "weights": "pretrained, weight, checkpoint, init, weights_path",
    }

    name: Application = Field(description="Function of keras.applications, in lower case, as in `resnet50`.")
    weights: Literal["imagenet", "none"] | FilePath = Field(
        "imagenet",
        description="What it begins with: `imagenet`, which Keras downloads once into `~/.keras/models`; a local file, "
        "as Keras saves weights (`.h5`, `.weights.h5`, `.keras`); `none` for random numbers.",
    )

    @property
    def begins_trained(self) -> bool:
        """Whether there are weights."""
        return self.weights != "none"

    def build(self, given: Encoded, prefix: str, key: Key) -> Any:
        """The feature maps of an image.

        Args:
            given: images, shape (batch, height, width, channels), of three channels, or of one, which is repeated.
            prefix: of the names of its layers.
            key: of these settings.

        Returns:
            Float, shape (batch, height, width, channels).

        Raises:
            ConfigError: images of other channels, or too small ones.
        """
        x = as_grid(given)
        if len(x.shape) != 4 or x.shape[-1] not in (1, 3):
            message = f"`{self.name}` takes images of three channels, or gray ones; `{given.name}` is "
            message += in_words(tuple(x.shape[1:]))
            raise ConfigError(Problem("not-for-backbone", message, key, help="write `blocks` for such an input"))
        x = self._pixels(x, given, f"{prefix}pixels", key)
        x = ops.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x
        function = self._function()
        try:
            network = function(include_top=False, weights=None, input_shape=tuple(x.shape[1:]))
        except ValueError as error:
            raise ConfigError(self._too_small(error, x, key)) from error
        network.name = f"{prefix}backbone"
        for layer in network.layers:
            if isinstance(layer, layers.BatchNormalization) and self.begins_trained:
                layer.trainable = False
        return origin(network, key)(sys.modules[function.__module__].preprocess_input(x))

    def load(self, layer: Any, key: Key) -> str:
        """Put the weights in place; see `Pretrained`."""
        if self.weights == "imagenet":
            layer.set_weights(self._of_imagenet((*key, "weights")).get_weights())
        else:
            self._read(Path(self.weights), layer, (*key, "weights"))
        for part in layer.layers:
            # EfficientNet divides by the deviations twice, which Keras does where it loads its own weights, and then
            # alone (https://github.com/tensorflow/tensorflow/issues/49930).
            if isinstance(part, layers.Normalization) and part.weights:
                part.adapt_variance.assign(ops.square(part.adapt_variance))
        of = "of imagenet" if self.weights == "imagenet" else f"of {self.weights}"
        return f"`{layer.name}` ({self.name}) begins with the weights {of}"

    def _function(self) -> Any:
        """Keras's function that makes the network, beside which there are modules of such names."""
        named = (value for written, value in vars(keras.applications).items() if written.lower() == self.name)
        return next(value for value in named if callable(value))

    def _pixels(self, x: Any, given: Encoded, name: str, key: Key) -> Any:
        """Pixels from 0 to 255, whatever factor and offset the steps of `preprocess` have given them; others as they
        are, whose scale `check` looks at.
        """
        black, white = given.encoding.pixels or (BLACK, WHITE)
        if (black, white) == (BLACK, WHITE) or black == white:
            return x
        scale = (WHITE - BLACK) / (white - black)
        return origin(layers.Rescaling(scale, BLACK - black * scale, name=name), key)(x)

    def _too_small(self, error: Exception, x: Any, key: Key) -> Problem:
        """What Keras refuses about the size of images."""
        least, size = re.search(r"at least (\d+) ?x ?(\d+)", str(error)), in_words(tuple(x.shape[1:3]))
        if least is None:
            return Problem(
                "not-for-backbone", f"`{self.name}` does not take images of {size}: {first_line(error)}", key
            )
        message = f"`{self.name}` takes images of {least[1]} x {least[2]} or larger, not of {size}"
        help = (
            f"add `{{resize: {{height: {least[1]}, width: {least[2]}}}}}` to `preprocess`, or larger; or write `blocks`"
        )
        return Problem("not-for-backbone", message, key, help=help)

    def _of_imagenet(self, key: Key) -> Any:
        """Keras's own network with its weights.

        Raises:
            RunError: if they are not on this machine, and cannot be downloaded.
        """
        try:
            # Keras prints how far a download is.
            with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
                warnings.simplefilter("ignore")  # weights do not depend on the size of images
                return self._function()(include_top=False, weights="imagenet")
        except Exception as error:  # Keras raises no narrower one
            url = re.search(r"https?://\S+?(?=:? )", str(error))
            if url is None:
                message = f"the imagenet weights of `{self.name}` cannot be loaded: {first_line(error)}"
                raise RunError(Problem("no-trained-weights", message, key)) from error
            file = url[0].rpartition("/")[2]
            message = f"the imagenet weights of `{self.name}` are not on this machine, and cannot be downloaded"
            help = f"download {url[0]} elsewhere, put it beside the configuration, and write `weights: {file}`"
            raise RunError(Problem("no-trained-weights", message, key, help=help)) from error

    def _read(self, path: Path, layer: Any, key: Key) -> None:
        """Put the weights of a file in place.

        Raises:
            ConfigError: there is no such file.
            RunError: it holds no weights, or those of another network.
        """
        if not path.is_file():
            help = "name a file of weights; `weights: imagenet` downloads those of Keras"
            raise ConfigError(Problem("missing-file", f"there is no file `{path}`", key, help=help))
        try:
            layer.load_weights(path)
        except Exception as error:  # of h5py, zipfile or Keras, as many as there are ways to be another file
            raise RunError(self._unfit(path, layer, error, key)) from error

    def _unfit(self, path: Path, layer: Any, error: Exception, key: Key) -> Problem:
        """Why a file cannot be the weights of the network."""
        needed, there = sum(int(ops.size(weight)) for weight in layer.weights), _numbers_in(path)
        without = f"`{self.name}` without its last layers"
        if there is None:
            message = f"`{path}` is no file of weights: {first_line(error)}"
            help = "it must be one that Keras saved: `.h5`, `.weights.h5` or `.keras`"
        elif there != needed:
            message = f"`{path}` holds {there:,} numbers, and {without} has {needed:,}"
            help = "Keras's files for networks without their last layers have `notop` or `no_top` in their names"
        else:
            message = f"the weights in `{path}` have other shapes than those of {without}: {first_line(error)}"
            help = f"name the file of `{self.name}`"
        return Problem("no-trained-weights", message, key, help=help)


def _numbers_in(path: Path) -> int | None:
    """How many numbers an HDF5 file holds; None for any other file."""
    sizes: list[int] = []

    def visit(_: str, part: Any) -> None:
        if isinstance(part, h5py.Dataset):
            sizes.append(part.size)

    try:
        with h5py.File(path) as file:
            file.visititems(visit)
    except OSError:
        return None
    return sum(sizes)

"""Examples as training gives them to the network: those of a configuration, and the first of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.config.problems import ConfigError, Problem
from dlkit.data.augment import augmented
from dlkit.data.bound import Spec
from dlkit.data.contract import SOURCE_ORDER, Batch, Rows, Split, Stream, Tensors
from dlkit.data.order import permutation
from dlkit.data.prepare import Progress, fit_and_stage
from dlkit.data.preprocessing import Preprocessing, make_preprocessing
from dlkit.data.subset import limited
from dlkit.elements import elements
from dlkit.looking.examples import Examples
from dlkit.looking.reading import place, read
from dlkit.schema import Config
from dlkit.training.prepare import Prepared
from dlkit.training.program.randomness import drawing, key_layer

# Examples of the first batch that are drawn for a run: few, since each panel takes time.
OF_RUN = 4


def look(
    config: Config, data: Any = None, *, split: str = "train", count: int = 16, progress: Progress | None = None
) -> Examples:
    """Some examples of a split, raw and as the network is given them.

    Args:
        config: the configuration.
        data: examples from Python instead of its source.
        split: train, whose first batch they begin, or validation or test.
        count: how many, where there are as many.
        progress: called while examples are prepared.

    Raises:
        ConfigError: if there is no such split, or the configuration does not fit the data.
        RunError: if the data cannot be read.
    """
    source, splits = read(config, data)
    raw = limited(splits, config)
    if getattr(raw, split) is None:
        message = f"there is no {split} split"
        raise ConfigError(
            Problem("no-such-split", message, ("data", "splits"), help=f"state `splits: {{{split}: ...}}`")
        )
    # Nothing is kept: what is shown of a large source is prepared for that alone.
    raw, staged = fit_and_stage(raw, config.data.model_copy(update={"cache": "off"}), progress=progress)
    layers = make_preprocessing(raw.spec.inputs)
    key_layers(layers, config.seed)
    before = _read(getattr(raw, split), split, count, config)
    after = _read(getattr(staged, split), split, count, config)
    ids = getattr(raw, split).ids if isinstance(getattr(raw, split), Rows) else None
    numbers = before.rows.tolist()
    places = [f"example {n}" if ids is None else place(source, int(ids[n])) for n in numbers]
    title = f"{config.name}: {len(places)} examples of {split}"
    return _examples(title, raw.spec, layers, before, after, places, augment=split == "train")


def first_of_run(prepared: Prepared) -> Examples | None:
    """The first examples that a run trains on; None where none makes a picture, or they are a stream.

    Its random layers must be keyed, as the program keys them.
    """
    config, spec, train = prepared.config, prepared.built.spec, prepared.splits.train
    if isinstance(train, Stream) or not any(bound.settings.pictured for bound in spec.inputs.values()):
        return None
    batch = _read(train, "train", OF_RUN, config)
    title = f"{config.name}: the first examples of training"
    places = [f"row {n}" for n in batch.rows.tolist()]
    return _examples(title, spec, prepared.built.preprocessing, batch, batch, places, augment=True)


def key_layers(layers: Preprocessing, seed: int) -> None:
    """Key the random layers, in place, as a run of this seed has them."""
    numbers = iter(range(1_000_000, 2_000_000))
    for random in layers.augment.values():
        for layer in random:
            key_layer(layer, seed, numbers)


def _read(split: Split, name: str, count: int, config: Config) -> Batch:
    """Some examples: of training those of the first batch, else some from the whole split, in its order."""
    if isinstance(split, Rows):
        shuffled = name == "train" and config.data.shuffle
        order = permutation(config.seed, 0, split.size)[:count] if shuffled else np.arange(min(count, split.size))
        if name != "train":
            order = np.unique(np.linspace(0, split.size - 1, min(count, split.size)).astype(np.int64))
        return split.read(order)._replace(rows=order)
    found = list(elements(split.make(0, SOURCE_ORDER).take(count)))
    inputs, targets = (
        {name: _stacked([one[part][name] for one in found]) for name in found[0][part]} for part in (0, 1)
    )
    return Batch(inputs, targets, {}, np.arange(len(found)))


def _stacked(values: list[Any]) -> Any:
    """Examples one below the other; an array of arrays where their shapes differ."""
    arrays = [value.numpy() for value in values]
    if len({np.shape(array) for array in arrays}) == 1:
        return np.stack(arrays)
    found = np.empty(len(arrays), object)
    found[:] = arrays
    return found


def _examples(
    title: str, spec: Spec, layers: Preprocessing, raw: Batch, staged: Batch, places: list[str], *, augment: bool
) -> Examples:
    """The examples of a batch before the host stage, and after it, with what the device stage makes of them."""
    prepared = {name: layers.for_network(name, tf.convert_to_tensor(x)) for name, x in staged.inputs.items()}
    changed: Tensors = {}
    if augment:
        # As in the first update of a run on one device.
        with drawing(tf.constant(0), 0):
            found, _ = augmented(layers.augment, prepared, tf.constant(staged.rows, tf.int64), tf.constant(0))
        changed = {name: found[name] for name, random in layers.augment.items() if random}
    before, after, last = ({n: np.asarray(x) for n, x in some.items()} for some in (raw.inputs, prepared, changed))
    return Examples(title, spec, before, after, last, raw.targets, places)

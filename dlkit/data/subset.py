"""A few examples of a split in place of all: for `training.limit_batches` and `training.overfit_batches`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from dlkit.data.choose import SPLITS
from dlkit.data.contract import Split, Splits, Stream, chosen
from dlkit.data.order import permutation
from dlkit.data.stream_sizes import counted
from dlkit.schema import Config


def limited(splits: Splits, config: Config) -> Splits:
    """The splits with as many examples as `training.limit_batches` or `overfit_batches` leave of them.

    The examples are drawn once, by the seed, and are the same in every epoch: the first ones of a source are often all
    of one class.
    """
    few = config.training.overfit_batches
    if few is not None:
        some = subset(splits.train, few * config.data.batch_size, config.seed)
        found: dict[str, Split | None] = dict.fromkeys(SPLITS, some)
        note = f"training, validation and test are the same {_size(some)} training examples, to see them learned"
        return _with(splits, found, [note])
    limits = config.training.limit_batches
    found, notes = {}, []
    for name in SPLITS:
        split, batches = getattr(splits, name), getattr(limits, name)
        found[name] = split
        if split is not None and batches is not None:
            found[name] = subset(split, batches * config.data.batch_size, config.seed)
            if found[name] is not split:
                notes.append(f"{_size(found[name])} of {_size(split)} examples of {name} are used")
    return _with(splits, found, notes)


def subset(split: Split, examples: int, seed: int) -> Split:
    """Some examples of a split, drawn by the seed, in the source's order; the split itself if it has no more.

    Of a stream they are the first ones of an order that the seed gives.
    """
    if split.size is not None and split.size <= examples:
        return split
    if isinstance(split, Stream):
        # Shuffled among themselves, so that epochs differ, as those of other splits do.
        few = Stream(lambda own, epoch: _shuffled(split.make(seed, 0).take(examples), examples, own, epoch), examples)
        # One that does not say its size may have fewer.
        return few if split.size is not None else counted(replace(few, size=None))
    return chosen(split, np.sort(permutation(seed, 0, split.size)[:examples]))


def _shuffled(dataset: tf.data.Dataset, examples: int, seed: int, epoch: int) -> tf.data.Dataset:
    if epoch < 0:
        return dataset
    draw = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    return dataset.shuffle(examples, seed=draw, reshuffle_each_iteration=False)


def _with(splits: Splits, found: dict[str, Split | None], notes: list[str]) -> Splits:
    if not notes:
        return splits
    sizes = {name: split.size if split is not None else None for name, split in found.items()}
    spec = replace(splits.spec, sizes={**splits.spec.sizes, **sizes})
    train, notes = found["train"] or splits.train, [*splits.notes, *notes]
    return replace(
        splits, train=train, validation=found["validation"], test=found["test"], spec=spec, notes=tuple(notes)
    )


def _size(split: Split | None) -> str:
    return f"{split.size:,}" if split is not None and split.size is not None else "an unknown number of"

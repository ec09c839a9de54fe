"""A batch cut into shards: for each replica of the model some micro-batches, all as equal as they can be."""

from __future__ import annotations

from typing import Any, TypeVar

import tensorflow as tf

# A structure of tensors whose first axes are equally long: a Batch, or tensors by name.
T = TypeVar("T")


def shard_sizes(rows: int, shards: int) -> list[int]:
    """Sizes of the shards of a batch, as equal as they can be; none is empty, so few rows make fewer shards."""
    shards = min(shards, rows)
    return [rows // shards + (n < rows % shards) for n in range(shards)]


def own_shards(sizes: list[int], micro_batches: int) -> range:
    """The numbers of the shards that fall to the replica that calls; none for a replica that comes off empty.

    Args:
        sizes: of all shards of the batch.
        micro_batches: shards that each replica computes side by side.
    """
    replica = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
    return range(min(replica * micro_batches, len(sizes)), min((replica + 1) * micro_batches, len(sizes)))


def cut(batch: T, sizes: list[int], numbers: range) -> list[T]:
    """The shards of these numbers, of tensors cut along their first axis."""
    if len(sizes) == 1:
        return [batch] * len(numbers)
    pieces = [tf.split(x, sizes) for x in tf.nest.flatten(batch)]
    return [tf.nest.pack_sequence_as(batch, [of_tensor[n] for of_tensor in pieces]) for n in numbers]


def join(shards: list[T]) -> T:
    """Shards one after the other along their first axis: the opposite of `cut`."""
    if len(shards) == 1:
        return shards[0]
    joined: T = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *shards)
    return joined


def gathered(strategy: tf.distribute.Strategy, of_replicas: Any) -> dict[str, tf.Tensor]:
    """What the replicas gave, one after the other along the first axis, on the device that gathers."""
    return join(list(strategy.experimental_local_results(of_replicas)))

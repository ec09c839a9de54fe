"""A batch cut into shares: for each replica of the model so many parts, all as equal as they can be."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Rows = dict[str, tf.Tensor]


def shard_sizes(rows: int, shares: int) -> list[int]:
    """Sizes of so many shares of a batch, as equal as they can be; none is empty, so few rows make fewer shares."""
    shares = min(shares, rows)
    return [rows // shares + (n < rows % shares) for n in range(shares)]


def own_shards(sizes: list[int], parts: int) -> range:
    """The numbers of the shares that fall to the replica that calls; none for a replica that comes off empty.

    Args:
        sizes: of all shares of the batch.
        parts: shares that each replica computes side by side.
    """
    replica = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
    return range(min(replica * parts, len(sizes)), min((replica + 1) * parts, len(sizes)))


def cut(by_name: Rows, sizes: list[int], numbers: range) -> list[Rows]:
    """The shares of these numbers, of tensors cut along their first axis."""
    if len(sizes) == 1:
        return [by_name] * len(numbers)
    pieces = {name: tf.split(x, sizes) for name, x in by_name.items()}
    return [{name: of_name[n] for name, of_name in pieces.items()} for n in numbers]


def join(shares: list[Rows]) -> Rows:
    """Shares one after the other along their first axis: the opposite of `cut`."""
    if len(shares) == 1:
        return shares[0]
    return {name: tf.concat([share[name] for share in shares], axis=0) for name in shares[0]}


def gathered(strategy: tf.distribute.Strategy, of_replicas: Any) -> Rows:
    """What the replicas gave, one after the other along the first axis, on the device that gathers."""
    return join(list(strategy.experimental_local_results(of_replicas)))

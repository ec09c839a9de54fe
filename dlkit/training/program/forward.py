"""From a batch to its loss: the one forward pass of training, evaluation, health, checks and the search for a NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from dlkit.data.augment import Share
from dlkit.data.contract import Batch, Tensors
from dlkit.models.build import BuiltModel, named, unwrap
from dlkit.models.objective import Objective
from dlkit.training.program.shards import join


class Forward(NamedTuple):
    """What a batch, or a shard of one, gives on its way through a network.

    Attributes:
        outputs: logits by target.
        per_example: loss by target, float32, shape (batch,), without weights.
        weights: of the loss by target, float32, shape (batch,); empty where every example counts once.
        loss: what is minimised, a scalar: the weighted mean over the batch, and the penalties of the weights; of a
            shard, its part of them.
    """

    outputs: Tensors
    per_example: Tensors
    weights: Tensors
    loss: Any


class Part(NamedTuple):
    """The part that a shard is of its batch.

    Attributes:
        rows: of the whole batch.
        weights: sums of the weights of the whole batch by target; empty where every example counts once.
        penalties: share of the penalties of the weights that this shard has.
    """

    rows: int
    weights: Tensors
    penalties: float = 1.0


def forward_with_loss(
    built: BuiltModel,
    objective: Objective,
    network: Any,
    prepared: Tensors,
    batch: Batch,
    *,
    part: Part,
    training: bool,
    mixture: Sequence[Share] = (),
) -> Forward:
    """Outputs and loss of a batch.

    The loss is the sum over targets of `loss_weight * sum_i(w_i * loss_i) / sum_i(w_i)`, with the sums of the weights
    taken over the whole batch, and the penalties of the network's weights.

    Args:
        built: the model.
        objective: its losses and weights.
        network: the network, or its twin for training; a model of prepared inputs, whose outputs `built` can name.
        prepared: inputs as the network takes them; see `device_stage`.
        batch: its labels and weights are used.
        part: what the batch is a part of.
        training: whether layers such as dropout are active.
        mixture: what the examples are mixtures of, where augmentation mixed them.
    """
    outputs = by_target(built, network(unwrap(prepared), training=training))
    per_example, weights = _losses(objective, outputs, batch, mixture)
    loss = objective.total(per_example, weights, part.rows, part.weights)
    return Forward(outputs, per_example, weights, loss + penalties(network) * part.penalties)


def _losses(objective: Objective, outputs: Tensors, batch: Batch, mixture: Sequence[Share]) -> tuple[Tensors, Tensors]:
    """The loss of each example by target, and its weights; of a mixture, those of its parts by their shares.

    A cross-entropy of mixed labels is the same: it is linear in the labels (Zhang et al., 2018, section 2).
    """
    if not mixture:
        return objective.per_example(batch.targets, outputs), objective.weights(batch)
    sums: dict[str, list[Any]] = {name: [] for name in objective.losses}
    counts: dict[str, list[Any]] = {name: [] for name in objective.losses}
    for share, rows in mixture:
        of_part = tf.nest.map_structure(lambda x, rows=rows: tf.gather(x, rows), batch._replace(inputs={}))
        weights = objective.weights(of_part)
        for name, values in objective.per_example(of_part.targets, outputs).items():
            weight = share * weights[name] if weights else share
            sums[name].append(weight * values)
            counts[name].append(weight)
    if not weights:
        return {name: tf.add_n(values) for name, values in sums.items()}, {}
    mixed = {name: tf.add_n(values) for name, values in counts.items()}
    return {name: tf.math.divide_no_nan(tf.add_n(values), mixed[name]) for name, values in sums.items()}, mixed


def joined_forward(shards: Sequence[Forward]) -> Forward:
    """What several shards gave, one after the other; without a loss, which adds up over all replicas' shards."""
    outputs, per_example, weights = join([tuple(shard[:3]) for shard in shards])
    return Forward(outputs, per_example, weights, None)


def whole(objective: Objective, batch: Batch) -> Part:
    """The part that a batch is of itself."""
    rows = int(next(iter(batch.inputs.values())).shape[0])
    return Part(rows, {name: tf.reduce_sum(w) for name, w in objective.weights(batch).items()})


def forward(built: BuiltModel, inputs: Tensors) -> Tensors:
    """Logits by target, of a batch as the host stage leaves it, without augmentation or dropout."""
    prepared = device_stage(built, inputs)
    return by_target(built, built.network(unwrap(prepared), training=False))


def device_stage(built: BuiltModel, inputs: Tensors) -> Tensors:
    """Inputs as the network takes them, without augmentation."""
    return {name: built.preprocessing.for_network(name, x) for name, x in inputs.items()}


def by_target(built: BuiltModel, outputs: Any) -> Tensors:
    """The network's outputs as a dictionary by target, also where there is only one."""
    return named(outputs, built.spec.targets)


def penalties(network: Any) -> Any:
    """The sum of the penalties on a network's weights (L1, L2): a float scalar."""
    return tf.add_n(network.losses) if network.losses else 0.0

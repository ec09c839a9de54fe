"""Networks of several members, which give outputs of shape (batch, members, units): one loss and one result of them.

The loss is the mean of the members' losses, and not the loss of their mean, under which they would become one network
(Gorishniy et al., "TabM", ICLR 2025, section 3). Outputs of shape (batch, units) are those of a single network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def has_members(outputs: Any) -> bool:
    """Whether outputs for a target are those of several members."""
    return len(outputs.shape) == 3


def mean_of_members(results: Any) -> Any:
    """One result for each example: shape (batch, units)."""
    return ops.mean(results, axis=1) if has_members(results) else results


def over_members(loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A loss of outputs, with or without members.

    Args:
        loss: of labels and outputs of shape (batch, units), a value for each example or for each of its numbers.
    """

    def mean_loss(labels: Any, outputs: Any) -> Any:
        if not has_members(outputs):
            return loss(labels, outputs)
        members, units = outputs.shape[1:]
        values = loss(ops.repeat(labels, members, axis=0), ops.reshape(outputs, (-1, units)))
        return ops.mean(ops.reshape(values, (-1, members, *values.shape[1:])), axis=1)

    return mean_loss


class LossOfMembers(keras.losses.Loss):
    """The same for `compile`: as a plain function, Keras would change the shapes of labels and outputs before it."""

    def __init__(self, loss: Callable[[Any, Any], Any]) -> None:
        """Take a loss without a reduction; see `over_members`."""
        super().__init__(name="loss_of_members")
        self.call = over_members(loss)

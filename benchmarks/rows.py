"""The rows of the throughput table."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A way to train.

    Attributes:
        name: as in `--rows`.
        title: as in the table.
        one_device: a loop of one's own for TensorFlow on one device.
        torch: runs in the environment of `--torch-python`.
        tries: compares several ways by a trial before it is measured.
        before: dlkit as it is in the checkout of `--before`.
    """

    name: str
    title: str
    one_device: bool = False
    torch: bool = False
    tries: bool = False
    before: bool = False


ROWS = [
    Row("peak", "a large matrix product"),
    Row("fit", "`fit`"),
    Row("fit-best", "`fit`, its best flags", tries=True),
    Row("loop", "own `tf.function` loop", one_device=True),
    Row("loop-xla", "own loop, XLA", one_device=True),
    Row("loop-parts", "own loop, two micro-batches", one_device=True),
    Row("loop-replicas", "own loop, two replicas", tries=True),
    Row("torch", "PyTorch loop", torch=True, tries=True),
    Row("lightning", "PyTorch Lightning", torch=True, tries=True),
    Row("dlkit", "**dlkit**"),
    Row("dlkit-before", "dlkit of another commit", before=True),
    Row("dlkit-cpu2", "**dlkit**, `devices: cpu:2`"),
    Row("dlkit-free", "**dlkit**, `deterministic: false`"),
]

# Images of an epoch, by network: a multiple of 6,400, so that no batch is short and `steps_per_execution` divides it.
IMAGES = {"cnn": 12_800, "lstm": 25_600, "mlp": 51_200, "mlp-dropout": 51_200}

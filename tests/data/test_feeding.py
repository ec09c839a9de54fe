"""Every feeder gives every example, once, in the same batches, wherever the epoch is entered."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dlkit import mapped
from dlkit.config.problems import RunError
from dlkit.data import feeding
from dlkit.data.bound import Input, Spec
from dlkit.data.contract import Rows, Stream, gathered, in_memory
from dlkit.data.feeding import (
    DeviceFeeder,
    Feeder,
    PipelineFeeder,
    bytes_of_example,
    evaluation_batch_size,
    make_feeder,
)
from dlkit.data.order import permutation
from dlkit.elements import elements
from dlkit.schema.data import Data
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping

SIZE, BATCH = 53, 8
NUMBERS = np.arange(SIZE, dtype=np.float32)
HELD = in_memory({"x": NUMBERS[:, None]}, {"y": NUMBERS.astype("int32")})


def made(split: Rows) -> Rows:
    """The same examples, whose inputs are made whenever they are read."""
    return Rows(split.held._replace(inputs={}), lambda rows: {"x": split.held.inputs["x"][rows]})


def stream(seed: int, epoch: int) -> tf.data.Dataset:
    """The same examples as a dataset, in the order that an indexed split would have."""
    order = np.arange(SIZE) if epoch < 0 else permutation(seed, epoch, SIZE)
    return tf.data.Dataset.from_tensor_slices(({"x": NUMBERS[order][:, None]}, {"y": order.astype("int32")}, {}))


def feeders(*, pad: bool, shuffle: bool = True) -> dict[str, Feeder]:
    """One of each kind over the same 53 examples."""
    fetched = made(HELD)
    return {
        "device": DeviceFeeder(HELD, BATCH, shuffle=shuffle, pad=pad),
        "pipeline": PipelineFeeder(fetched, BATCH, 4, shuffle=shuffle, pad=pad),
        "stream": PipelineFeeder(Stream(stream, SIZE), BATCH, 4, shuffle=shuffle, pad=pad),
        "stream of unknown size": PipelineFeeder(Stream(stream), BATCH, 4, shuffle=shuffle, pad=pad),
    }


def batches(feeder: Feeder, epoch: int = 0, start: int = 0) -> list[list[int]]:
    """The numbers of the examples in each batch, those of weight 0 left out."""
    found = []
    expected = start
    for block in feeder.blocks(7, epoch, start):
        # A block may begin before `start`, where a part of it is left out.
        assert block.first <= expected
        for i in range(expected - block.first, block.steps):
            inputs, targets, weights, rows = feeder.pick(block.tensors, tf.constant(i))
            keep = weights["y"].numpy() == 1 if weights else np.ones(len(targets["y"]), bool)
            assert (rows.numpy() >= 0).tolist() == keep.tolist()
            np.testing.assert_array_equal(inputs["x"].numpy()[:, 0], targets["y"].numpy())
            found.append(targets["y"].numpy()[keep].tolist())
        expected = block.first + block.steps
    assert expected == feeder.steps
    return found


@pytest.fixture(params=[10**9, 3 * 4 * BATCH], ids=["one block", "blocks of three batches"])
def block_bytes(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks as large as the epoch, and smaller ones."""
    monkeypatch.setattr(feeding, "BLOCK_BYTES", request.param)


@pytest.mark.parametrize("name", ["device", "pipeline", "stream", "stream of unknown size"])
def test_training_gives_the_permutation_of_the_epoch_with_a_short_last_batch(name: str, block_bytes: None) -> None:
    feeder = feeders(pad=False)[name]
    assert (feeder.size, feeder.steps) == (53, 7)
    for epoch in (0, 1):
        order = permutation(7, epoch, SIZE).tolist()
        assert batches(feeder, epoch) == [order[i : i + BATCH] for i in range(0, SIZE, BATCH)]


@pytest.mark.parametrize("name", ["device", "pipeline", "stream", "stream of unknown size"])
@pytest.mark.parametrize("start", [1, 3, 5, 6, 7])
def test_an_epoch_can_be_entered_at_any_batch(name: str, start: int, block_bytes: None) -> None:
    feeder = feeders(pad=False)[name]
    assert batches(feeder, 1, start) == batches(feeder, 1)[start:]


@pytest.mark.parametrize("name", ["device", "pipeline", "stream", "stream of unknown size"])
def test_evaluation_counts_every_example_once_in_batches_of_one_shape(name: str, block_bytes: None) -> None:
    feeder = feeders(pad=True, shuffle=False)[name]
    assert [number for batch in batches(feeder) for number in batch] == list(range(SIZE))
    shapes = {
        feeder.pick(block.tensors, tf.constant(i)).rows.shape[0]
        for block in feeder.blocks(0, 0)
        for i in range(block.steps)
    }
    assert shapes == {BATCH}
    assert sum(block.examples for block in feeder.blocks(0, 0)) == SIZE


@pytest.mark.parametrize("size", [1, 7, 8, 9, 16])
@pytest.mark.parametrize("pad", [False, True])
def test_sizes_around_a_batch_lose_nothing(size: int, pad: bool) -> None:
    held = in_memory({"x": NUMBERS[:size, None]}, {"y": NUMBERS[:size].astype("int32")})
    for feeder in (
        DeviceFeeder(held, BATCH, shuffle=True, pad=pad),
        PipelineFeeder(made(held), BATCH, 4, shuffle=True, pad=pad),
    ):
        assert sorted(number for batch in batches(feeder) for number in batch) == list(range(size))


SPEC = Spec({"x": Feature("x", "number", (1,), "float32")}, {"y": Feature("y", "category", (), "int32", ("a", "b"))})


def data(**settings: Any) -> Data:
    """Settings of `data`."""
    inputs, targets = {"x": {"kind": "number"}}, {"y": {"kind": "category"}}
    config = {"name": "t", "data": {"inputs": inputs, "targets": targets, **settings}, "model": {"builder": "mlp"}}
    return from_mapping(config, needs_source=False).config.data


def test_arrays_that_fit_are_held_on_the_device_and_others_are_not() -> None:
    kinds = {
        "small": make_feeder(HELD, SPEC, data(), training=True),
        "too large": make_feeder(HELD, SPEC, data(device_limit=1e-6), training=True),
        "asked for": make_feeder(HELD, SPEC, data(feed="pipeline"), training=True),
        "no arrays": make_feeder(made(HELD), SPEC, data(feed="device"), training=True),
    }
    assert {name: type(feeder) for name, feeder in kinds.items()} == {
        "small": DeviceFeeder,
        "too large": PipelineFeeder,
        "asked for": PipelineFeeder,
        "no arrays": PipelineFeeder,
    }


def test_without_shuffling_the_order_is_the_source_s_in_every_epoch() -> None:
    feeder = make_feeder(HELD, SPEC, data(shuffle=False, batch_size=BATCH), training=True)
    for epoch in (0, 1):
        assert [number for batch in batches(feeder, epoch) for number in batch] == list(range(SIZE))


def test_evaluation_batches_are_large_for_small_examples_and_never_smaller_than_in_training() -> None:
    assert evaluation_batch_size(32, 784) == 1024
    assert evaluation_batch_size(32, 224 * 224 * 3) == 32
    assert evaluation_batch_size(4096, 784) == 4096


def test_elements_are_all_there_and_may_be_given_up_early() -> None:
    dataset = tf.data.Dataset.range(100).map(lambda i: 2 * i, num_parallel_calls=tf.data.AUTOTUNE)
    assert [int(x) for x in elements(dataset)] == list(range(0, 200, 2))
    some = elements(dataset)
    assert int(next(some)) == 0
    some.close()
    assert list(some) == []


def test_an_error_that_is_kept_does_not_keep_the_iterator() -> None:
    dataset = tf.data.Dataset.range(9).map(lambda i: tf.debugging.check_numerics(1 / (tf.cast(i, tf.float32) - 4), "x"))
    before = len(iterators())
    with pytest.raises(tf.errors.InvalidArgumentError) as kept:
        list(elements(dataset))
    for thread in threading.enumerate():
        if thread.name == "iterator":
            thread.join()
    assert len(iterators()) == before
    assert kept.traceback


def iterators() -> list[Any]:
    """All iterators of tf.data."""
    return [x for x in gc.get_objects() if type(x).__name__ == "OwnedIterator"]


@pytest.mark.parametrize("came", [40, 60])
def test_a_stream_that_gives_another_number_of_examples_than_it_promised_fails(came: int) -> None:
    numbers = np.arange(came, dtype=np.float32)
    short = tf.data.Dataset.from_tensor_slices(({"x": numbers[:, None]}, {"y": numbers.astype("int32")}, {}))
    feeder = PipelineFeeder(Stream(lambda seed, epoch: short, SIZE), BATCH, 4, shuffle=True, pad=False)
    with pytest.raises(RunError) as failed:
        list(feeder.blocks(7, 0))
    assert failed.value.problems[0].code == "data-ended"


def test_images_of_unknown_size_are_counted_by_the_first_one() -> None:
    spec = Spec({"x": Feature("x", "image", (None, None, 3), "uint8")}, {})
    images = tf.data.Dataset.from_tensor_slices(({"x": np.zeros((2, 9, 7, 3), np.uint8)}, {}, {}))
    assert bytes_of_example(Stream(lambda seed, epoch: images, 2), spec) == 9 * 7 * 3


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="a GPU has a memory of its own")
def test_what_is_mapped_since_it_is_large_is_not_copied_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLKIT_CACHE", str(tmp_path))
    data = from_mapping(
        {
            "name": "numbers",
            "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "number"}}},
            "model": {"builder": "mlp"},
        },
        needs_source=False,
    ).config.data
    spec = Spec({"x": Input(Feature("x", "number", (1,), "float32"), settings=data.inputs["x"])}, {})
    assert isinstance(make_feeder(HELD, spec, data, training=True), DeviceFeeder)
    monkeypatch.setattr(mapped, "LIMIT", 100)
    large = in_memory({"x": mapped.empty((SIZE, 1), np.float32)}, HELD.held.targets)
    assert isinstance(make_feeder(large, spec, data, training=True), PipelineFeeder)
    assert isinstance(make_feeder(HELD, spec, data, training=True), DeviceFeeder)


@pytest.mark.parametrize("array", [
    np.arange(60, dtype=np.uint8).reshape(5, 3, 4),
    np.arange(20.0).reshape(4, 5).T,
    np.array(["a", "bc", "d", "e", "f"]),
    np.array([None, "bc", 3, "e", b"f"], object),
    np.zeros((5, 0), np.float32),
    np.lib.stride_tricks.sliding_window_view(np.arange(7), 3),
])  # fmt: skip
def test_rows_of_any_array_are_gathered_where_tensorflow_takes_numbers_without_a_copy(array: np.ndarray) -> None:
    rows = np.array([4, 0, 3, 3])
    found = gathered(array, rows)
    assert found.dtype == array.dtype
    assert found.tolist() == array[rows].tolist()
    if array.flags.c_contiguous and array.size and array.dtype.kind == "u":
        assert np.asarray(found).ctypes.data % 64 == 0

"""How much memory a saved model would need, found before it takes any: from its numbers, and from its outline.

The outline is the model without values: its shapes are worked out as Keras does for any symbolic tensor.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import keras
import tensorflow as tf

from dlkit.config.causes import first_line
from dlkit.keras_internals import flattened, outputs_of_calls, variables_stay_empty

# The largest width, length or count of a part; a row of that many float32 takes 0.5 GiB.
LARGEST_NUMBER = 2**27
# The largest tensor of one example between two layers: 1 GiB of float32.
LARGEST_TENSOR = 2**28
# Thresholds and classes of a metric: lists in Python, and a square of counts.
LARGEST_METRIC, LARGEST_COUNT = 100_000, 2**24
# Objects that a configuration describes (a layer has some ten), and calls of its layers.
MOST_OBJECTS, MOST_CALLS = 50_000, 20_000
LONGEST_UNROLLED = 1000
# Numbers that say how many or how far in no sense that takes memory.
NOT_SIZES = {
    "args", "bin_boundaries", "inbound_nodes", "kwargs", "mask_token", "mask_value", "max_value", "mean", "offset",
    "oov_token", "salt", "scale", "seed", "shared_object_id", "threshold", "value", "variance", "vocabulary",
}  # fmt: skip
# Values that a model has and its file need not hold: states of random layers and metrics.
NOT_STORED = 2**20


def stored_values(archive: zipfile.ZipFile, name: str) -> int:
    """The number of values in a member that holds weights, each of which has its bytes in the file.

    Raises:
        ValueError: if it is no HDF5 file as Keras writes it.
        OSError: likewise.
    """
    member = archive.getinfo(name)
    # A stored member can be read where it lies; a packed one is not far larger than it is on the disk.
    with archive.open(name) as raw:
        source = raw if member.compress_type == zipfile.ZIP_STORED else io.BytesIO(raw.read())
        try:
            with h5py.File(source, "r") as file:
                return sum(_values(dataset) for dataset in _datasets(file))
        except (RuntimeError, KeyError, TypeError) as error:
            raise ValueError(f"its {name} cannot be read: {error}") from error


def _datasets(file: h5py.File) -> Iterator[h5py.Dataset]:
    found: list[h5py.Dataset] = []

    def visit(_: str, part: Any) -> None:
        if isinstance(part, h5py.Dataset):
            found.append(part)

    file.visititems(visit)
    return iter(found)


def _values(dataset: h5py.Dataset) -> int:
    if dataset.dtype.kind not in "iufb" or dataset.external or dataset.is_virtual or dataset.chunks:
        raise ValueError(f"its weights {dataset.name[:60]!a} are not held as Keras holds them")
    # A size that nothing was written for takes no bytes in the file, and all of them in memory.
    if dataset.nbytes > dataset.id.get_storage_size():
        raise ValueError(f"its weights {dataset.name[:60]!a} are declared larger than they are")
    return int(dataset.size)


def check_numbers(config: Mapping[str, Any]) -> None:
    """Refuse the configuration of a model whose numbers alone would fill the memory or the day.

    Raises:
        ValueError: naming the number.
    """
    objects = calls = longest = 0
    unrolled = False
    left: list[tuple[str, Any]] = [("", config)]
    while left:
        key, part = left.pop()
        if isinstance(part, dict):
            objects += "class_name" in part
            unrolled |= part.get("unroll") is True
            calls += len(part["inbound_nodes"]) if isinstance(part.get("inbound_nodes"), list) else 0
            left += [(k, v) for k, v in part.items() if k not in NOT_SIZES]
        elif isinstance(part, list):
            left += [(key, v) for v in part]
        elif isinstance(part, int) and not isinstance(part, bool):
            _check_number(key, part)
            longest = max(longest, part)
    if objects > MOST_OBJECTS or calls > MOST_CALLS:
        raise ValueError("it has far more layers than any network")
    if unrolled and longest > LONGEST_UNROLLED:
        raise ValueError(f"it unrolls a recurrent layer where a size is {longest:,}")


def _check_number(key: str, number: int) -> None:
    limit = LARGEST_METRIC if key in ("num_thresholds", "num_classes") else LARGEST_NUMBER
    # The learning rate's schedule counts updates, which take no memory.
    if number > limit and not key.endswith("steps"):
        raise ValueError(f"its `{key[:60]}` is {number:,}" if number < 10**18 else f"its `{key[:60]}` is far too large")


def check_sizes(config: Mapping[str, Any], stored: int) -> None:
    """Refuse a model that would need more weights than its file holds, or an absurd tensor between two layers.

    Args:
        config: the content of `config.json`, of which every class is Keras's own.
        stored: values that the file holds.

    Raises:
        ValueError: naming the layer; or Keras's reason, where it cannot be built at all.
    """
    with outlined():
        model = _built(config)
        counted = sum(math.prod(v.shape) for metric in _metrics(config) for v in metric.variables)
        if counted > LARGEST_COUNT:
            raise ValueError(f"its metrics count {counted:,} values")
        values = sum(math.prod(w.shape) for w in model.weights)
        if values > stored + NOT_STORED:
            raise ValueError(f"its layers need {values:,} weights, and it holds {stored:,}")
        for layer, size in _tensors(model):
            if size > LARGEST_TENSOR:
                raise ValueError(f"its layer `{layer[:60]}` makes {size:,} numbers of one example")


@contextlib.contextmanager
def outlined() -> Iterator[None]:
    """Within the block, variables have shapes and no values, and operations on them give nothing but shapes."""
    with variables_stay_empty(), tf.Graph().as_default(), keras.StatelessScope(initialize_variables=False):
        yield


def _built(config: Mapping[str, Any]) -> keras.Model:
    # A configuration can be wrong in as many ways as there are layers.
    try:
        # Keras changes what it reads.
        own = {**copy.deepcopy(dict(config)), "compile_config": None}
        model = keras.saving.deserialize_keras_object(own, safe_mode=True)
    except Exception as error:
        raise ValueError(first_line(error)) from error
    if not isinstance(model, keras.Model):
        raise ValueError("its configuration does not describe a model")
    return model


def _metrics(config: Mapping[str, Any]) -> list[keras.metrics.Metric]:
    """The metrics that the model is compiled with, those aside that are named by a word."""
    compiled = config.get("compile_config")
    left = [compiled.get("metrics"), compiled.get("weighted_metrics")] if isinstance(compiled, dict) else []
    found = []
    while left:
        part = left.pop()
        if isinstance(part, dict) and "class_name" in part:
            try:
                found.append(keras.saving.deserialize_keras_object(copy.deepcopy(part)))
            except Exception as error:
                raise ValueError(first_line(error)) from error
        elif isinstance(part, dict | list):
            left += part.values() if isinstance(part, dict) else part
    return [metric for metric in found if isinstance(metric, keras.metrics.Metric)]


def largest_tensor(model: keras.Model) -> int:
    """The numbers that the largest tensor between two layers has for one example; sizes that vary count as 1."""
    return max((size for _, size in _tensors(model)), default=0)


def _tensors(model: keras.Model) -> Iterator[tuple[str, int]]:
    """The layers of a model, those of models within it too, and the numbers that each makes of one example."""
    for part in flattened(model):
        for operation in getattr(part, "operations", None) or [part]:
            for tensor in outputs_of_calls(operation):
                yield operation.name, math.prod(size or 1 for size in tensor.shape[1:])

"""The columns of a prepared set of TFDS's: what they are, and how they are read."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from dlkit.config.problems import Key, Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.source import Piece, SourceField

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
elements, tf, tfds = lazy("dlkit.elements"), lazy("tensorflow"), lazy("tensorflow_datasets")

# Columns of up to this number of bytes are held in memory. Images that would take more are held as they are encoded.
MEMORY_LIMIT = 2**31
# Examples that are read at a time.
BATCH = 256
KEY: Key = ("data", "source", "name")


def field_of(feature: Any, rows: int) -> SourceField:
    """A column; images of which so many rows would not fit, or which differ in size, as they are encoded."""
    shape, dtype = feature.shape, feature.np_dtype
    if not isinstance(shape, tuple) or isinstance(dtype, Mapping):
        return SourceField(None, "object")  # nested features
    dtype = np.dtype(dtype)
    large = None in shape or rows * _size(shape, dtype.name) > MEMORY_LIMIT
    if type(feature) is tfds.features.Image and dtype.name in ("uint8", "uint16") and large:
        return SourceField(shape, "string", encoding="image", decoded=dtype.name, hint="image")
    if type(feature) is tfds.features.Audio and feature.get_serialized_info().np_dtype == np.object_:
        return SourceField((), "string", encoding="audio", hint="audio")
    name = "string" if dtype.kind in "OSU" else dtype.name
    classes = tuple(feature.names or ()) if hasattr(feature, "num_classes") and feature.num_classes else ()
    return SourceField(shape, name, classes)


def _size(shape: Sequence[int | None], dtype: str) -> float:
    """Bytes of an example; infinite where a size varies."""
    if None in shape:
        return inf
    return float(np.prod(np.array(shape, np.float64)) * np.dtype(dtype).itemsize)


def bytes_of(builder: Any, fields: Mapping[str, SourceField], sizes: Mapping[str, int | None]) -> float:
    """Bytes of these columns over all splits; infinite where a size varies. Text and files take at most what the
    set's own files do.
    """
    example, stored = 0.0, 0
    for field in fields.values():
        if field.encoding or (field.dtype == "string" and field.shape is not None and None not in field.shape):
            stored = sum(split.num_bytes for split in builder.info.splits.values())
        elif field.shape is None or field.dtype in ("string", "object"):
            return inf
        else:
            example += _size(field.shape, field.dtype)
    return example * sum(size or 0 for size in sizes.values()) + stored


def arrays_of(builder: Any, split: str, size: int, fields: Mapping[str, SourceField]) -> dict[str, np.ndarray]:
    arrays = {}
    for name, field in fields.items():
        shape: Any = () if field.encoding else field.shape
        arrays[name] = np.empty((size, *shape), object if field.dtype == "string" else field.dtype)
    start = 0
    with quiet(), _damage_named(builder, split):
        for batch in elements.elements(dataset_of(builder, [Piece(split, 0, size)], fields, None).batch(BATCH)):
            rows = len(next(iter(batch.values())))
            for name, array in arrays.items():
                values = batch[name].numpy()
                text = fields[name].dtype == "string" and not fields[name].encoding
                array[start : start + rows] = _texts(values) if text else values
            start += rows
    return arrays


def _texts(values: np.ndarray) -> np.ndarray:
    """Bytes as text, which is UTF-8 in such sets."""
    found = np.empty(values.size, object)
    found[:] = [value.decode(errors="replace") for value in values.reshape(-1)]
    return found.reshape(values.shape)


@contextlib.contextmanager
def _damage_named(builder: Any, split: str) -> Iterator[None]:
    """Within the block, records that cannot be read are reported with the folder that they are in.

    Raises:
        RunError: if TensorFlow finds one.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        words = error.message.split("}} ")[-1].split(" [Op:")[0].splitlines()[0]
        message = f"the prepared files of `{split}` in {builder.data_path} are damaged: {words}"
        help = "delete that folder, and the set is prepared again; or take it from a copy"
        raise RunError(Problem("damaged-data", message, KEY, help=help)) from error


def dataset_of(builder: Any, pieces: Sequence[Piece], fields: Mapping[str, SourceField], seed: int | None) -> Any:
    """Single examples, dictionaries of these columns; the files in an order of that seed, or in their own."""
    parts = [tfds.core.ReadInstruction(p.split, from_=p.start, to=p.stop, unit="abs") for p in pieces]
    instruction = parts[0]
    for part in parts[1:]:
        instruction = instruction + part
    # Read one file at a time: TFDS would interleave several, and examples would not come in the order of slices.
    config = tfds.ReadConfig(
        interleave_cycle_length=1 if seed is None else 16,
        shuffle_seed=seed,
        shuffle_reshuffle_each_iteration=False,
        try_autocache=False,
    )
    config.options.deterministic = True
    encoded = {name: tfds.decode.SkipDecoding() for name, field in fields.items() if field.encoding}
    decoders = tfds.decode.PartialDecoding(dict.fromkeys(fields, True), decoders=encoded)
    return builder.as_dataset(split=instruction, shuffle_files=seed is not None, read_config=config, decoders=decoders)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without TFDS's progress bars, prints and warnings."""
    tfds.disable_progress_bar()
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)

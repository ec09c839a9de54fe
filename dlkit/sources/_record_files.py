"""TFRecord files: their first records, how many they have, and which record is damaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from dlkit.config.problems import Problem, RunError
from dlkit.lazy import lazy
from dlkit.schema.source import Piece
from dlkit.sources._record_features import RecordFeature
from dlkit.sources._tables import KEY

tf, protobuf = lazy("tensorflow"), lazy("google.protobuf.message")

Compression = Literal["GZIP", "ZLIB"]
# A record is its length in 8 bytes, a checksum of that, its content, a checksum of that.
HEAD, AROUND = 8, 16
# How files that are compressed begin.
_COMPRESSED: dict[bytes, Compression] = {
    b"\x1f\x8b": "GZIP",
    b"\x78\x01": "ZLIB",
    b"\x78\x9c": "ZLIB",
    b"\x78\xda": "ZLIB",
}
# Files that a stream reads at the same time.
TOGETHER = 16


def first_examples(file: Path, called: str, compression: Compression | None, count: int) -> list[Any]:
    """The first `tf.train.Example`s of a file.

    Raises:
        RunError: if one is damaged, or is no such example.
    """
    return list(islice(_examples(file, called, compression), count))


def compression_of(file: Path) -> Compression | None:
    """How a file is compressed that cannot be read as it is; its first bytes, which could be a length, say it."""
    with file.open("rb") as opened:
        return _COMPRESSED.get(opened.read(2))


def count_records(file: Path, called: str) -> int:
    """The number of records of a file that is not compressed, of which only their lengths are read.

    Raises:
        RunError: naming the record that reaches beyond the end.
    """
    size, at, count = file.stat().st_size, 0, 0
    with file.open("rb") as opened:
        while at < size:
            opened.seek(at)
            at += int.from_bytes(opened.read(HEAD), "little") + AROUND
            count += 1
    if at != size:
        raise _damaged(f"{called}, record {count:,} is cut off, or its length is damaged")
    return count


def damage_of(
    file: Path, called: str, compression: Compression | None, features: Mapping[str, RecordFeature]
) -> RunError:
    """The error for a file that has a record which is damaged or does not fit: the first of them.

    Args:
        file: it.
        called: how messages call it.
        compression: of it.
        features: that are read.
    """
    try:
        for number, example in enumerate(_examples(file, called, compression), 1):
            held = example.features.feature
            misfits = (f.misfit(name, held.get(name)) for name, f in features.items())
            if why := next(filter(None, misfits), None):
                help = "correct or remove the record, or state the feature otherwise"
                return RunError(Problem("record-features", f"{called}, record {number:,}: {why}", KEY, help=help))
    except RunError as error:
        return error
    return _damaged(f"{called} cannot be parsed")


def unfit(name: str, feature: RecordFeature, examples: Sequence[Any]) -> str:
    """Why some examples do not fit a feature; empty where they do.

    A list that may be empty need not be in each of them.
    """
    held = [example.features.feature.get(name) for example in examples]
    if feature.ragged and not any(held):
        return f"none of its first records has a feature `{name}`"
    return next((why for one in held if (why := feature.misfit(name, one))), "")


def stream_of(
    pieces: Sequence[Piece],
    rows: Mapping[str, Sequence[tuple[Path, int | None]]],
    compression: Compression | None,
    seed: int | None,
) -> Any:
    """The records of some pieces: a dataset of serialized examples.

    Args:
        pieces: one after the other.
        rows: the files of each split, with the number of their records; None where that is unknown, and pieces are
            whole splits.
        compression: of the files.
        seed: of the order in which files are read; None for their own.
    """
    files, skips, takes = [], [], []
    for piece in pieces:
        start, stop = piece.start, piece.stop
        for file, count in rows[piece.split]:
            first = max(start, 0)
            last = -1 if count is None else count if stop is None else min(stop, count)
            if count is None or first < last:
                files.append(str(file))
                skips.append(first)
                takes.append(-1 if count is None else last - first)
            start, stop = start - (count or 0), None if stop is None else stop - (count or 0)
    parts = tf.data.Dataset.from_tensor_slices((files, tf.constant(skips, tf.int64), tf.constant(takes, tf.int64)))
    if seed is not None:
        parts = parts.shuffle(len(files), seed=seed, reshuffle_each_iteration=False)

    def records(file: Any, skip: Any, take: Any) -> Any:
        return tf.data.TFRecordDataset(file, compression or "").skip(skip).take(take)

    # One file at a time where the order is that of slices.
    return parts.interleave(
        records, cycle_length=1 if seed is None else TOGETHER, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _examples(file: Path, called: str, compression: Compression | None) -> Iterator[Any]:
    """Every example of a file, one after the other.

    Raises:
        RunError: naming the record that is damaged.
    """
    number = 0
    try:
        for record in tf.data.TFRecordDataset(str(file), compression or "").as_numpy_iterator():
            number += 1
            example = tf.train.Example.FromString(record)
            if not example.features.feature and tf.train.SequenceExample.FromString(record).feature_lists.feature_list:
                what = f"{called}, record {number:,} is a SequenceExample, and only Examples are read"
                raise _damaged(what, "write its lists of features as lists of numbers")
            yield example
    except tf.errors.DataLossError as error:
        raise _lost(file, called, compression, number + 1, error.message) from error
    except tf.errors.OpError as error:
        raise _damaged(f"{called} cannot be read: {error.message.splitlines()[0]}", "check its permissions") from error
    except protobuf.DecodeError as error:
        raise _damaged(f"{called}, record {number:,} is no `tf.train.Example`") from error


def _lost(file: Path, called: str, compression: Compression | None, number: int, words: str) -> RunError:
    """The error for a record that TensorFlow does not read."""
    if compression is None and number == 1 and (found := compression_of(file)) is not None:
        return _damaged(f"{called} is compressed", f"write `compression: {found}` in `data.source`")
    if "inflate" in words:
        help = f"leave `compression: {compression}` out if it is not compressed so; else make or copy it again"
        return _damaged(f"{called} is not compressed by {compression}, or is damaged", help)
    if "truncated" in words:
        return _damaged(f"{called} is cut off in record {number:,}")
    if number == 1:
        return _damaged(f"{called} is no TFRecord file, or its first record is damaged")
    return _damaged(f"{called}, record {number:,} is damaged: its checksum does not fit")


def _damaged(message: str, help: str = "make or copy it again") -> RunError:
    return RunError(Problem("damaged-data", message, KEY, help=help))

"""Reads files of the `.ts` format of the UEA and UCR archives: after `@data` each line is an example.

    @dimensions 2
    @classLabel true cat dog
    @data
    1.0,2.0,3.0:4.0,5.0,6.0:cat
    1.5,2.5:4.5,?:dog

Channels are parted by `:`, steps by `,`; `?` is a missing number, and the label comes last. Examples may differ in
length. (The libraries that read it, aeon and sktime, bring numba and much else.)
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlkit.config.problems import Key, Problem, RunError
from dlkit.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")


@dataclass(frozen=True)
class TsFile:
    """The content of a file.

    Attributes:
        path: of it.
        values: padded with NaN at the end of each series: float32, shape (examples, steps, channels).
        labels: text, or float32 where the header says that they are numbers; None without labels.
        lines: number of the line of each example: int64.
        ragged: whether the examples differ in length.
    """

    path: Path
    values: np.ndarray
    labels: np.ndarray | None
    lines: np.ndarray
    ragged: bool


@dataclass
class _Header:
    classes: tuple[str, ...] = ()
    labels: str = ""  # `classes`, `numbers`, or empty where there are none
    channels: int | None = None
    length: int | None = None


def read_ts(path: Path, key: Key) -> TsFile:
    """A whole file, which may be compressed with gzip.

    Args:
        path: of the file.
        key: of the setting that names it.

    Raises:
        RunError: naming the first line that cannot be read.
    """
    header, series, labels, lines = _Header(), [], [], []
    in_data = False
    for number, line in _lines(path, key):
        place = f"{path}:{number}"
        if in_data:
            values, label = _example(line, header, place, key)
            series.append(values)
            labels.append(label)
            lines.append(number)
        elif line.lower() == "@data":
            in_data = True
        elif line.startswith("@"):
            _read_header(line, header, place, key)
        else:
            raise _damaged(f"{place}: `{line[:40]}` comes before `@data`, and is no line of a header", key)
    if not in_data:
        raise _damaged(f"{path} is no .ts file, or is cut off: it has no line `@data`", key)
    if not series:
        raise _damaged(f"{path} has no example after `@data`", key)
    lengths = {len(values) for values in series}
    padded = np.full((len(series), max(lengths), series[0].shape[1]), np.nan, np.float32)
    for row, values in enumerate(series):
        padded[row, : len(values)] = values
    found = None if not header.labels else np.array(labels, np.float32 if header.labels == "numbers" else str)
    return TsFile(path, padded, found, np.array(lines), len(lengths) > 1)


def _lines(path: Path, key: Key) -> Iterator[tuple[int, str]]:
    """The lines that say something, each with its number."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(f"{path} cannot be read: {error}", key) from error
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text


def _read_header(line: str, header: _Header, place: str, key: Key) -> None:
    """One line of the header."""
    name, *words = line[1:].split()
    value = words[0].lower() if words else ""
    match name.lower():
        case "timestamps" if value == "true":
            help = "write the values alone, at equal steps, and `@timeStamps false`"
            raise _damaged(f"{place}: values with timestamps are not read", key, help)
        case "univariate" if value == "true":
            header.channels = 1
        case "dimensions" | "dimension":
            header.channels = _count(value, place, key)
        case "serieslength":
            header.length = _count(value, place, key)
        case "classlabel" if value == "true":
            header.labels, header.classes = "classes", tuple(words[1:])
        case "targetlabel" if value == "true":
            header.labels = "numbers"


def _count(word: str, place: str, key: Key) -> int:
    if not word.isdigit() or not int(word):
        raise _damaged(f"{place}: `{word}` is no number of something", key)
    return int(word)


def _example(line: str, header: _Header, place: str, key: Key) -> tuple[np.ndarray, str]:
    """The values of one example, float32, shape (steps, channels), and its label."""
    parts = [part.strip() for part in line.split(":")]
    label = parts.pop().strip() if header.labels else ""
    if header.classes and label not in header.classes:
        listed = ", ".join(header.classes[:10])
        raise _damaged(f"{place}: the label is `{label[:40]}`, and `@classLabel` has {listed}", key)
    if header.labels == "numbers":
        _numbers(label, f"{place}: the label", key)
    header.channels = header.channels or len(parts)
    if len(parts) != header.channels:
        raise _damaged(f"{place}: {len(parts):,} channels, and {header.channels:,} are expected", key)
    channels = [_numbers(part, f"{place}: channel {n}", key) for n, part in enumerate(parts, 1)]
    lengths = {len(channel) for channel in channels}
    if len(lengths) > 1:
        raise _damaged(f"{place}: the channels have {min(lengths):,} to {max(lengths):,} steps", key)
    if header.length not in (None, *lengths):
        raise _damaged(f"{place}: {lengths.pop():,} steps, and `@seriesLength` says {header.length:,}", key)
    return np.stack(channels, axis=1), label


def _numbers(text: str, place: str, key: Key) -> np.ndarray:
    """Numbers with commas between them: float32, NaN for `?`."""
    words = text.replace("?", "nan").split(",")
    with np.errstate(over="ignore"):
        try:
            values = np.array(words, np.float32)
        except ValueError:
            wrong = next(word for word in words if not _is_number(word))
            raise _damaged(f"{place}: `{wrong[:40]}` is no number", key) from None
    if np.isinf(values).any():
        raise _damaged(f"{place}: a number is infinite, or too large for float32", key)
    return values


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _damaged(message: str, key: Key, help: str = "correct the file, or make or copy it again") -> RunError:
    return RunError(Problem("damaged-data", message, key, help=help))

"""Sounds as arrays: samples of one channel, padded with NaN at the end, and the headers of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlkit.inputs import _padding
from dlkit.inputs._decode_audio import Sound, read_header
from dlkit.lazy import lazy

if TYPE_CHECKING:
    from dlkit.data.values import RowPlace

np = lazy("numpy")


def columns(start: Any, samples: int) -> Any:
    """The numbers of as many samples from each start on."""
    return start[:, None] + np.arange(samples)


def padded(values: Any, samples: int) -> Any:
    """One sound with NaN at its end, or cut off, to have that many samples."""
    return np.pad(values[:samples], (0, max(0, samples - len(values))), constant_values=np.nan)


def headers_of(values: Any, place: RowPlace | None = None) -> list[Sound]:
    """The headers of the files of some rows.

    Args:
        values: paths or contents of files.
        place: of the rows; None where files that are no whole sound are passed over.

    Raises:
        RunError: naming the first file that is no whole sound.
    """
    found = []
    for row, stored in enumerate(values.reshape(-1).tolist()):
        try:
            found.append(read_header(stored))
        except ValueError as error:
            if place is None:
                continue
            message = f"{place.row(row)} is not a whole sound file: {error}"
            help = "make or copy it again, or leave it out with `data.clean: {drop: [unreadable]}`"
            raise place.run_error("damaged-data", message, help) from error
    return found


def samples_of(values: Any, place: RowPlace) -> Any:
    """Sounds of any length: float32, shape (examples, samples), NaN where there is nothing.

    Raises:
        RunError: if they hold text, infinity, or several channels.
    """
    place.refuse_text(values)
    rows = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    place.same_shape(rows, (None,))
    if rows.dtype.kind in "iu":
        bits = 8 * rows.dtype.itemsize
        middle = 2 ** (bits - 1) if rows.dtype.kind == "u" else 0
        return ((rows.astype(np.float64) - middle) / 2 ** (bits - 1)).astype(np.float32)
    return place.finite(rows, nan_allowed=True)


def lengths_of(rows: Any, place: RowPlace) -> Any:
    """Samples of each sound, without its padding: int64, shape (examples,); see `dlkit.inputs._padding.lengths_of`."""
    return _padding.lengths_of(rows[..., np.newaxis], place, "sound", "sample")

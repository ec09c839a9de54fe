"""What kinds use to sum up values, to write them in a few words and to draw them: NumPy, and axes of matplotlib's.

A summary is a list of words, each with a value: a number, a text, a truth, counts by name, or a table, which has a row
of figures for each column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlkit.config.phrases import cut
from dlkit.lazy import lazy

np = lazy("numpy")

Summary = list[tuple[str, Any]]
# Of one column: its name, a value as the source has it, and as the network is given it.
Cell = tuple[str, str, str]
# Numbers that are summed up at a time, columns that a table has, and names whose counts are kept.
PART, MOST_COLUMNS, MOST_NAMES = 2**20, 256, 1000
# Words of summaries under which rows are counted by what they have.
OF_ROWS = ("counts", "sizes")
# Rows with which a value or class is called rare, and numbers of an example that are shown.
RARE, SHOWN = 5, 6


def of_numbers(values: Any, columns: Sequence[str] = ()) -> Summary:
    """The figures of numbers, NaN left out; of several columns a table.

    Args:
        values: first axis the examples.
        columns: their names, where each is one number of an example.
    """
    width = int(np.prod(values.shape[1:]))
    if values.ndim != 2 or not 1 < width <= MOST_COLUMNS:
        return list(_figures(values).items())
    names = columns if len(columns) == width else [f"{', '.join(columns)}[{n}]" for n in range(width)]
    return [("columns", {name: _figures(values[:, n]) for n, name in enumerate(names)})]


def _figures(values: Any) -> dict[str, Any]:
    parts = [np.asarray(part) for part in _parts(values)]
    there = [part[~np.isnan(part)] if part.dtype.kind == "f" else part for part in parts]
    size, total = sum(part.size for part in there), sum(part.size for part in parts)
    if not size:
        return {"missing": total}
    filled = [part for part in there if part.size]
    low, high = min(part.min().item() for part in filled), max(part.max().item() for part in filled)
    mean = sum(float(part.sum(dtype=np.float64)) for part in filled) / size
    squares = sum(float(np.square(part - mean, dtype=np.float64).sum()) for part in filled)
    spread = {"min": low, "mean": mean, "deviation": (squares / size) ** 0.5, "max": high}
    return {**spread, "missing": total - size, "constant": low == high}


def _parts(values: Any) -> list[Any]:
    rows = max(1, PART // max(1, values[:1].size))
    return [values[start : start + rows].reshape(-1) for start in range(0, len(values), rows)]


def of_counts(names: Sequence[Any], counts: Any, noun: str) -> Summary:
    """How many rows each of some names has, the most frequent first, and how many names are rare.

    Args:
        names: of values or classes.
        counts: of each.
        noun: for several of them: "values".
    """
    pairs = sorted(zip(map(str, names), map(int, counts), strict=True), key=lambda pair: -pair[1])
    found: Summary = [("counts", dict(pairs[:MOST_NAMES]))]
    if len(pairs) > MOST_NAMES:
        found.append((f"different {noun}", len(pairs)))
    rare = sum(n < RARE for _, n in pairs)
    return [*found, (f"{noun} with fewer than {RARE} rows", rare)] if rare else found


def of_lengths(lengths: Any, what: str) -> Summary:
    """The shortest, mean and longest of some lengths."""
    if not len(lengths):
        return []
    low, high = lengths.min().item(), lengths.max().item()
    if low == high:
        return [(what, low)]
    return [(f"fewest {what}", low), (f"mean {what}", float(lengths.mean())), (f"most {what}", high)]


def in_words(value: Any) -> str:
    """One example in a few words: its first numbers, or its text."""
    array = np.asarray(value)
    flat = array.reshape(-1)
    words = [one_in_words(one) for one in flat[:SHOWN].tolist()]
    more = f", … ({flat.size:,})" if flat.size > SHOWN else ""
    return ", ".join(words) + more


def one_in_words(value: Any) -> str:
    """One number or text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return cut(" ".join(value.split()), 200) or '""'
    return number(value) if isinstance(value, float) else str(value)


def number(value: float) -> str:
    """Four digits of a number, or all before its point: `0.1234`, `178,800`, `1.5e+09`."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def cells(raw: Any, prepared: Any, name: str, columns: Sequence[str]) -> list[Cell]:
    """Raw and prepared values of one example, column by column where each has one number."""
    raw, prepared = np.asarray(raw).reshape(-1), np.asarray(prepared).reshape(-1)
    if len(columns) == raw.size == prepared.size:
        pairs = zip(columns, raw.tolist(), prepared.tolist(), strict=True)
        return [(column, one_in_words(before), one_in_words(after)) for column, before, after in pairs]
    return [(name, in_words(raw), in_words(prepared))]


def picture(axes: Any, values: Any, low: float, high: float) -> None:
    """Draw an image of 1, 3 or 4 channels; of others the first channel.

    Args:
        axes: matplotlib's.
        values: shape (height, width, channels).
        low: what is black; what lies outside of both takes the place of the ends.
        high: what is white.
    """
    pixels = np.nan_to_num(np.asarray(values, np.float32))
    if pixels.min() < low - 0.1 * (high - low) or pixels.max() > high + 0.1 * (high - low):
        low, high = float(pixels.min()), float(pixels.max())
    pixels = np.clip((pixels - low) / (high - low if high > low else 1), 0, 1)
    colours = pixels.shape[2] in (3, 4)
    axes.imshow(pixels if colours else pixels[:, :, 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()


def lines(axes: Any, values: Any, **style: Any) -> None:
    """Draw the channels of a series, each a line, behind what is drawn already.

    Args:
        axes: matplotlib's.
        values: shape (steps, channels); NaN is left out.
        style: of the lines, in matplotlib's words.
    """
    start = max((len(line.get_xdata()) for line in axes.lines), default=0)
    if start:  # a gap where the series that is there is shorter than others
        xs = [np.asarray(line.get_xdata())[~np.isnan(np.asarray(line.get_ydata(), float))] for line in axes.lines]
        start = int(max((x.max() for x in xs if x.size), default=-1)) + 1
    steps = np.arange(start, start + len(values))
    for channel in np.asarray(values, np.float64).T:
        axes.plot(steps, channel, linewidth=1, **style)
    small_axes(axes, "step")


def small_axes(axes: Any, x: str, y: str = "") -> None:
    """Few ticks, in small print, with what the axes count.

    Args:
        axes: matplotlib's.
        x: what the horizontal axis counts.
        y: what the vertical one counts.
    """
    axes.locator_params(nbins=3)  # ticks are what takes the time
    axes.tick_params(labelsize=6, length=2, pad=1)
    axes.set_xlabel(x, fontsize=6, labelpad=1)
    axes.set_ylabel(y, fontsize=6, labelpad=1)

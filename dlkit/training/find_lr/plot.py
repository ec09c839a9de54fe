"""The picture of a learning-rate range test."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.files import written_aside
from dlkit.runs import PACKAGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dlkit.training.find_lr.curve import RangeTest


def why_no_picture() -> Problem | None:
    """A problem if the library that draws is missing."""
    if importlib.util.find_spec("matplotlib") is not None:
        return None
    return Problem(
        "no-matplotlib",
        "no picture is drawn: matplotlib is not installed",
        help=f'pip install "{PACKAGES[0]}[notebook]"',
    )


def picture_path(output: Path | None, name: str) -> Path:
    """Where the picture goes: as asked, or `<name>_find_lr.png` here; with a number if there is such a file already.

    Raises:
        ConfigError: if it does not end in .png, or its folder is not there.
    """
    wanted = output or Path(f"{name}_find_lr.png")
    if wanted.suffix.lower() != ".png":
        raise ConfigError(Problem("bad-output", f"{wanted}: the picture is a PNG file", help="let it end in .png"))
    if not wanted.parent.is_dir():
        raise ConfigError(Problem("bad-output", f"{wanted}: there is no folder {wanted.parent}", help="make it first"))
    path, number = wanted, 1
    while path.exists():
        number += 1
        path = wanted.with_stem(f"{wanted.stem}_{number}")
    return path


def save_picture(found: RangeTest, path: Path) -> None:
    """Draw a range test into a PNG file.

    Raises:
        RunError: if the file cannot be written.
    """
    figure = draw(found)
    try:
        with written_aside(path) as aside:
            figure.savefig(aside, format="png", dpi=150)
    except OSError as error:
        raise RunError(Problem("output-not-written", f"{path} cannot be written: {error.strerror}")) from error


def png(found: RangeTest) -> bytes:
    """The picture as the bytes of a PNG file; see `draw`."""
    held = io.BytesIO()
    draw(found).savefig(held, format="png", dpi=100)
    return held.getvalue()


def draw(found: RangeTest) -> Figure:
    """Loss by learning rate: each batch a dot, the average a line, the suggested rates upright.

    Raises:
        RunError: if matplotlib is missing, or the loss was not finite from the first step on.
    """
    missing = why_no_picture()
    if missing is not None:
        raise RunError(missing)
    if not len(found.losses):
        raise RunError(Problem("no-suggestion", "there is no curve to draw: the first loss was not finite"))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.plot(found.rates, found.losses, ".", color="0.75", markersize=4, label="each batch")
    axes.plot(found.rates, found.smoothed, color="C0", linewidth=2, label="smoothed")
    for rate, style, colour, what in (
        (found.suggestion, "-", "C3", "steepest descent"),
        (found.alternative, ":", "C2", "lowest point / 10"),
    ):
        if rate is not None:
            axes.axvline(rate, linestyle=style, color=colour, label=f"{what}: {rate:g}")
    axes.set_ylim(*_limits(found))
    axes.set(title=f"{found.name}: learning-rate range test", xlabel="learning rate", ylabel="training loss")
    axes.grid(alpha=0.3)
    axes.legend(loc="best", framealpha=0.9)
    return figure


def _limits(found: RangeTest) -> tuple[float, float]:
    """From the lowest loss to a little above the first ones; how far it diverges is of no interest."""
    low, begin = float(found.losses.min()), float(np.max(found.smoothed[: max(1, len(found.smoothed) // 4)]))
    height = max(begin - low, 0.1 * abs(begin), 1e-6)
    return low - 0.05 * height, begin + 0.4 * height

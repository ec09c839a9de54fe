"""The picture of a learning-rate range test."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from dlkit.config.problems import Problem, RunError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dlkit.training.find_lr.curve import RangeTest


def png(found: RangeTest) -> bytes:
    """The picture as the bytes of a PNG file; see `draw`."""
    held = io.BytesIO()
    draw(found).savefig(held, format="png", dpi=100)
    return held.getvalue()


def draw(found: RangeTest) -> Figure:
    """Loss by learning rate: each batch a dot, the average a line, the suggested rates upright.

    Raises:
        RunError: if the loss was not finite from the first step on.
    """
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

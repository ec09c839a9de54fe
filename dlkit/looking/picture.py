"""Examples as one picture: each input's forms side by side, the targets above or behind them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.files import written_aside
from dlkit.looking.examples import Examples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 120


class Panel(NamedTuple):
    """The size of a panel and of what is free around it, in inches, and how many stand side by side at most."""

    width: float
    height: float
    left: float
    right: float
    above: float
    below: float
    across: int

    @property
    def whole(self) -> tuple[float, float]:
        """Width and height with what is free."""
        return self.left + self.width + self.right, self.above + self.height + self.below


IMAGE = Panel(0.9, 0.9, 0.05, 0.05, 0.18, 0.04, across=12)
LINES = Panel(2.2, 1.0, 0.42, 0.08, 0.18, 0.3, across=4)
# Above all panels, and between examples.
HEAD, GAP = 0.42, 0.1


def draw(examples: Examples) -> Figure:
    """The picture of examples, of which an input at least makes one: matplotlib's figure."""
    from matplotlib.figure import Figure

    panels = [(name, stage) for name in examples.pictured for stage in examples.stages(name)]
    # A sound may be an image once it is prepared, but needs room for its wave.
    images = all(len(np.shape(examples.stages(name)[stage][0])) == 3 for name, stage in panels)
    panel = IMAGE if images else LINES
    width, height = panel.whole
    across = min(len(examples), max(1, panel.across // len(panels)))
    down = -(-len(examples) // across)
    across = -(-len(examples) // down)
    size = np.array([across * (len(panels) * width + GAP) + GAP, down * height + HEAD + GAP])
    figure = Figure(figsize=tuple(size), dpi=DOTS)
    figure.text(0.5, 1 - 0.14 / size[1], examples.title, ha="center", va="center", fontsize=8, parse_math=False)
    for n in range(len(examples)):
        row, column = divmod(n, across)
        for number, (name, stage) in enumerate(panels):
            left = GAP + column * (len(panels) * width + GAP) + number * width + panel.left
            bottom = size[1] - HEAD - (row + 1) * height + panel.below
            corner, extent = np.array([left, bottom]) / size, np.array([panel.width, panel.height]) / size
            _draw_one(figure.add_axes((*corner, *extent)), examples, n, name, stage)
            if row == 0:
                words = stage if len(examples.pictured) == 1 else f"{name}, {stage}"
                x, y = np.array([left + panel.width / 2, size[1] - 0.34]) / size
                figure.text(x, y, words, ha="center", va="center", fontsize=7, color="0.4", parse_math=False)
    return figure


def _draw_one(axes: Any, examples: Examples, n: int, name: str, stage: str) -> None:
    """One form of one input of one example; the targets are added to the raw form of the first."""
    bound = examples.spec.inputs[name]
    value = np.asarray(examples.stages(name)[stage][n])
    bound.settings.draw(axes, value, bound, prepared=stage != "raw")
    if stage == "raw" and name == examples.pictured[0]:
        for target, label in examples.targets.items():
            of = examples.spec.targets[target]
            of.settings.draw(axes, label[n], of)


def save(figure: Figure, path: Path, *, dots: int = DOTS) -> None:
    """Write a figure as a PNG file.

    Args:
        figure: matplotlib's.
        path: of the file.
        dots: per inch.

    Raises:
        RunError: if the file cannot be written.
    """
    # A letter that its font does not have is drawn as a box. `catch_warnings` would not do: runs draw in a thread.
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")
    try:
        with written_aside(path) as aside:
            figure.savefig(aside, format="png", dpi=dots)
    except OSError as error:
        raise RunError(Problem("output-not-written", f"{path} cannot be written: {error.strerror}")) from error


def picture_path(output: Path | None, default: str, suffix: str = ".png") -> Path:
    """Where a picture goes: as asked, or the default here; with a number if there is such a file already.

    Raises:
        ConfigError: if it does not end in `suffix`, or its folder is not there.
    """
    wanted = output or Path(default)
    if wanted.suffix.lower() != suffix:
        kind = f"{suffix[1:].upper()} file"
        help = f"let it end in {suffix}"
        raise ConfigError(Problem("bad-output", f"{wanted}: the picture is a {kind}", help=help))
    if not wanted.parent.is_dir():
        raise ConfigError(Problem("bad-output", f"{wanted}: there is no folder {wanted.parent}", help="make it first"))
    path, number = wanted, 1
    while path.exists():
        number += 1
        path = wanted.with_stem(f"{wanted.stem}_{number}")
    return path

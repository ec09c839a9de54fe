"""A live display that leaves nothing behind when its terminal becomes narrower.

Most terminals then wrap the lines that no longer fit, so that the display stands on more rows than rich has drawn and
erases. How many there are follows from the widths of its lines.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment


class ResizableLive(Live):
    """rich's live display, which also erases the rows that wrapping has added."""

    def __init__(self, what: RenderableType, console: Console, refresh_per_second: float = 8) -> None:
        """A display at the bottom of the screen, gone when it is stopped."""
        self._widths: list[int] = []
        self._wraps = wraps_when_narrower(os.environ)
        super().__init__(
            _Measured(what, self._widths), console=console, transient=True, refresh_per_second=refresh_per_second
        )

    def show(self, what: RenderableType) -> None:
        """Put something else in its place."""
        self.update(_Measured(what, self._widths))

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """What is printed above the display, between the codes that erase it and itself."""
        extra = added_rows(self._widths, self.console.width) if self._wraps else 0
        processed = super().process_renderables(renderables)
        if extra:
            # rich's codes, which come first, end on the row that it takes for the first one.
            processed.insert(1, Control(*((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * extra))
        return processed


def added_rows(widths: list[int], now: int) -> int:
    """How many rows more than before lines of these widths take in a terminal of another width."""
    return sum(math.ceil(width / now) - 1 for width in widths if width)


def wraps_when_narrower(environment: Mapping[str, str]) -> bool:
    """Whether the terminal wraps again what it shows; those that do not cut it off."""
    terminal = environment.get("TERM", "")
    screen = terminal.startswith("screen") and "TMUX" not in environment
    return not ("XTERM_VERSION" in environment or terminal == "linux" or screen)


class _Measured:
    """Something that is drawn, and the widths of its lines as it was drawn last."""

    def __init__(self, what: RenderableType, widths: list[int]) -> None:
        self._what, self._widths = what, widths

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._what, options, pad=False)
        self._widths[:] = [Segment.get_line_length(line) for line in lines]
        for number, line in enumerate(lines):
            yield from line
            if number < len(lines) - 1:
                yield Segment.line()

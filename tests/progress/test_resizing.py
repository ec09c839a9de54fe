"""A display is erased whole, also where its terminal has become narrower."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dlkit.progress.resizing import ResizableLive, added_rows, wraps_when_narrower

UP = "\x1b[1A\x1b[2K"


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMUX", "XTERM_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def rows_erased(lines: list[int], before: int, after: int) -> int:
    """How many rows above the cursor's are erased when lines of these widths are drawn again after a resize."""
    console = Console(file=io.StringIO(), force_terminal=True, force_interactive=True, width=before)
    live = ResizableLive("\n".join("x" * width for width in lines), console, refresh_per_second=0.001)
    live.start(refresh=True)
    console.file = io.StringIO()
    console.width = after
    live.refresh()
    count = console.file.getvalue().count(UP)
    live.stop()
    return count


@pytest.mark.parametrize(
    ("lines", "after", "rows"),
    [([80, 30], 80, 2), ([80, 30], 100, 2), ([80, 30], 60, 3), ([80, 30], 40, 3), ([80, 30], 20, 6), ([10], 5, 2)],
)
def test_every_row_that_wrapping_makes_is_erased(lines: list[int], after: int, rows: int) -> None:
    assert rows_erased(lines, 80, after) == rows - 1


def test_a_terminal_that_cuts_lines_off_has_no_more_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTERM_VERSION", "XTerm(390)")
    assert rows_erased([80, 30], 80, 20) == 1


def test_rows_that_wrapping_adds() -> None:
    assert added_rows([], 10) == added_rows([0, 10, 3], 10) == 0
    assert added_rows([11, 30, 31], 10) == 1 + 2 + 3


def test_which_terminals_wrap() -> None:
    assert wraps_when_narrower({"TERM": "xterm-256color"})
    assert wraps_when_narrower({"TERM": "screen-256color", "TMUX": "/tmp/tmux-0/default,1,0"})
    assert not wraps_when_narrower({"TERM": "screen"})
    assert not wraps_when_narrower({"TERM": "linux"})

"""A directed graph as SVG: by Graphviz where its `dot` is installed, else in layers of its own.

The layers are those of Sugiyama, Tagawa and Toda (1981), https://doi.org/10.1109/TSMC.1981.4308636: each node stands
below all that lead to it, edges pass the layers between in places of their own, and nodes stand below the mean place of
those before.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

# Sizes in pixels.
FONT, CHARACTER, HEIGHT, BETWEEN_ROWS, BETWEEN_NODES, MARGIN = 13, 7.4, 44, 28, 24, 12
PASSING = 10
_STYLE = (
    f"text{{font:{FONT}px sans-serif;text-anchor:middle;fill:#1a1a1a}}.b{{fill:#555;font-size:11px}}"
    "rect{fill:#f3f6fa;stroke:#5b7a9d;rx:5}path{fill:none;stroke:#777;stroke-width:1.3}"
)


def svg(boxes: Mapping[str, tuple[str, str]], edges: Sequence[tuple[str, str]], *, graphviz: bool = True) -> str:
    """A picture of a graph without circles.

    Args:
        boxes: two lines of text for each node, by its name; nodes come after those that lead to them.
        edges: from and to.
        graphviz: whether Graphviz is used where it is installed.
    """
    program = shutil.which("dot") if graphviz else None
    return _by_graphviz(program, boxes, edges) if program else _by_layers(boxes, edges)


def _by_graphviz(program: str, boxes: Mapping[str, tuple[str, str]], edges: Sequence[tuple[str, str]]) -> str:
    numbers = {name: number for number, name in enumerate(boxes)}
    nodes = [f'n{numbers[name]} [label="{_quoted(a)}\\n{_quoted(b)}"]' for name, (a, b) in boxes.items()]
    lines = [*nodes, *(f"n{numbers[a]} -> n{numbers[b]}" for a, b in edges)]
    style = 'node [shape=box, style="rounded,filled", fillcolor="#f3f6fa", fontname="sans-serif", fontsize=11]'
    source = "digraph {\n" + "\n".join([style, *lines]) + "\n}"
    done = subprocess.run([program, "-Tsvg"], input=source, capture_output=True, text=True, check=True)
    return done.stdout[done.stdout.index("<svg") :]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _by_layers(boxes: Mapping[str, tuple[str, str]], edges: Sequence[tuple[str, str]]) -> str:
    before: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        before[end].append(start)
    rank: dict[str, int] = {}
    for name in boxes:
        rank[name] = max((rank[other] + 1 for other in before[name]), default=0)
    width = {name: CHARACTER * max(len(first), 0.85 * len(second)) + 20 for name, (first, second) in boxes.items()}
    paths = []
    for start, end in edges:
        # A place in each layer that the edge passes; no name has a line break.
        passing = {f"{start}\n{end}\n{level}": level for level in range(rank[start] + 1, rank[end])}
        paths.append([start, *passing, end])
        rank |= passing
    center = _places(rank, paths, width)
    half = {node: width.get(node, PASSING) / 2 for node in center}
    least = min(x - half[node] for node, x in center.items())
    most = max(x + half[node] for node, x in center.items())
    shift, total = MARGIN - least, most - least + 2 * MARGIN
    high = (max(rank.values()) + 1) * (HEIGHT + BETWEEN_ROWS) - BETWEEN_ROWS + 2 * MARGIN
    parts = [_curve([(center[node] + shift, _top(rank[node]), node in boxes) for node in path]) for path in paths]
    for name, (first, second) in boxes.items():
        x, y = center[name] + shift, _top(rank[name])
        parts.append(f'<rect x="{x - width[name] / 2:.1f}" y="{y}" width="{width[name]:.1f}" height="{HEIGHT}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 18}">{escape(first)}</text>')
        parts.append(f'<text class="b" x="{x:.1f}" y="{y + 35}">{escape(second)}</text>')
    size = f'width="{total:.0f}" height="{high}" viewBox="0 0 {total:.0f} {high}"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>\n{body}\n</svg>\n'


def _top(level: int) -> int:
    return MARGIN + level * (HEIGHT + BETWEEN_ROWS)


def _places(rank: Mapping[str, int], paths: Sequence[Sequence[str]], width: Mapping[str, float]) -> dict[str, float]:
    """The horizontal center of every node, and of every place where an edge passes a layer."""
    levels: dict[int, list[str]] = defaultdict(list)
    for node, level in rank.items():
        levels[level].append(node)
    above: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for start, end in pairwise(path):
            above[end].append(start)
    center: dict[str, float] = {}
    for level in sorted(levels):
        wish = {
            node: sum(center[x] for x in above[node]) / len(above[node]) if above[node] else 0.0
            for node in levels[level]
        }
        nodes = sorted(levels[level], key=wish.__getitem__)
        x, placed = 0.0, []
        for node in nodes:
            size = width.get(node, PASSING)
            placed.append(x + size / 2)
            x += size + BETWEEN_NODES
        # The whole layer below the mean of what its nodes wish for.
        shift = sum(wish[node] - at for node, at in zip(nodes, placed, strict=True)) / len(nodes)
        center |= {node: at + shift for node, at in zip(nodes, placed, strict=True)}
    return center


def _curve(places: Sequence[tuple[float, int, bool]]) -> str:
    """An edge from the bottom of a box to the top of another, through the places where it passes layers.

    Args:
        places: center and top of each, and whether it is a box.
    """
    x, top, _ = places[0]
    y = top + HEIGHT
    drawn = [f"M{x:.1f} {y}"]
    for end, top, box in places[1:]:
        middle = (y + top) / 2
        drawn.append(f"C{x:.1f} {middle:.1f} {end:.1f} {middle:.1f} {end:.1f} {top}")
        x, y = end, top
        if not box:
            y = top + HEIGHT
            drawn.append(f"V{y}")
    return f'<path d="{"".join(drawn)}"/>'

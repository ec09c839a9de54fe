"""Some examples in every form that they have on their way to the network, as a table of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlkit.config.phrases import cut

if TYPE_CHECKING:
    from dlkit.data.bound import Spec

# Examples and columns of one that a table has.
MOST_EXAMPLES, MOST_COLUMNS = 4, 12
WIDTH, COLUMN, RAW = 80, 24, 20


@dataclass(frozen=True)
class Examples:
    """Some examples of a split.

    Attributes:
        title: what they are.
        spec: inputs and targets.
        raw: values by input, first axis the examples, as a split holds them.
        prepared: the same as the network is given them, without augmentation.
        augmented: the same with it; only of inputs that are augmented.
        targets: labels by target.
        places: words for where each is.
    """

    title: str
    spec: Spec
    raw: Mapping[str, Any]
    prepared: Mapping[str, Any]
    augmented: Mapping[str, Any]
    targets: Mapping[str, Any]
    places: Sequence[str]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def pictured(self) -> list[str]:
        """The inputs that make a picture."""
        return [name for name, bound in self.spec.inputs.items() if bound.settings.pictured]

    def stages(self, name: str) -> dict[str, Any]:
        """The forms of an input, by what they are called."""
        found = {"raw": self.raw[name], "prepared": self.prepared[name]}
        return found | ({"augmented": self.augmented[name]} if name in self.augmented else {})

    def rows(self) -> list[dict[str, Any]]:
        """Every example in words: its place, the cells of each input, its targets."""
        found = []
        for n, place in enumerate(self.places):
            inputs = {
                name: [
                    {"column": column, "raw": raw, "prepared": prepared}
                    for column, raw, prepared in bound.settings.cells(self.raw[name][n], self.prepared[name][n], bound)
                ]
                for name, bound in self.spec.inputs.items()
            }
            targets = {
                name: bound.settings.in_words(self.targets[name][n], bound) for name, bound in self.spec.targets.items()
            }
            found.append({"place": place, "inputs": inputs, "targets": targets})
        return found

    def table(self) -> Iterator[str]:
        """The inputs that make no picture, as lines of text; none where all do."""
        words = [name for name in self.spec.inputs if name not in self.pictured]
        if not words:
            return
        for row in self.rows()[:MOST_EXAMPLES]:
            targets = ", ".join(f"{name} {words}" for name, words in row["targets"].items())
            yield f"{row['place']}: {targets}"
            cells = [cell for name in words for cell in row["inputs"][name]]
            yield from _lines(cells[:MOST_COLUMNS])
            if len(cells) > MOST_COLUMNS:
                yield f"  … {len(cells) - MOST_COLUMNS:,} more"
            yield ""


def _lines(cells: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Column, raw value and prepared value, side by side where they are short."""
    width = min(COLUMN, max(len(cell["column"]) for cell in cells))
    raw = max((len(cell["raw"]) for cell in cells if len(cell["raw"]) <= RAW), default=0)
    for cell in cells:
        name = f"  {cut(cell['column'], COLUMN):<{width}}  "
        line = f"{name}{cell['raw']:>{raw}}  →  {cell['prepared']}"
        if len(cell["raw"]) <= RAW and len(line) <= WIDTH:
            yield line
            continue
        for before, text in ((name, cell["raw"]), (" " * (len(name) - 3) + "→  ", cell["prepared"])):
            lines = textwrap.wrap(text, WIDTH - len(name), max_lines=3, placeholder=" …") or ['""']
            yield before + lines[0]
            yield from (" " * len(name) + line for line in lines[1:])

"""A network as a table of its layers and as a picture: on the command line, and of `dlkit.show(model)`."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras

from dlkit.config.phrases import aligned, cut
from dlkit.config.problems import Key
from dlkit.config.tree import dotted
from dlkit.looking.graph import svg
from dlkit.models.outline import LayerRow, outline, total
from dlkit.schema.features import in_words

HEADS = ("layer", "type", "output", "parameters", "multiply-adds", "sees", "from")
FIGURES = (3, 4)


@dataclass(frozen=True)
class Network:
    """The layers of a model. Prints as a table; a notebook shows the picture too.

    Attributes:
        name: of the model.
        rows: its layers in their order.
        origins: key of the setting that made each layer, by the layer's name; empty where none is known.
    """

    name: str
    rows: Sequence[LayerRow]
    origins: Mapping[str, Key]

    @property
    def content(self) -> dict[str, Any]:
        """The same as plain values: `layers`, and sums over them.

        `multiply_adds` are of the forward pass of one example, and of the layers that are counted; `all_counted` says
        whether those are all.
        """
        multiply_adds, all_counted = total(self.rows)
        layers = []
        for row in self.rows:
            about = asdict(row)
            shapes = [list(shape) for shape in about.pop("outputs")]
            about |= {"output": shapes[0] if len(shapes) == 1 else shapes, "from": self._origin(row) or None}
            layers.append(about)
        return {
            "name": self.name,
            "layers": layers,
            "parameters": sum(row.parameters for row in self.rows),
            "trainable": sum(row.trainable for row in self.rows),
            "multiply_adds": multiply_adds,
            "all_counted": all_counted,
        }

    def svg(self) -> str:
        """A picture: a box for each layer below those that it takes its input from."""
        boxes = {
            row.name: (f"{row.name}: {row.type}" if row.name != row.type else row.name, self._below(row))
            for row in self.rows
        }
        return svg(boxes, [(before, row.name) for row in self.rows for before in row.before])

    def __str__(self) -> str:
        about = self.content
        cells = [
            [
                cut(row.name, 30),
                row.type,
                ", ".join(map(in_words, row.outputs)),
                f"{row.parameters:,}" if row.parameters else "",
                "?" if row.multiply_adds is None else f"{row.multiply_adds:,}" if row.multiply_adds else "",
                " x ".join(map(str, row.receptive_field or ())),
                self._origin(row),
            ]
            for row in self.rows
        ]
        counted = f"{about['multiply_adds']:,}" + ("" if about["all_counted"] else " and more")
        rows = [list(HEADS), *cells, ["total", "", "", f"{about['parameters']:,}", counted, "", ""]]
        still = about["parameters"] - about["trainable"]
        notes = [f"{still:,} of the parameters are not trained"] if still else []
        notes.append("multiply-adds: of the forward pass of one example")
        notes.append("sees: rows and columns, or steps, of the input that a value depends on; empty for all")
        return "\n".join([*aligned(rows, FIGURES), "", *notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f"<pre>{html.escape(str(self))}</pre>\n{self.svg()}"

    def _origin(self, row: LayerRow) -> str:
        return dotted(self.origins[row.name]) if row.name in self.origins else ""

    @staticmethod
    def _below(row: LayerRow) -> str:
        shapes = ", ".join(map(in_words, row.outputs))
        return f"{shapes}, {row.parameters:,} parameters" if row.parameters else shapes


def network(model: keras.Model, origins: Mapping[str, Key] | None = None) -> Network:
    """The layers of a model.

    Args:
        model: a functional model, or a sequential one that is built.
        origins: key of the setting that made each layer, by the layer's name.

    Raises:
        TypeError: if it has no such layers, as a subclassed model.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        name = getattr(model, "name", type(model).__name__)
        raise TypeError(f"`{name}` has no graph of layers: give a functional model, or a sequential one that is built")
    return Network(model.name, outline(model), origins or {})

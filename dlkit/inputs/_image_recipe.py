"""What `dlkit init` proposes for images: a size, whether they are flipped, and a network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

from dlkit.inputs._decode_image import read_header
from dlkit.schema.features import in_words
from dlkit.schema.guess import Recipe, Sample, batch_for, epochs_for

# Files whose sizes are looked at; sides that suit a network, and the largest that it takes without a resize.
LOOKED_AT = 500
SIDES, LARGEST = (32, 48, 64, 96, 128), 64
DIRECTIONS = frozenset({"left", "right", "east", "west", "clockwise", "counterclockwise", "anticlockwise"})
NUMBERS = frozenset(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])


def size_for(column: Sample) -> tuple[tuple[int, int], str]:
    """Height and width for the network, and why they are not those of the images; empty where they are."""
    if not column.field.encoding:
        height, width = column.values.shape[1:3]
        side = max(height, width)
        if side <= LARGEST * 2:
            return (height, width), ""
        return _fitted(
            height, width
        ), f"images of {in_words((height, width))}, made smaller, since larger ones take longer"
    some = column.values[:: -(-len(column.values) // LOOKED_AT)]
    headers = []
    for stored in some:
        with suppress(ValueError, OSError):  # what cannot be read is left out by `data.clean`
            headers.append(read_header(stored if isinstance(stored, bytes) else Path(str(stored))))
    heights, widths = [h.height for h in headers], [h.width for h in headers]
    size = round(median(heights)), round(median(widths))
    # A source that has not looked at all of them has no shape.
    every = column.field.shape or (None, None)
    if None not in every[:2] and max(size) <= LARGEST:
        return size, ""
    found = "images of many sizes, in the middle" if min(heights + widths) < max(heights + widths) else "images of"
    return _fitted(*size), f"{found} {in_words(size)}: resized to one size that a processor trains on quickly"


def _fitted(height: int, width: int) -> tuple[int, int]:
    """The nearest sides that suit, of about the same ratio."""
    scale = min(1.0, SIDES[-1] / max(height, width))
    nearest = [min(SIDES, key=lambda side, x=side * scale: abs(side - x)) for side in (height, width)]  # type: ignore[misc]
    return nearest[0], nearest[1]


def flips(labels: Sequence[str]) -> str:
    """Why images of these classes must not be flipped; empty where they may."""
    names = [label.strip().lower() for label in labels]
    if names and all((len(name) <= 2 and name.isalnum()) or name in NUMBERS for name in names):
        return "with mirrored images as well: not for digits and letters, which a mirror changes"
    if any(not DIRECTIONS.isdisjoint(name.replace("_", " ").replace("-", " ").split()) for name in names):
        return "with mirrored images as well: not for these classes, since a mirror turns left into right"
    return ""


def recipe(rows: int, height: int, width: int) -> Recipe:
    """Blocks of convolutions, until about four pixels are left on a side."""
    blocks: list[dict[str, object]] = []
    side, area, channels, multiply_adds = min(height, width), height * width, 3, 0
    while side >= 4 and len(blocks) < 5:
        filters = min(128, 32 * 2 ** len(blocks))
        blocks.append(
            {
                "filters": filters,
                "padding": "same",
                "batch_normalization": True,
                **({"pool_size": 2} if side >= 8 else {}),
            }
        )
        multiply_adds += 9 * area * channels * filters
        side, area, channels = side // 2, area // 4, filters
    blocks = blocks or [{"filters": 32, "padding": "same", "batch_normalization": True}]
    batch = batch_for(rows)
    epochs = epochs_for(rows, batch, 1_500, 8, 60)
    pooling = "average" if side > 4 else "flatten"
    model = {"builder": "cnn", "blocks": blocks, "pooling": pooling, "dense": [64], "dropout": 0.3}
    why = f"Convolutions for images of {in_words((height, width))}, halved until few pixels are left."
    training = {"optimizer": {"name": "adamw", "learning_rate": 0.002, "weight_decay": 0.01}, "schedule": "cosine"}
    return Recipe(4.0, model, why, training, epochs, max(3, epochs // 4), batch, multiply_adds)

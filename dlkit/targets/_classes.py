"""What targets with classes share: their names and their weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from dlkit.config.problems import Key, Problem
from dlkit.schema.base import NonNegativeFloat

CLASSES_ALSO_CALLED = {"classes": "num_classes, class_names, n_classes, labels, labels_names"}

ClassWeight = Literal["balanced"] | dict[str, NonNegativeFloat] | None


def class_rules(key: Key, classes: int | list[str] | None) -> Iterator[Problem]:
    """Each class has its own name.

    Args:
        key: path of the target.
        classes: their number or names, as stated.
    """
    seen: dict[str, int] = {}
    for number, class_name in enumerate(classes if isinstance(classes, list) else ()):
        if class_name in seen:
            yield Problem(
                "contradiction",
                f"the class `{class_name}` is listed twice",
                (*key, "classes", number),
                label=f"also item {seen[class_name]}",
            )
        seen.setdefault(class_name, number)

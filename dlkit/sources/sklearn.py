"""`kind: sklearn`: the real data sets that come with scikit-learn."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.metadata import version
from typing import Any, Literal, get_args

from pydantic import Field

from dlkit.lazy import lazy
from dlkit.schema.guess import Asked, SourceGuess
from dlkit.schema.source import SourceData, SourceField, SourceSettings, expanded, fields_of

np, datasets = lazy("numpy"), lazy("sklearn.datasets")


class SklearnSource(SourceSettings):
    """A real data set that comes with scikit-learn and needs no network. All its rows are those of `train`."""

    also_called = "scikit-learn, scikit_learn, sklearn_datasets"

    kind: Literal["sklearn"]
    name: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"] = Field(
        description="Name of the set. Columns are named as in scikit-learn, and `target`; digits have an `image` too."
    )

    @classmethod
    def guess(cls, asked: Asked) -> SourceGuess | None:
        """A set by its name."""
        if asked.path is not None or asked.given not in cls.set_names():
            return None
        left_out = {"pixel_*": "the same pixels as `image`"} if asked.given == "digits" else {}
        reason = "a set that comes with scikit-learn"
        return SourceGuess(0.8, {"kind": "sklearn", "name": asked.given}, reason, left_out=left_out)

    @classmethod
    def set_names(cls) -> list[str]:
        """What comes with scikit-learn."""
        return list(get_args(cls.model_fields["name"].annotation))

    def open(self, wanted: Collection[str] = ()) -> SourceData:
        """The wanted columns, and the classes of the target where it has some. `diabetes` is in its own units."""
        columns, classes = _read(self.name)
        read = [name for name in expanded(wanted, columns) if name in columns]
        arrays = {name: columns[name] for name in read}
        fields = fields_of(arrays)
        if "target" in fields:
            fields["target"] = SourceField((), fields["target"].dtype, classes)
        rows = len(columns["target"])
        others = tuple(name for name in columns if name not in read)
        title = f"sklearn {self.name}"
        return SourceData(
            title,
            {"train": rows},
            fields,
            {"train": arrays}.__getitem__,
            others=others,
            place=lambda split, row: f"{self.name}, row {row}",
            fingerprint=f"{title} {version('scikit-learn')}",
        )

    def describe(self) -> SourceData:
        """The same: it is small, and already here."""
        return self.open(("*",))


@cache
def _read(name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The columns of a set, and the names of its classes."""
    loaded = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    columns = {str(n): loaded.data[:, place] for place, n in enumerate(loaded.feature_names)}
    if "images" in loaded:
        columns["image"] = loaded.images.astype(np.uint8)[..., np.newaxis]
    columns["target"] = loaded.target
    for column in columns.values():
        column.setflags(write=False)
    return columns, tuple(map(str, loaded.get("target_names", ())))

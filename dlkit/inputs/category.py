"""`kind: category`: words or whole numbers that repeat, such as a city or a job; one column or several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from dlkit.config.phrases import count, folded
from dlkit.config.problems import ConfigError, Problem
from dlkit.inputs._table_recipe import table_recipe
from dlkit.lazy import lazy
from dlkit.mapped import counted, numbered
from dlkit.schema import looking
from dlkit.schema.base import Positive
from dlkit.schema.features import Encoding, Feature
from dlkit.schema.fitted import Fitted, State, Whole
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.input import InputSettings
from dlkit.schema.source import SourceField

if TYPE_CHECKING:
    from dlkit.data.bound import Input
    from dlkit.data.values import RowPlace

np, tf, keras = lazy("numpy"), lazy("tensorflow"), lazy("keras")
ops, layers = lazy("keras.ops"), lazy("keras.layers")

# For what `dlkit init` proposes: up to this many values are one-hot, fewer training rows make a value rare, and up to
# that many different whole numbers may be codes.
ONE_HOT, RARE, FEW_VALUES = 9, 5, 20


class Values(Fitted):
    """The values of each column that the network knows, the most frequent first, and how many rows have each."""

    vocabulary: list[Annotated[list[str] | list[Whole], Field(min_length=1)]]
    counts: list[list[int]]


class CategoryInput(InputSettings):
    """Values that repeat, of one column or several: text or whole numbers. Each becomes an embedding, or one-hot."""

    also_called = "categorical, string, enum, nominal, factor"
    axes = ("columns",)
    fitted = True
    in_tables = "codes"
    state_type = Values
    from_data, instead_of_data = "values", ""

    kind: Literal["category"]
    min_count: Positive = Field(1, description="Values with fewer training rows than this count as unknown.")
    max_values: Positive | None = Field(
        None, description="Keep this many of the most frequent values of each column; null keeps all."
    )
    embedding: Positive | Literal["one_hot"] | None = Field(
        None, description="Numbers that stand for a value; null for one-hot up to 9 values, and a size that fits above."
    )
    preprocess: list[Any] = Field(default_factory=list, max_length=0, description="No step works on categories.")

    @classmethod
    def guess(cls, column: Sample) -> Guess | None:
        """Short texts that repeat; whole numbers with few values, where none is missing."""
        if column.values.ndim != 1 or column.field.encoding:
            return None
        different, recipe = len(column.distinct), table_recipe(column.rows)
        words = f"{different:,} different values"
        if column.is_text:
            repeats = different <= len(column.present) / 2
            settings: dict[str, Any] = {"kind": "category"}
            zeros = any(value[0] == "0" for value in column.distinct.tolist()) and all(
                map(str.isdigit, column.distinct)
            )
            reason = "codes with leading zeros, which are no numbers" if zeros else "words that repeat"
            if different > ONE_HOT and column.rows >= RARE * 200 and (column.counts >= RARE).sum() > 1:
                settings["min_count"] = RARE
                reason += f"; those with fewer than {RARE} rows count as one"
            joins = "codes_as_text" if zeros else "categories"
            joins += "_with_rare_values" if len(settings) > 1 else ""
            return Guess(0.7 if repeats else 0.2, settings, reason, "", joins, recipe)
        if not column.whole or column.missing or different > FEW_VALUES:
            return None
        doubt = f"`{column.name}` has {words}, whole numbers, which may be quantities"
        score = 0.8 if column.named_as_code or column.field.classes else 0.5
        return Guess(score, {"kind": "category"}, "whole numbers that stand for things", doubt, "codes", recipe)

    def feature(self, name: str, column: SourceField) -> Feature:
        """One value a column: text, or int64."""
        key = self.key_of(name)
        shape = column.shape if column.shape is not None else None if self.shape is None else tuple(self.shape)
        if shape is None or None in shape or len(shape) > 1:
            message = f"`{name}` must have one value, or a row of values, for each example"
            raise ConfigError(Problem("shape-unknown", message, key, help="name its columns with `columns:`"))
        text = column.dtype in ("string", "object")
        if not text and np.dtype(column.dtype).kind not in "biuf":
            raise ConfigError(Problem("field-type", f"the column of `{name}` holds {column.dtype}", key))
        return Feature(name, self.kind, shape or (1,), "string" if text else "int64")

    def values(self, values: Any, feature: Feature, place: RowPlace) -> Any:
        """Text or int64, shape (examples, columns)."""
        rows = values.reshape(len(values), -1)
        if feature.dtype == "string":
            if rows.dtype.kind not in "OSTU":
                message = f"it holds {rows.dtype}, and training has text"
                raise place.run_error("mixed-types", message, "give all splits values of one type")
            return place.as_text(rows)
        place.refuse_text(rows)
        if rows.dtype.kind == "f":
            place.refuse_not_finite(rows)
            if (wrong := np.argwhere(rows != np.rint(rows))).size:
                row, at = wrong[0]
                message = f"{place.row(row)} holds {rows[row, at]}{place.within(at, rows.shape[1])}, no whole number"
                raise place.run_error("field-type", message, "use `kind: number` for quantities")
        return rows.astype(np.int64, copy=False)

    def example(self, value: Any, feature: Feature) -> Any:
        """One example of a stream: text or int64, shape (columns,). A number that is not whole stops the stream."""
        value = tf.reshape(value, feature.shape)
        if not value.dtype.is_floating:
            return value if value.dtype == tf.string else tf.cast(value, tf.int64)
        right = tf.reduce_all(tf.equal(value, tf.round(value)))
        message = f"input {feature.name}: a category is no whole number:"
        with tf.control_dependencies([tf.debugging.Assert(right, [message, value])]):
            return tf.cast(value, tf.int64)

    def fit(self, values: Any, feature: Feature, place: RowPlace) -> tuple[Feature, State, list[str]]:
        """The values of each column and how often they occur, the most frequent first."""
        rows = self.values(values, feature, place)
        vocabulary, counts, notes = [], [], []
        for number, column in enumerate(rows.T):
            name = place.column_of(number, rows.shape[1])
            found, times = counted(column)
            kept = np.argsort(-times, kind="stable")[: self.max_values]
            kept = kept[times[kept] >= self.min_count]
            if not kept.size:
                message = f"no value of `{name}` occurs {count(self.min_count, 'time')}"
                raise place.run_error("rare-values", message, "lower `min_count`", below="min_count")
            if len(found) > len(column) // 2 and len(found) > 100:
                notes.append(
                    f"input `{feature.name}`: `{name}` has {len(found):,} different values in {len(column):,} rows, "
                    "too few of each to learn from"
                )
            if feature.dtype == "string":
                notes += _about_texts(found, times, name, place)
            vocabulary.append(found[kept].tolist())
            counts.append(times[kept].tolist())
        return feature, {"vocabulary": vocabulary, "counts": counts}, notes

    def check_state(self, state: State, feature: Feature) -> None:
        """Different values for every column, of the feature's type."""
        super().check_state(state, feature)
        vocabulary, counts, wanted = state["vocabulary"], state["counts"], str if feature.dtype == "string" else int
        if len(vocabulary) != feature.shape[0] or list(map(len, vocabulary)) != list(map(len, counts)):
            raise ValueError("its `vocabulary` and `counts` are not those of its columns")
        if any(len(set(values)) < len(values) or not isinstance(values[0], wanted) for values in vocabulary):
            raise ValueError("its `vocabulary` is not of different values of one type")

    def notes(self, values: Any, bound: Input, place: RowPlace) -> list[str]:
        """How many rows of a split hold values that are unknown."""
        notes, rows = [], self.values(values, bound.feature, place)
        for number, column in enumerate(rows.T):
            if place.split == "train" and sum(bound.state["counts"][number]) == len(column):
                continue
            other = np.setdiff1d(counted(column)[0], np.array(bound.state["vocabulary"][number]))
            if other.size:
                unknown = np.flatnonzero(np.isin(column, other))
                name = place.column_of(number, rows.shape[1])
                why = "too rare" if place.split == "train" else "that training does not know"
                note = (
                    f"{place.split}: {unknown.size:,} of {len(column):,} rows have a value of `{name}` {why}, such as "
                    f"`{column[unknown[0]]}`: it counts as unknown"
                )
                notes.append(note + _nearly_known(other.tolist(), bound.state["vocabulary"][number]))
        return notes

    def notes_of_stream(self, bound: Input) -> list[str]:
        """That unknown values are not counted outside of training."""
        where = "validation and test have and training does not know"
        return [f"input `{bound.name}`: values that {where} are not counted, since the data are a stream"]

    def as_columns(self, values: Any, bound: Input) -> dict[str, Any]:
        """The ids that the network sees, a column each: 1 for the most frequent value, 0 for what is unknown."""
        columns = {}
        for name, column, known in zip(
            self.column_names(bound, values.shape[1]), values.T, bound.state["vocabulary"], strict=True
        ):
            columns[name] = _ids(column, _numbers(known), np.float64)
        return columns

    def summary(self, values: Any, bound: Input) -> looking.Summary:
        """How many rows each value has, the most frequent first; of several columns a table."""
        if values.shape[1] == 1:
            found, counts = np.unique(values, return_counts=True)
            return looking.of_counts(found, counts, "values")
        columns = bound.columns if len(bound.columns) == values.shape[1] else range(values.shape[1])
        return [("columns", {str(name): _figures(values[:, n]) for n, name in enumerate(columns)})]

    def host_layers(self, bound: Input) -> list[Any]:
        """Keras lookups from values to ids, 0 for what is unknown.

        Raises:
            ConfigError: if the vocabulary is not known, since no training rows were read.
        """
        if "vocabulary" not in bound.state:
            message = f"the values of `{bound.name}` can only be known by reading the data"
            raise ConfigError(Problem("spec-unknown", message, bound.key, help="check without --no-data"))
        return [Lookup(bound.name, bound.state["vocabulary"])]

    def encoding(self, bound: Input) -> Encoding:
        """Ids, a column each."""
        sizes = tuple(len(values) + 1 for values in bound.state["vocabulary"])
        width = 0 if self.embedding == "one_hot" else self.embedding
        return Encoding(bound.shape, "int32", self.axes, sizes, embedding=width)


def _about_texts(found: Any, times: Any, name: str, place: RowPlace) -> list[str]:
    """Lines about texts of a column that may be other values than they seem: empty ones, and those nearly alike."""
    empty = int(times[found == ""].sum())
    rows = f"{empty:,} of {times.sum():,} rows"
    notes = [f"{place.split}: {rows} have no `{name}`, which counts as a value of its own"] if empty else []
    return notes + place.alike(found.tolist(), name)


def _nearly_known(values: list[Any], known: list[Any]) -> str:
    """What is to be said of unknown texts that a known one differs from in capitals or spaces alone."""
    by_letters = {folded(value): value for value in known if isinstance(value, str)}
    same = [value for value in values if isinstance(value, str) and folded(value) in by_letters]
    if not same:
        return ""
    more = f", and {len(same) - 1:,} more such" if len(same) > 1 else ""
    return f"; `{same[0]}` differs from `{by_letters[folded(same[0])]}` in capitals or spaces alone{more}"


def _figures(column: Any) -> dict[str, Any]:
    """Of one column of several: how many values it has, the most frequent one, and how many are rare."""
    found, counts = np.unique(column, return_counts=True)
    most = int(counts.argmax())
    return {
        "values": len(found),
        "most frequent": str(found[most]),
        "its rows": int(counts[most]),
        f"in fewer than {looking.RARE} rows": int((counts < looking.RARE).sum()),
    }


def _numbers(vocabulary: list[Any]) -> dict[Any, int]:
    """The id of each value that the network knows."""
    return {value: number for number, value in enumerate(vocabulary, start=1)}


def _ids(column: Any, known: Mapping[Any, int], dtype: Any) -> Any:
    """The id of each value of a column, 0 for what is unknown."""
    different, numbers = numbered(column)
    return np.array([known.get(value, 0) for value in different.tolist()], dtype)[numbers]


class Lookup:
    """From raw values to ids, in Keras layers; of arrays of NumPy's each different value is looked up once.

    Args:
        name: of the input.
        vocabulary: the values of each column.
    """

    def __init__(self, name: str, vocabulary: list[list[Any]]) -> None:
        self.layers = [_lookup(f"{name}_ids_{n + 1}", values) for n, values in enumerate(vocabulary)]
        self._numbers = [_numbers(values) for values in vocabulary]

    def __call__(self, x: Any) -> Any:
        """Text or whole numbers, shape (batch, columns), as int32 ids of the same shape."""
        if isinstance(x, np.ndarray):
            return np.stack([_ids(c, known, np.int32) for c, known in zip(x.T, self._numbers, strict=True)], axis=1)
        columns = [ops.cast(layer(x[:, n : n + 1]), "int32") for n, layer in enumerate(self.layers)]
        return columns[0] if len(columns) == 1 else ops.concatenate(columns, axis=-1)


def _lookup(name: str, values: list[Any]) -> Any:
    """The Keras layer of one column. Its word for unknown is one that the column does not have."""
    if isinstance(values[0], str):
        unknown = "[UNK]"
        while unknown in values:
            unknown = f"[{unknown}]"
        return layers.StringLookup(vocabulary=values, oov_token=unknown, mask_token=None, name=name)
    number = -1
    while number in values:
        number -= 1
    return layers.IntegerLookup(vocabulary=values, oov_token=number, mask_token=None, name=name)

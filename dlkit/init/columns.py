"""What each column is: the target, an input of which kind, or nothing to learn from, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dlkit.config.names import did_you_mean
from dlkit.config.phrases import count
from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.init.sources import Found
from dlkit.inputs._characters import is_cjk
from dlkit.lazy import lazy
from dlkit.schema.guess import Guess, Sample
from dlkit.schema.input import INPUTS
from dlkit.schema.registry import Registry
from dlkit.schema.target import TARGETS
from dlkit.sources._timestamps import READINGS, Times, read_times

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
pa, pc = lazy("pyarrow"), lazy("pyarrow.compute")

# What columns that are to be predicted are mostly called.
TARGET_NAMES = ("target", "label", "labels", "class", "y", "outcome", "response", "sentiment", "species", "diagnosis")
# Fewer rows say nothing about whether a column is an id.
FEWEST_ROWS = 20
# A text that a row has for itself is an id up to so many words.
WORDS_OF_AN_ID = 2.5
# Texts that are looked at for that.
LOOKED_AT = 2_000
# A guess with a lower score is none that the user may want.
SOUND = 0.3


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes:
        column: the column.
        guess: the kind that was chosen, and its settings.
        other: the next best one, where the choice is in doubt.
    """

    column: Sample
    guess: Guess
    other: Guess | None = None


@dataclass(frozen=True)
class Columns:
    """What the columns of a source are.

    Attributes:
        target: what is predicted.
        why_target: why this column.
        inputs: what the network sees.
        left_out: the other columns, with the reason.
        kept_by: for a column that is left out, the kind that could read it.
        times: columns of dates by which rows can be divided.
    """

    target: Reading
    why_target: str
    inputs: tuple[Reading, ...]
    left_out: Mapping[str, str]
    kept_by: Mapping[str, Guess]
    times: tuple[str, ...]


def read_columns(found: Found, asked_target: str) -> Columns:
    """What each column of a source is.

    Raises:
        ConfigError: there is no column of the name that was asked for.
        RunError: no column can be predicted, or nothing is left to predict it from.
    """
    target, why = _target(found, asked_target)
    labels = tuple(target.column.field.classes) or _labels(target)
    inputs, left_out, kept_by, times = [], dict(found.left_out), {}, []
    for name, column in found.columns.items():
        if name == target.column.name:
            continue
        guesses = _guesses(INPUTS, replace(column, labels=labels))
        reason = _not_learned_from(column)
        if reason == _DATES and _can_be_put_in_order(column):
            times.append(name)
        if reason or not guesses:
            left_out[name] = reason or "no kind of input reads it"
            if guesses and guesses[0].score >= SOUND and not reason.startswith(_CONSTANT):
                kept_by[name] = guesses[0]
            continue
        inputs.append(_reading(column, guesses))
    if not inputs:
        listed = "; ".join(f"`{name}`: {reason}" for name, reason in left_out.items())
        message = f"{found.data.name} has nothing to predict `{target.column.name}` from" + (
            f" ({listed})" if listed else ""
        )
        raise RunError(Problem("nothing-to-learn", message, help="name another column with `--target`, or other data"))
    return Columns(target, why, tuple(inputs), left_out, kept_by, tuple(times))


_CONSTANT = "it has one value in all rows"
_DATES = "dates, which no kind of input reads; derive what matters, such as the month or an age"


def _target(found: Found, asked: str) -> tuple[Reading, str]:
    """The column that is predicted, and why."""
    columns, change = found.columns, "name another with `--target`"
    if asked and asked != found.guess.predicts:
        if asked not in columns:
            names = sorted({*columns, *found.left_out})
            message, help = f"{found.data.name} has no column `{asked}`", did_you_mean(asked, names, "it has")
            raise ConfigError(Problem("unknown-column", message, help=help))
        guesses = _guesses(TARGETS, columns[asked])
        if not guesses:
            values = count(len(columns[asked].distinct), "different value")
            message = f"`{asked}` cannot be predicted: it has {values}, of the type {columns[asked].field.dtype}"
            raise RunError(Problem("nothing-to-learn", message, help="name a column of classes or numbers"))
        return _reading(columns[asked], guesses), "it was asked for"
    named = [name for name in columns if name.lower() in TARGET_NAMES]
    named.sort(key=lambda name: TARGET_NAMES.index(name.lower()))
    whys = dict.fromkeys(named, f"a column of this name mostly is; {change}")
    if found.guess.target:
        whys = {found.guess.target: found.guess.why_target}
    last = "the last column that has classes or numbers"
    for name in [*whys, *(name for name in reversed(list(columns)) if name not in whys)]:
        guesses = _guesses(TARGETS, columns[name])
        if guesses and (name in whys or not _not_learned_from(columns[name])):
            return _reading(columns[name], guesses), whys.get(name, f"{last}; {change}")
    listed = ", ".join(f"`{name}`" for name in columns) or "it has none"
    message = f"no column of {found.data.name} can be predicted: {listed}"
    raise RunError(
        Problem("nothing-to-learn", message, help="classes need several rows each; name a column with `--target`")
    )


def _guesses(registry: Registry[Any], column: Sample) -> list[Guess]:
    """Every kind that can read a column, the best one first; what the source knows is the best."""
    found = [guess for name in registry.names() if (guess := registry[name].guess(column)) is not None]
    return sorted(found, key=lambda guess: (guess.settings["kind"] != column.field.hint, -guess.score))


def _reading(column: Sample, guesses: list[Guess]) -> Reading:
    best, *others = guesses
    certain = not best.doubt or best.settings["kind"] == column.field.hint
    return Reading(column, best, None if certain else next(iter(others), None))


def _labels(target: Reading) -> tuple[str, ...]:
    """The classes of a target, where it has some."""
    cls = TARGETS[target.guess.settings["kind"]]
    return tuple(map(str, target.column.distinct.tolist())) if cls.stratifies and target.column.values.ndim == 1 else ()


def _not_learned_from(column: Sample) -> str:
    """Why nothing is learned from a column; empty if something may be."""
    if column.values.dtype.kind == "M":
        return _DATES if len(column.present) else "all of its values are missing"
    if column.field.encoding or column.values.ndim != 1 or column.values.dtype.kind not in "biufUO":
        return ""
    rows, different = len(column.present), len(column.distinct)
    if not rows:
        return "all of its values are missing"
    if column.values.dtype.kind == "f" and np.isinf(column.values).any():
        return "some of its values are infinite, which no network takes"
    if different == 1:
        return _CONSTANT + (f", `{column.distinct[0]}`" if column.missing else "")
    if column.is_text and _are_dates(column):
        return _DATES
    if column.whole and _are_whole_dates(column):
        return _DATES
    if rows < FEWEST_ROWS:
        return ""
    is_word = column.is_text and not column.field.hint and _are_words(column)
    if is_word and rows / 2 < different < rows:
        return f"{different:,} different values in {rows:,} rows, too few rows of each to learn from"
    if different < rows:
        return ""
    if is_word:
        return "a different value in every row, as ids, names and codes have, which says nothing about new rows"
    if column.whole and column.values.dtype.kind in "iuf" and not column.field.classes:
        return "a different whole number in every row, as an id has"
    return ""


def _are_words(column: Sample) -> bool:
    """Whether texts are as short as ids; two letters of Chinese or Japanese, which has no spaces, are about a word."""
    sample = column.present[:LOOKED_AT].tolist()
    letters = sum(is_cjk(ord(letter)) for text in sample for letter in text)
    return bool(column.words + letters / len(sample) / 2 <= WORDS_OF_AN_ID)


def _are_dates(column: Sample) -> bool:
    """Whether all of the different texts are dates of one format."""
    texts = pa.array(column.distinct.tolist(), pa.string())
    return any(pc.all(pc.match_substring_regex(texts, pattern)).as_py() for pattern, _ in READINGS.values())


def _can_be_put_in_order(column: Sample) -> bool:
    """Whether every row has a date, and all of them one format, which can be read in one way."""
    if column.missing or column.is_number:
        return not column.missing
    try:
        read_times(Times("", "", column.distinct, str, ("data", "splits", "column")))
    except DlkitError:
        return False
    return True


def _are_whole_dates(column: Sample) -> bool:
    """Whether all of the different whole numbers are dates such as 20240131."""
    if column.distinct[0] < 19_000_101 or column.distinct[-1] > 21_001_231:
        return False
    days = column.distinct.astype(np.int64)
    return bool(np.all((days % 100 >= 1) & (days % 100 <= 31) & (days // 100 % 100 >= 1) & (days // 100 % 100 <= 12)))

"""The configuration that `dlkit init` writes, line by line, with the reason of each choice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dlkit import speed
from dlkit.config.phrases import count, listed
from dlkit.config.yaml_lines import flow, remark, setting
from dlkit.init.columns import Columns, Reading
from dlkit.init.sources import Found
from dlkit.schema.guess import Guess, Recipe
from dlkit.schema.target import TARGETS

# How many times the epochs of a recipe, by `--time`.
TIMES = {"quick": 0.25, "good": 1.0, "best": 2.5}
SPLITS = {
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# Rows of a series from which a part of it can choose the best epoch.
LONG_SERIES = 2_000


@dataclass(frozen=True)
class Plan:
    """What is written.

    Attributes:
        command: that writes it.
        name: of the configuration.
        path: of its file, as the user will name it.
        found: the source.
        columns: what its columns are.
        time: `quick`, `good` or `best`.
    """

    command: str
    name: str
    path: str
    found: Found
    columns: Columns
    time: str

    @property
    def recipe(self) -> Recipe:
        """The network and training of the kind that asks for them most."""
        guesses = [self.columns.target.guess, *(reading.guess for reading in self.columns.inputs)]
        return max((guess.recipe for guess in guesses if guess.recipe is not None), key=lambda recipe: recipe.score)


def page(plan: Plan) -> str:
    """The whole file."""
    rows = ", ".join(
        f"{'?' if size is None else format(size, ',')} in {split}" for split, size in plan.found.data.sizes.items()
    )
    lines = [
        *remark(f"Written by: {plan.command}"),
        *remark(f"{plan.found.data.name}, rows: {rows}. Each choice has its reason above it."),
        *remark(f"To train it: dlkit train {plan.path}"),
        *setting("name", plan.name, 0),
        "seed: 42",
        "",
        "data:",
        *_source(plan.found),
        *_splits(plan),
        *_cleaning(plan),
        "  inputs:",
        *_inputs(plan),
        *_left_out(plan.columns),
        "  targets:",
        *_target(plan.columns),
        *remark(f"Examples per update, for {count(_rows(plan), 'row')}.", 2),
        *setting("batch_size", plan.recipe.batch_size, 2),
        "",
        *_model(plan.recipe),
        "",
        *_training(plan),
    ]
    return "\n".join(lines) + "\n"


def _rows(plan: Plan) -> int:
    return plan.columns.target.column.rows


def _source(found: Found) -> Iterator[str]:
    yield from remark(_sentence(found.guess.reason), 2)
    yield from setting("source", found.guess.settings, 2)
    if found.guess.doubt and found.other is not None:
        yield from remark(f"In doubt: {found.guess.doubt}. Then write this, with inputs and targets of its columns:", 2)
        yield from setting("source", found.other.settings, 2, comment=True)


def _splits(plan: Plan) -> Iterator[str]:
    source, shares = plan.found, {"validation": "10%", "test": "20%"}
    stratified = TARGETS[plan.columns.target.guess.settings["kind"]].stratifies
    own = {split: name for name in source.data.sizes if (split := SPLITS.get(name.lower())) is not None}
    train = "train" if "train" in source.data.sizes or not source.data.sizes else next(iter(source.data.sizes))
    settings: dict[str, Any] = {} if train == "train" else {"train": train}
    if source.settings.gives_windows:
        settings |= {"by": "time", "test": "20%"}
        reason = "The last 20 % of the time test, and no window of training reaches into them."
        if plan.columns.target.column.rows >= LONG_SERIES:
            settings |= {"validation": "10%"}
            reason += " The 10 % before choose the best epoch."
        else:
            settings |= {"validation": "off"}
            reason += (
                " Too few rows are left to choose an epoch by others: training ends after a fixed number of epochs."
            )
    elif source.data.arrays is None:
        missing = [split for split in shares if split not in own]
        cuts = [f"[{100 - 10 * len(missing)}%:]"] if len(missing) == 1 else ["[80%:90%]", "[90%:]"]
        settings |= {"train": train + (f"[:{100 - 10 * len(missing)}%]" if missing else ""), **own}
        settings |= {split: train + cut for split, cut in zip(missing, cuts, strict=False)}
        reason = "Slices, since these examples can only be read from their start."
        reason += f" The source has its own {listed(list(own))}." if own else ""
    else:
        how = "of each class alike" if stratified else "at random"
        taken = {split: share for split, share in shares.items() if split not in own}
        settings |= {"by": "stratified" if stratified else "share"} if taken else {}
        settings |= {split: own.get(split, shares[split]) for split in shares}
        words = {"validation": "10 % choose the best epoch", "test": "20 % are looked at once, at the end"}
        reason = f"{', '.join(words[split] for split in taken)}: {how}." if taken else ""
        if own:
            reason = f"The source has its own split for {listed(list(own))}. " + reason
    yield from remark(reason, 2)
    yield from setting("splits", settings, 2)
    if plan.columns.times and not source.settings.gives_windows:
        column = plan.columns.times[0]
        yield from remark(
            f"`{column}` holds dates: where the model is to be used on later rows, test it on the last ones:", 2
        )
        yield from setting("splits", {"by": "time", "column": column, **shares}, 2, comment=True)


def _cleaning(plan: Plan) -> Iterator[str]:
    target, drop = plan.columns.target.column, []
    if target.missing:
        drop.append("missing")
        words = f"`{target.name}` is missing in {target.missing:.1%} of the rows, which cannot be learned from"
        texts = [f"`{r.column.name}`" for r in plan.columns.inputs if r.column.is_text and r.column.missing]
        words += f"; so are rows left out in which {', '.join(texts)} is empty" if texts else ""
        yield from remark(words + ".", 2)
    if plan.found.unreadable:
        drop.append("unreadable")
        yield from remark(f"Left out, and counted in every run: {plan.found.unreadable}.", 2)
    if drop:
        yield from setting("clean", {"drop": drop}, 2)


def _inputs(plan: Plan) -> Iterator[str]:
    groups: dict[str, list[Reading]] = {}
    for reading in plan.columns.inputs:
        guess = reading.guess
        key = f"{guess.joins} {sorted(guess.settings.items(), key=str)}" if guess.joins else f"\0{reading.column.name}"
        groups.setdefault(key, []).append(reading)
    taken = {name_for(plan.columns.target.column.name)}
    for members in groups.values():
        guess, names = members[0].guess, [member.column.name for member in members]
        if len(names) > 1:
            yield from remark(f"{count(len(names), 'column')} of {guess.reason}.", 4)
            name = _unused(guess.joins, taken)
            columns: dict[str, Any] = {"columns": names}
        else:
            yield from remark(f"{_sentence(guess.reason)}{_misses(members[0])}", 4)
            name, columns = _unused(name_for(names[0]), taken), _column(names[0], taken)
        taken.add(name)
        yield from setting(name, {"kind": guess.settings["kind"], **columns, **_rest(guess)}, 4)
        for option in guess.options:
            yield from remark(f"{_sentence(option.reason)}", 4)
            yield from setting(name, {**guess.settings, **columns, option.key: option.value}, 4, comment=True)
        for member in members:
            yield from _doubt(member, f"take it out of `{name}` and write" if len(names) > 1 else "write")


def _column(column: str, taken: set[str]) -> dict[str, str]:
    """The setting that names a column, where it has another name than the input."""
    return {} if _unused(name_for(column), taken) == column else {"column": column}


def _rest(guess: Guess) -> dict[str, Any]:
    return {key: value for key, value in guess.settings.items() if key != "kind"}


def _misses(reading: Reading) -> str:
    return f" {reading.column.missing:.1%} are missing." if reading.column.missing else ""


def _doubt(reading: Reading, how: str) -> Iterator[str]:
    if reading.other is None:
        return
    yield from remark(f"In doubt: {reading.guess.doubt}. If so, {how}:", 4)
    column = reading.column.name
    columns = {} if name_for(column) == column else {"column": column}
    settings = reading.other.settings
    yield from setting(name_for(column), {"kind": settings["kind"], **columns, **_rest(reading.other)}, 4, comment=True)


def _left_out(columns: Columns) -> Iterator[str]:
    if not columns.left_out:
        return
    by_reason: dict[str, list[str]] = {}
    for name, reason in columns.left_out.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        more = [f"{len(names) - 8} more"] if len(names) > 8 else []
        yield from remark(f"Left out: {listed([*(f'`{name}`' for name in names[:8]), *more])}: {reason}.", 4)
        for name in names[:8]:
            if name in columns.kept_by:
                guess = columns.kept_by[name]
                column = {} if name_for(name) == name else {"column": name}
                settings: Mapping[str, Any] = {"kind": guess.settings["kind"], **column, **_rest(guess)}
                yield from setting(name_for(name), settings, 4, comment=True)


def _target(columns: Columns) -> Iterator[str]:
    target = columns.target
    name = name_for(target.column.name)
    yield from remark(f"`{target.column.name}` is predicted, {target.guess.reason}: {columns.why_target}.", 4)
    column = {} if name == target.column.name else {"column": target.column.name}
    yield from setting(name, {"kind": target.guess.settings["kind"], **column, **_rest(target.guess)}, 4)
    yield from _doubt(target, "write")


def _model(recipe: Recipe) -> Iterator[str]:
    yield from remark(recipe.why)
    yield "model:"
    for key, value in recipe.model.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"  {key}:"
            yield from (f"    - {flow(item)}" for item in value)
        else:
            yield from setting(key, value, 2)


def _training(plan: Plan) -> Iterator[str]:
    recipe, factor = plan.recipe, TIMES[plan.time]
    by_time = {word: _epochs(plan, word) for word in TIMES}
    epochs, others = by_time[plan.time], [f"{n} for `--time {w}`" for w, n in by_time.items() if w != plan.time]
    said = (
        f"Passes over the training part of {count(_rows(plan), 'row')} for `--time {plan.time}`; {', '.join(others)}."
    )
    if recipe.multiply_adds:
        seconds = speed.seconds_of_epoch(recipe.multiply_adds, _rows(plan))
        words = speed.in_words(seconds * epochs)
        said += f" {words[:1].upper()}{words[1:]} on this machine"
        wanted = _wanted(recipe, plan.time)
        said += f", where {wanted} would take {speed.in_words(seconds * wanted)}." if epochs < wanted else "."
    yield "training:"
    yield from remark(said, 2)
    yield from setting("epochs", epochs, 2)
    for key, value in recipe.training.items():
        yield from setting(key, value, 2)
    if recipe.patience is not None:
        patience = max(2, round(recipe.patience * min(factor, 1.5)))
        if patience < epochs:
            yield from remark(
                f"The best epoch is kept; after {count(patience, 'epoch')} without a better one it ends.", 2
            )
            yield from setting("early_stopping", {"patience": patience}, 2)


def _epochs(plan: Plan, time: str) -> int:
    """Passes for `--time`: as many as the recipe wants, where this machine makes them in that time."""
    wanted, recipe = _wanted(plan.recipe, time), plan.recipe
    if not recipe.multiply_adds:
        return wanted
    possible = 60 * speed.MINUTES[time] / speed.seconds_of_epoch(recipe.multiply_adds, _rows(plan))
    return max(2, min(wanted, round(possible)))


def _wanted(recipe: Recipe, time: str) -> int:
    return max(2, round(recipe.epochs * TIMES[time]))


def name_for(column: str) -> str:
    """A name for a configuration: letters, digits and underlines."""
    name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_")
    return name if name and not name[0].isdigit() else f"column_{name}".rstrip("_")


def _unused(name: str, taken: set[str]) -> str:
    return name if name not in taken else next(f"{name}_{n}" for n in range(2, 1000) if f"{name}_{n}" not in taken)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."

"""A description of data as a page of text, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlkit.config.phrases import aligned, count, cut
from dlkit.schema.features import in_words
from dlkit.schema.looking import OF_ROWS, number

WIDTH = 80
# Names, and columns of a table, that are shown; the rest is in the JSON.
MOST = 12
LABEL = 26


def page(about: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a description."""
    source = about["source"]
    yield str(about["name"])
    yield from _entry("source", f"{source['name']}: {_sizes(source['splits'])}")
    yield from _entry("columns", ", ".join(source["columns"]))
    if source["not read"]:
        yield from _entry("not read", ", ".join(source["not read"]))
    yield from _entry("read as", _sizes(about["splits"]))
    for family in ("inputs", "targets"):
        for name, column in about[family].items():
            yield ""
            yield from _column(f"{family[:-1]} {name}", column, about["splits"])
    yield from _examples(about["examples"])
    if about["dropped"]:
        yield ""
        yield "left out"
        for one in about["dropped"]:
            rows = count(one["count"], "row")
            yield from _wrapped(f"{one['split']}: {rows}: {one['why']}; {', '.join(one['rows'][:3])}", "  ")
    if about["store"]:
        yield ""
        yield "prepared examples that are kept"
        for one in about["store"]:
            size = f"{one['bytes'] / 2**20:,.1f} MiB"
            yield from _wrapped(f"{one['input']}: {one['prepared']:,} of {one['rows']:,} rows, {size}", "  ")
    if about["leaks"]:
        yield ""
        for one in about["leaks"]:
            yield from _wrapped(f"warning[{one['code']}]: {one['message']}; {one['help']}", "")
    if about["notes"]:
        yield ""
        for note in about["notes"]:
            yield from _wrapped(f"note: {note}", "")


def _sizes(sizes: Mapping[str, int | None]) -> str:
    return ", ".join(f"{name} {'?' if size is None else f'{size:,}'}" for name, size in sizes.items())


def _entry(word: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(cut(text, 400), WIDTH - 12) or [""]
    for n, line in enumerate(lines):
        yield f"  {word if n == 0 else '':<8}  {line}"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")


def _column(title: str, about: Mapping[str, Any], sizes: Mapping[str, Any]) -> Iterator[str]:
    """One input or target: what it is, then its summaries, a column for each split."""
    shape = tuple(about["shape"])
    what = f"{title}: {about['kind']}, {'' if shape in ((), (1,)) else f'{in_words(shape)} '}{about['dtype']}"
    if about["columns"] and about["columns"] != [title.partition(" ")[2]]:
        what += f", of {cut(', '.join(about['columns']), 100)}"
    yield from _wrapped(what, "")
    if few := about.get("looked at", {}):
        looked = ", ".join(f"{n:,} of {split}" for split, n in few.items())
        yield from _wrapped(f"from some of the examples: {looked}", "  ")
    summaries = about["summary"]
    splits = list(summaries)
    rows: list[list[str]] = []
    tables = []
    for word in dict.fromkeys(word for summary in summaries.values() for word in summary):
        values = [summaries[split].get(word, "") for split in splits]
        if any(isinstance(value, Mapping) for value in values):
            maps = [value if isinstance(value, Mapping) else {} for value in values]
            if any(isinstance(below, Mapping) for below in maps[0].values()):
                tables.append(maps[0])
            else:
                rows += _counts(word, maps, [few.get(split, sizes.get(split)) or 0 for split in splits])
        elif any(value is not False for value in values):
            rows.append([word, *map(_cell, values)])
    if rows:
        yield from _figures([["", *splits], *rows])
    for table in tables:
        yield from _table(table, splits[0])


def _counts(word: str, maps: Sequence[Mapping[str, Any]], sizes: Sequence[int]) -> list[list[str]]:
    """Counts by name, the most frequent of the first split first; of rows with their share."""
    names = list(dict.fromkeys(name for one in maps for name in one))
    indent = "" if word == OF_ROWS[0] else "  "
    rows = [[word]] if indent else []
    for name in names[:MOST]:
        numbers = [one.get(name, 0) for one in maps]
        of_rows = [f" {n / max(1, size):>4.0%}" for n, size in zip(numbers, sizes, strict=True)]
        cells = map("{:,}{}".format, numbers, of_rows if word in OF_ROWS else [""] * len(numbers))
        rows.append([f"{indent}{name.strip() or repr(name)}", *cells])
    if len(names) > MOST:
        rows.append([f"{indent}… {len(names) - MOST:,} more"])
    return rows


def _table(table: Mapping[str, Mapping[str, Any]], split: str) -> Iterator[str]:
    """A row for each column of the data, of one split."""
    heads = list(dict.fromkeys(word for row in table.values() for word in row if word != "constant"))
    rows = []
    for name, row in list(table.items())[:MOST]:
        constant = " (constant)" if row.get("constant") else ""
        rows.append([cut(name, LABEL - len(constant)) + constant, *(_cell(row.get(word, "")) for word in heads)])
    if len(table) > MOST:
        rows.append([f"… {len(table) - MOST:,} more"])
    yield from _figures([[f"of {split}", *heads], *rows])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) else cut(str(value), 16)


def _figures(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of words and figures in columns, the figures to the right."""
    named = [[cut(row[0], LABEL + 6), *row[1:]] for row in rows]
    yield from (f"  {line}" for line in aligned(named, range(1, max(map(len, rows)))))


def _examples(examples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not examples:
        return
    yield ""
    yield "the first examples of train"
    for one in examples:
        yield f"  {one['place']}"
        both = {**one["inputs"], **one["targets"]}
        width = min(LABEL, max(map(len, both)))
        for name, words in both.items():
            lines = textwrap.wrap(cut(words, 160), WIDTH - width - 6) or ['""']
            yield f"    {cut(name, LABEL):<{width}}  {lines[0]}"
            yield from (f"    {'':<{width}}  {line}" for line in lines[1:])

"""Files of plain numbers are read in a quicker way, which gives what reading all fields as text gives."""

from __future__ import annotations

from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlkit.config.problems import DlkitError
from dlkit.sources import csv as csv_source
from dlkit.sources._csv_file import Dialect
from dlkit.sources._csv_quick import DoubtError, holds_codes
from dlkit.sources.csv import CsvSource

PLAIN = ["0", "1", "-2", "3.5", "0.25", "-0.5", "1e5", "1E-05", "0e1", "7", "42", "1024", "-1.5e3", ".5", "5."]
ODD = [
    "007", "-007", "+07", "00", "-0", "0x10", "0X1F", "1_000", "inf", "-inf", "nan", "NaN", "-nan", "NA", "null", "",
    "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808", "123456789012345678901",
    "1e300", "+5", " 6", "6 ", "\t8", " 007", '"1,234"', '"12"', '"007"', '""', "2024-01-05", "09:30", "1,5", "a",
    "x y", "true", "é", "1e", "--1", "0 1", "1.2.3", "  ", "             05",
]  # fmt: skip


def opened(path: Any, text_alone: bool, monkeypatch: Any, **stated: Any) -> Any:
    """The columns of a file, their types and notes; or what is said of it."""
    source = CsvSource.model_validate({"kind": "csv", "path": path, **stated})
    read = csv_source._read

    def as_text(*given: Any, quick: bool = False) -> Any:
        if quick:
            raise DoubtError
        return read(*given)

    with monkeypatch.context() as patch:
        if text_alone:
            patch.setattr(csv_source, "_read", as_text)
        try:
            data = source.open(["*"])
        except DlkitError as error:
            return str(error)
    arrays = {split: data.arrays(split) for split in data.sizes}
    why = {name: field.why_text and field.why_text() for name, field in data.fields.items()}
    found = {s: {n: (x.dtype, content(x)) for n, x in columns.items()} for s, columns in arrays.items()}
    return found, why, data.notes


def content(column: Any) -> Any:
    return column.tolist() if column.dtype.kind in "OU" else column.tobytes()


def columns() -> Any:
    """Rows of three columns: each mostly of plain numbers, or of whole ones, with some odd fields or none."""
    fields = st.one_of(
        st.sampled_from(PLAIN),
        st.integers(-(2**54), 2**54).map(str),
        st.floats().map(repr),
        st.sampled_from(ODD),
    )
    plain, whole = st.sampled_from(PLAIN), st.integers(-99, 99).map(str)
    kinds = st.sampled_from([plain, whole, fields, st.one_of(plain, plain, plain, fields), st.sampled_from("abc")])

    def rows(chosen: Any) -> Any:
        return st.lists(st.tuples(*chosen), min_size=1, max_size=40)

    return st.tuples(kinds, kinds, kinds).flatmap(rows)


@given(rows=columns(), more=columns(), block=st.sampled_from([40, 200, 2**20]), end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_give_the_same_columns(rows, more, block, end, tmp_path, monkeypatch):
    for name, some in (("one", rows), ("two", more)):
        (tmp_path / f"{name}.csv").write_bytes(end.join(["a,b,c", *map(",".join, some), ""]).encode())
    monkeypatch.setattr(csv_source, "BLOCK", block)
    paths = {"train": str(tmp_path / "one.csv"), "test": str(tmp_path / "two.csv")}
    for path in (paths["train"], paths):
        both = [opened(path, alone, monkeypatch) for alone in (False, True)]
        assert both[0] == both[1]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_single_odd_field_late_in_a_file_changes_nothing(odd, separator, tmp_path, monkeypatch):
    lines = [f"{n}{separator}{n / 8}{separator}w{n}" for n in range(300)]
    monkeypatch.setattr(csv_source, "BLOCK", 500)
    for column in (0, 1):
        fields = lines[250].split(separator)
        fields[column] = odd
        changed = [*lines[:250], separator.join(fields), *lines[251:]]
        path = tmp_path / "table.csv"
        path.write_text("\n".join([separator.join("abc"), *changed]) + "\n", encoding="utf-8")
        both = [opened(str(path), alone, monkeypatch, separator=separator) for alone in (False, True)]
        assert both[0] == both[1]


def test_plain_numbers_are_not_read_as_text(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n" + "".join(f"{n},{n / 8},w{n % 3}\n" for n in range(500)))
    monkeypatch.setattr(csv_source, "BLOCK", 400)
    seen = []
    add = csv_source.Cells.add
    monkeypatch.setattr(csv_source.Cells, "add", lambda self, *given: seen.append(self.name) or add(self, *given))
    data = CsvSource(kind="csv", path=str(path)).open(["*"])
    assert set(seen) == {"c"}
    assert {name: field.dtype for name, field in data.fields.items()} == {"a": "int64", "b": "float64", "c": "string"}
    np.testing.assert_array_equal(data.arrays("train")["b"], np.arange(500) / 8)


@pytest.mark.parametrize(
    ("field", "found"),
    [("01", True), ("-01", True), ("+0x1", True), (" 01", True), ("0.1", False), ("1e-05", False),
     ("2024-01-05", False), ("0", False), ("-0", False), ("105", False), ("a01", False),
     ("\0", True), (" " * 100 + "01", True)],
)  # fmt: skip
@pytest.mark.parametrize("at", ["first", "middle", "last"])
@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_codes_are_found_wherever_they_are(field, found, at, separator, tmp_path, monkeypatch):
    monkeypatch.setattr("dlkit.sources._csv_quick.PART", 7)
    row = {"first": [field, "5"], "middle": ["5", field, "5"], "last": ["5", field]}[at]
    path = tmp_path / "table.csv"
    path.write_text("a\n" + separator.join(row))
    assert holds_codes(path, Dialect("utf-8", separator, "."), Event()) == found

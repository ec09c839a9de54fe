"""What is said of text files that are broken, with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlkit.sources import csv as csv_source
from tests.sources.tables import columns, problem, source


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("", "no-rows", "a.csv is empty"),
        ("\n \n", "no-rows", "a.csv is empty"),
        ("a,b\n", "no-rows", "a.csv has names of columns and no rows"),
        ("a,b", "no-rows", "a.csv has names of columns and no rows"),
        ("a,b\n1,2\n3\n4,5\n", "ragged-row", "a.csv:3 has 1 field, and there are 2 columns: `3`"),
        ("a,b\n1,2\n\n3,4,5\n", "ragged-row", "a.csv:4 has 3 fields, and there are 2 columns: `3,4,5`"),
        ("a,b,a\n1,2,3\n", "duplicate-column", "a.csv:1 names two columns `a`: columns 1 and 3"),
        ("a,b\n1,2\n3,\0\n", "damaged-data", "a.csv:3 holds a NUL, a byte of value 0"),
        ("a,b\r\n1,2\r\n3,\0\r\n", "damaged-data", "a.csv:3 holds a NUL, a byte of value 0"),
        ("# made by x\na,b\n1,2\n", "ragged-row", "a.csv:2 has 2 fields, and there is 1 column: `a,b`"),
        ('a,b\n1,2\n"3,4\n5,6\n', "ragged-row", "a.csv:3 has 1 field, and there are 2 columns: `3,4\\n5,6\\n`"),
    ],
)
def test_broken_files_are_refused_with_the_line(tmp_path: Path, content: str, code: str, message: str) -> None:
    said = problem(source(tmp_path / "a.csv", content))
    assert (said.code, said.message, said.key) == (code, message, ("data", "source", "path"))
    assert said.help


@pytest.mark.parametrize("column", ["a", "b"])
def test_a_nul_far_from_the_start_is_named(tmp_path: Path, column: str) -> None:
    row = "1,x\n" if column == "b" else "x,1\n"
    content = "a,b\n" + row * 500_000 + row.replace("x", "x\0x")
    said = problem(source(tmp_path / "a.csv", content), column)
    assert (said.code, said.message) == ("damaged-data", "a.csv:500002 holds a NUL, a byte of value 0")


def test_an_open_quote_is_hinted_at(tmp_path: Path) -> None:
    said = problem(source(tmp_path / "a.csv", 'a,b\n1,2\n"3,4\n5,6\n'))
    assert "the row runs to line 4" in said.help


def test_unnamed_and_unread_columns_do_no_harm(tmp_path: Path) -> None:
    data = source(tmp_path / "a.csv", ",a,\n0,1,\n1,2,\n").open(("a",))
    assert data.arrays is not None
    assert data.arrays("train")["a"].tolist() == [1, 2]
    assert data.others == ()


def test_a_field_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_source, "BLOCK", 100)
    texts = ["short", "x" * 5000, "y" * 99, "z"]
    content = "a,b\n" + "".join(f'"{text}",{n}\n' for n, text in enumerate(texts))
    assert columns(source(tmp_path / "a.csv", content)) == {"a": texts, "b": [0, 1, 2, 3]}


def test_what_nobody_reads_is_not_read(tmp_path: Path) -> None:
    content = "a,b,c\n1,x,\n2,\xff\xfe,\n"
    data = source(tmp_path / "a.csv", content.encode("latin-1")).open(("a", "c*"))
    assert set(data.fields) == {"a", "c"}
    assert data.others == ("b",)


def test_the_fingerprint_is_of_files_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    first = source(path, "a\n1\n2\n").open(("a",)).fingerprint
    assert first is not None
    assert source(path).open(("a",)).fingerprint == first
    assert source(path, missing=["1"]).open(("a",)).fingerprint != first
    assert source(path, "a\n1\n2\n3\n").open(("a",)).fingerprint != first

"""Tables in text files: types over whole files, and what is read is what was written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.config.problems import DlkitError
from dlkit.data.load import load_splits
from dlkit.schema.data import Data
from dlkit.sources import csv as csv_source
from dlkit.sources.csv import CsvSource
from tests.sources.tables import columns, problem, refused, source


def test_numbers_and_text(tmp_path: Path) -> None:
    opened = source(tmp_path / "a.csv", "a,b,c,d\n1,1.5,x,\n2,,NA,3\n")
    data = opened.open(("*",))
    assert {name: field.dtype for name, field in data.fields.items()} == {
        "a": "int64", "b": "float64", "c": "string", "d": "float64",
    }  # fmt: skip
    found = columns(opened)
    assert (found["a"], found["c"]) == ([1, 2], ["x", "NA"])
    np.testing.assert_equal((found["b"], found["d"]), ([1.5, np.nan], [np.nan, 3.0]))
    assert data.sizes == {"train": 2}


def test_namibia_is_text_and_a_missing_number_is_reported_by_its_word(tmp_path: Path) -> None:
    content = "country,age\nNA,NA\nDE,3\nnull,n/a\n,NA\n"
    data = source(tmp_path / "a.csv", content).open(("*",))
    assert data.arrays is not None
    assert data.arrays("train")["country"].tolist() == ["NA", "DE", "null", ""]
    np.testing.assert_equal(data.arrays("train")["age"].tolist(), [np.nan, 3, np.nan, np.nan])
    assert data.notes == ("`age`: `NA` (2), `n/a` (1) taken as missing",)
    stated = source(tmp_path / "a.csv", missing=["NA", -999]).open(("*",))
    assert stated.arrays is not None
    assert stated.arrays("train")["country"].tolist() == ["", "DE", "null", ""]
    assert "`country`: `NA` (1) taken as missing" in stated.notes


def test_stated_words_are_missing_in_numbers(tmp_path: Path) -> None:
    found = columns(source(tmp_path / "a.csv", "a\n-999\n?\n5\n", missing=[-999, "?"]))
    np.testing.assert_equal(found["a"], [np.nan, np.nan, 5])
    text = "a,b\n-999,-999.0\n7,2.5\n-999,1\n"
    read = source(tmp_path / "b.csv", text, missing=[-999]).open(("*",))
    assert read.arrays is not None and read.arrays("train")["a"].dtype == "float64"
    np.testing.assert_equal(read.arrays("train")["a"], [np.nan, 7, np.nan])
    np.testing.assert_equal(read.arrays("train")["b"], [np.nan, 2.5, 1])
    assert "`a`: `-999` (2) taken as missing" in read.notes and "`b`: `-999` (1) taken as missing" in read.notes


@pytest.mark.parametrize("block", [2**22, 2**14])
def test_text_in_a_late_row_makes_text_of_the_column_and_is_named(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_source, "BLOCK", block)
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{n / 4},{n % 2}\n" for n in range(90_000)) + "oops,1\n7,0\n")
    found = columns(source(path), "x")["x"]
    assert (found[:3], found[-2:], len(found)) == (["0.0", "0.25", "0.5"], ["oops", "7"], 90_002)
    said = refused(path, "number")
    assert (said.code, said.key) == ("field-type", ("data", "inputs", "x"))
    assert said.message == "the column of `x` holds text, not numbers: a.csv:90002, column `x`, holds `oops`"
    assert "`missing: [oops]`" in said.help
    said = problem(source(path, types={"x": "number"}))
    assert said.key == ("data", "source", "types", "x")
    assert said.message == "a.csv:90002, column `x`, holds `oops`, which is no number"
    assert len(columns(source(path, missing=["oops"]), "x")["x"]) == 90_002


def test_the_late_text_of_one_of_several_columns_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b,y\n1,2,0\n3,oops,1\n")
    data = {
        "source": {"kind": "csv", "path": str(path)},
        "inputs": {"x": {"kind": "number", "columns": ["a", "b"]}},
        "targets": {"y": {"kind": "number"}},
    }
    of_target = {**data, "inputs": {"x": {"kind": "number", "column": "a"}}}
    of_target["targets"] = {"y": {"kind": "number", "column": "b"}}
    for section, key in ((data, ("data", "inputs", "x")), (of_target, ("data", "targets", "y"))):
        with pytest.raises(DlkitError) as caught:
            load_splits(Data.model_validate(section))
        (problem,) = caught.value.problems
        assert problem.key == key
        assert "a.csv:3, column `b`, holds `oops`" in problem.message


@pytest.mark.parametrize("code", ["01234", "-01", "007", "0x10", "00.5"])
def test_a_zero_in_front_makes_text(tmp_path: Path, code: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"x,y\n1,0\n{code},1\n")
    assert columns(source(path), "x")["x"] == ["1", code]
    said = refused(path, "number")
    assert f"a.csv:3, column `x`, holds `{code}`" in said.message
    if code == "01234":
        assert "`types: {x: number}`" in said.help
        assert columns(source(path, types={"x": "number"}), "x")["x"] == [1, 1234]


def test_numbers_that_begin_with_zero_stay_numbers(tmp_path: Path) -> None:
    assert columns(source(tmp_path / "a.csv", "x\n0.5\n-0.25\n0\n0e1\n-0\n.5\n"))["x"] == [0.5, -0.25, 0, 0, 0, 0.5]


def test_digits_are_never_lost(tmp_path: Path) -> None:
    ids = ["9223372036854775807", "9007199254740993"]
    assert columns(source(tmp_path / "a.csv", "x\n" + "\n".join(ids) + "\n"))["x"] == [int(i) for i in ids]
    with_gap = source(tmp_path / "b.csv", "x,z\n" + "\n".join(f"{i},1" for i in [*ids, ""]) + "\n")
    assert columns(with_gap, "x")["x"] == [*ids, ""]
    long = source(tmp_path / "c.csv", "x\n92233720368547758070\n5\n")
    assert columns(long)["x"] == ["92233720368547758070", "5"]


def test_digits_are_not_lost_where_the_gap_comes_in_a_later_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_source, "BLOCK", 64)
    content = "x,z\n" + "9007199254740993,1\n" * 20 + ",1\n"
    assert columns(source(tmp_path / "a.csv", content), "x")["x"] == ["9007199254740993"] * 20 + [""]


def test_spaces_around_numbers_and_infinity(tmp_path: Path) -> None:
    found = columns(source(tmp_path / "a.csv", "a, b\n 1 ,inf\n2, -1.5\n+3,  \n"))
    assert found["a"] == [1, 2, 3]
    np.testing.assert_equal(found["b"], [np.inf, -1.5, np.nan])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["2020-01-31", "2020-02-01"], "a date or a time is text"),
        (["yes", "no"], "`kind: binary`"),
        (["True", "False"], "`kind: binary`"),
        (['"1,234"', '"2,345"'], 'state `decimal: ","`'),
        (["12345678901234567890", "2"], "lose digits"),
    ],
)
def test_text_that_looks_like_something_else_says_what_to_do(tmp_path: Path, values: list[str], says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{value},{n % 2}\n" for n, value in enumerate(values)))
    assert says in refused(path, "number").help
    assert columns(source(path), "x")["x"] == [value.strip('"') for value in values]


def test_flags_train_as_categories_and_as_yes_or_no(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\nyes,True\nno,False\nyes,True\n")
    data = {
        "source": {"kind": "csv", "path": str(path)},
        "inputs": {"x": {"kind": "category"}},
        "targets": {"y": {"kind": "binary"}},
    }
    spec = load_splits(Data.model_validate(data)).spec
    assert spec.inputs["x"].state["vocabulary"] == [["yes", "no"]]
    assert spec.targets["y"].classes == ("False", "True")


def test_types_follow_from_every_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,0\n2,1\n")
    (tmp_path / "b.csv").write_text("y,x\n0,1.5\n1,x\n")
    paths = {"train": str(tmp_path / "a.csv"), "test": str(tmp_path / "b.csv")}
    opened = CsvSource(kind="csv", path=paths)
    assert columns(opened, "x", split="train") == {"x": ["1", "2"]}
    assert columns(opened, "x", split="test") == {"x": ["1.5", "x"]}
    data = opened.open(("y",))
    assert (data.sizes, data.others) == ({"train": 2, "test": 2}, ("x",))
    assert data.place is not None
    assert data.place("test", 1) == "b.csv:3"


# Round trips.

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), max_size=8)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(TEXT, st.integers(-(2**63), 2**63 - 1), st.floats(width=64)), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, float]], separator: str, end: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator=end)
        writer.writerow(["text", "whole", "float"])
        writer.writerows(rows)
    opened = source(path, separator=separator, types={"text": "text", "float": "number"})
    found = columns(opened, "text", "whole", "float")
    assert found["text"] == [text for text, _, _ in rows]
    assert found["whole"] == [number for _, number, _ in rows]
    np.testing.assert_equal(found["float"], [number for _, _, number in rows])
    place = opened.open(("text",)).place
    assert place is not None
    lines = 2
    for number, (text, _, _) in enumerate(rows):
        assert place("train", number) == f"a.csv:{lines}"
        lines += 1 + len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), min_size=1, max_size=30))
def test_text_alone_is_read_back_with_whatever_separator_is_found(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["first", "second"], *rows])
    found = columns(source(path, types={"first": "text", "second": "text"}), "first", "second")
    assert [list(row) for row in zip(found["first"], found["second"], strict=True)] == rows


@settings(deadline=None, max_examples=40)
@given(
    st.lists(TEXT.filter(lambda text: not set(text) & set('"\n,;\t|')), min_size=1),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_an_empty_line_is_a_row_of_a_table_with_one_column(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], end: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes("".join(f"{text}{end}" for text in ["first", *texts]).encode())
    opened = source(path, types={"first": "text"})
    assert list(columns(opened, "first")["first"]) == texts
    place = opened.open(("first",)).place
    assert place is not None
    assert [place("train", row) for row in range(len(texts))] == [f"a.csv:{row + 2}" for row in range(len(texts))]

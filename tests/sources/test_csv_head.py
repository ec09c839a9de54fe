"""How text files are written: separator, decimal mark, encoding, header."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.sources.tables import columns, problem, source


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a;b\n1,5;x\n2;y\n", "separator `;`, decimal mark `,`, encoding utf-8"),
        ("a\tb\n1.5\tx\n2\ty, z\n", "separator tab, decimal mark `.`, encoding utf-8"),
        ("a|b\n1.5|x\n2|y\n", "separator `|`, decimal mark `.`, encoding utf-8"),
        ('a,b\n"1,5",x\n2,y\n', "separator `,`, decimal mark `,`, encoding utf-8"),
        ("a,b\n1.5,x\n2,y;z\n", None),
        ('a,b\n1.5,"x;y;z"\n2,"y;z;u"\n', None),
    ],
)
def test_separator_and_decimal_mark_are_found_and_said(tmp_path: Path, content: str, said: str | None) -> None:
    data = source(tmp_path / "a.csv", content).open(("*",))
    assert data.notes == (() if said is None else (f"a.csv: {said}",))
    assert data.arrays is not None
    assert data.arrays("train")["a"].tolist() == [1.5, 2]


def test_they_can_be_stated(tmp_path: Path) -> None:
    content = "a;b\n1,5;x\n2,5;y\n"
    assert columns(source(tmp_path / "a.csv", content, decimal="."))["a"] == ["1,5", "2,5"]
    tabs = source(tmp_path / "b.csv", "a\tb\n1\t2\n", separator="tab")
    assert columns(tabs) == {"a": [1], "b": [2]}
    quoted = source(tmp_path / "c.csv", "a,b\n'x,2',3\n", quote="'")
    assert columns(quoted) == {"a": ["x,2"], "b": [3]}
    bare = source(tmp_path / "d.csv", 'a,b\n"1,3"\n5" pipe,4\n', quote="")
    assert columns(bare) == {"a": ['"1', '5" pipe'], "b": ['3"', "4"]}


@pytest.mark.parametrize("wrong", [{"separator": ";;"}, {"encoding": "utf-99"}, {"separator": "\n"}, {"quote": '""'}])
def test_wrong_settings_are_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        source(tmp_path / "a.csv", **wrong)


def test_one_column_with_separators_inside_is_refused(tmp_path: Path) -> None:
    said = problem(source(tmp_path / "a.csv", "a;b\n1;x\n2;y\n", separator=","))
    assert (said.code, said.message) == ("one-column", "a.csv:1 has one column, `a;b`, with a separator inside")
    assert said.help.startswith('state `separator: ";"`')


def test_one_column_of_numbers_is_fine(tmp_path: Path) -> None:
    assert columns(source(tmp_path / "a.csv", "a\n1\n2\n")) == {"a": [1, 2]}


def test_thousands_are_not_taken_for_decimals(tmp_path: Path) -> None:
    assert columns(source(tmp_path / "a.csv", 'a,b\n"1,234",x\n"2,345",y\n'))["a"] == ["1,234", "2,345"]
    assert columns(source(tmp_path / "b.csv", "a;b\n1.234,5;x\n2;y\n"))["a"] == ["1.234,5", "2"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_mark_at_the_start(tmp_path: Path, end: str, mark: bytes) -> None:
    lines = ["a,b", "", "1,x", '2,"y', 'z"', "", "3,ü"]
    data = source(tmp_path / "a.csv", mark + end.join(lines).encode()).open(("*",))
    assert data.arrays is not None
    assert {name: values.tolist() for name, values in data.arrays("train").items()} == {
        "a": [1, 2, 3], "b": ["x", f"y{end}z", "ü"],
    }  # fmt: skip
    assert data.notes == ()
    assert data.place is not None
    assert [data.place("train", row) for row in range(3)] == ["a.csv:3", "a.csv:4", "a.csv:7"]


def test_a_header_that_does_not_stand_in_the_first_line(tmp_path: Path) -> None:
    opened = source(tmp_path / "a.csv", '\n\n"a\nb",c\n1,2\n')
    assert columns(opened) == {"a\nb": [1], "c": [2]}
    data = opened.open(("c",))
    assert data.place is not None
    assert data.place("train", 0) == "a.csv:5"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_mark_states_the_encoding(tmp_path: Path, encoding: str) -> None:
    data = source(tmp_path / "a.csv", "a,ü\n1,é\n2,中\n".encode(encoding)).open(("*",))
    assert data.arrays is not None
    assert data.arrays("train")["ü"].tolist() == ["é", "中"]
    assert data.notes == (
        () if encoding == "utf-8-sig" else (f"a.csv: separator `,`, decimal mark `.`, encoding {encoding}",)
    )


def test_utf_16_without_its_mark(tmp_path: Path) -> None:
    content = "a,b\n1,x\n".encode("utf-16-le")
    said = problem(source(tmp_path / "a.csv", content))
    assert (said.code, "`encoding: utf-16-le`" in said.help) == ("not-utf-8", True)
    assert columns(source(tmp_path / "a.csv", encoding="utf-16-le")) == {"a": [1], "b": ["x"]}


@pytest.mark.parametrize(
    ("encoding", "text"), [("gb18030", "北京市朝阳区"), ("cp1252", "Überraschung in Füssen"), ("latin-1", "naïve café")]
)
def test_other_encodings_are_named_with_line_and_column(tmp_path: Path, encoding: str, text: str) -> None:
    content = f"city,y\nParis,0\n{text},1\n"
    said = problem(source(tmp_path / "a.csv", content.encode(encoding)), "city")
    assert said.code == "not-utf-8"
    assert said.message.startswith("a.csv:3, column `city`: '")
    assert f"`encoding: {'gb18030' if encoding == 'gb18030' else 'cp1252'}`" in said.help
    stated = source(tmp_path / "a.csv", encoding=encoding).open(("city",))
    assert stated.arrays is not None
    assert stated.arrays("train")["city"].tolist() == ["Paris", text]
    assert encoding.replace("latin-1", "iso8859-1") in stated.notes[0]


def test_a_wrong_encoding_is_named_with_line_and_column(tmp_path: Path) -> None:
    content = b"city,y\nParis,0\n\xff\xff,1\n"
    said = problem(source(tmp_path / "a.csv", content, encoding="gb18030"), "city")
    assert (said.code, said.message.startswith("a.csv:3, column `city`")) == ("not-utf-8", True)


def test_bytes_that_are_no_text_far_from_the_start(tmp_path: Path) -> None:
    content = b"city,y\n" + b"Paris,0\n" * 300_000 + b"M\xfcnchen,1\n"
    assert problem(source(tmp_path / "a.csv", content), "city").message.startswith("a.csv:300002, column `city`")


# Names.


def test_files_without_a_header(tmp_path: Path) -> None:
    content = "39,State-gov,2.5\n50,Private,3.5\n"
    assert columns(source(tmp_path / "a.csv", content, header=False)) == {
        "column_1": [39, 50], "column_2": ["State-gov", "Private"], "column_3": [2.5, 3.5],
    }  # fmt: skip
    assert columns(source(tmp_path / "a.csv", names=["age", "work", "x"]))["age"] == [39, 50]
    assert columns(source(tmp_path / "b.csv", "a,b\n1,2\n", names=["u", "v"], header=True)) == {"u": [1], "v": [2]}
    data = source(tmp_path / "a.csv", header=False).open(("column_1",))
    assert data.place is not None
    assert data.place("train", 0) == "a.csv:1"


def test_a_first_line_of_numbers_is_no_header(tmp_path: Path) -> None:
    said = problem(source(tmp_path / "a.csv", "5.1,3.5,0\n4.9,3.0,1\n"))
    assert (said.code, "`header: false`" in said.help) == ("no-header", True)


def test_as_many_names_as_columns(tmp_path: Path) -> None:
    said = problem(source(tmp_path / "a.csv", "1,2,3\n", names=["a", "b"]))
    assert said.message == "a.csv:1 has 3 columns, and `names` lists 2"

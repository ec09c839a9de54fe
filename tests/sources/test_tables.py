"""The files of a table: patterns, lists, splits, and what is said of files that are not there."""

from __future__ import annotations

import gzip
from pathlib import Path

from dlkit.sources.csv import CsvSource
from tests.sources.tables import columns, problem, refused, source


def test_patterns_and_lists_are_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"part-{number}.csv").write_text(f"x\n{number}\n")
    assert columns(source(tmp_path / "part-*.csv"))["x"] == [1, 2, 10]
    listed = CsvSource(kind="csv", path=[str(tmp_path / "part-10.csv"), str(tmp_path / "part-[12].csv")])
    assert columns(listed)["x"] == [10, 1, 2]
    data = listed.open(("x",))
    assert data.name == "part-10.csv and 2 more"
    assert data.place is not None
    assert data.place("train", 2) == "part-2.csv:2"


def test_files_that_are_not_there(tmp_path: Path) -> None:
    source(tmp_path / "people.csv", "x\n1\n")
    said = problem(source(tmp_path / "poeple.csv"))
    assert (said.code, said.key, "did you mean `people.csv`?" in said.help) == (
        "missing-file", ("data", "source", "path"), True,
    )  # fmt: skip
    assert problem(source(tmp_path / "*.tsv")).message.startswith("no file fits the pattern")
    assert "is a folder" in problem(source(tmp_path)).message
    by_split = CsvSource(kind="csv", path={"train": str(tmp_path / "people.csv"), "test": str(tmp_path / "no.csv")})
    assert problem(by_split).key == ("data", "source", "path", "test")


def test_relative_paths_start_at_the_configuration(tmp_path: Path) -> None:
    from dlkit.schema.loader import load

    config = "name: a\ndata:\n  source: {kind: csv, path: PATH}\n  inputs: {x: {kind: number}}\n"
    config += "  targets: {y: {kind: number}}\nmodel: {builder: mlp}\n"
    for path in ("a.csv", "[a.csv, b.csv]", "{train: a.csv, test: b.csv}"):
        (tmp_path / "c.yaml").write_text(config.replace("PATH", path))
        given = load(tmp_path / "c.yaml").config.data.source.path  # type: ignore[union-attr]
        every = [given] if isinstance(given, str) else list(given.values() if isinstance(given, dict) else given)
        assert every == [str(tmp_path / name) for name in ("a.csv", "b.csv")[: len(every)]]


def test_a_column_that_one_file_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,y\n1,0\n")
    (tmp_path / "b.csv").write_text("agee,y\n1,0\n")
    said = problem(source(tmp_path / "*.csv"), "age", "y")
    assert said.message == "b.csv has no column `age`, and a.csv has"
    assert "did you mean `agee`?" in said.help


def test_a_column_that_no_file_has_is_reported_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,y\n1,0\n2,1\n")
    said = refused(tmp_path / "a.csv", "number", "agee")
    assert (said.code, said.key) == ("unknown-column", ("data", "inputs", "x", "column"))
    assert "did you mean `age`?" in said.help
    assert problem(source(tmp_path / "a.csv", types={"agee": "text"})).key == ("data", "source", "types", "agee")


def test_gzip_by_name(tmp_path: Path) -> None:
    content = gzip.compress(b"x,y\n1,a\n2,b\n")
    path = tmp_path / "a.csv.gz"
    assert columns(source(path, content)) == {"x": [1, 2], "y": ["a", "b"]}
    said = problem(source(path, content[:-9]))
    assert (said.code, "a.csv.gz is damaged" in said.message) == ("damaged-data", True)
    assert problem(source(path, b"x,y\n1,2\n")).code == "damaged-data"

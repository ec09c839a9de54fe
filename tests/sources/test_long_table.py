"""The file of a time series: read however it is written, and what is wrong in it named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlkit.config.problems import RunError
from tests.sources.test_timeseries import column, opened, problem_of


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "no-rows", "a.csv is empty"),
        ("t,y\n", "no-rows", "a.csv has names of columns and no rows"),
        ("t,y,y\n1,2,3\n", "duplicate-column", "a.csv:1 names two columns `y`"),
        ("t,y\n1,2\n3\n", "ragged-row", "a.csv:3 has 1 field"),
        ("t,y\n1,2\n2,\0\n", "damaged-data", "a.csv:3 holds a NUL"),
        ("t,y\n1,2\n\n2,x\n", "field-type", "a.csv:4, column `y`, holds `x`"),
        ('t,y,note\n1,2,"a\nb"\n2,x,c\n', "field-type", "a.csv:4, column `y`, holds `x`"),
        ("t;y\n1;2,5\n2;4,5\n3;x,5\n", "field-type", "a.csv:4, column `y`, holds `x,5`"),
    ],
)
def test_a_file_that_is_no_table_is_named(text: str, code: str, says: str, tmp_path: Path) -> None:
    problem = problem_of(RunError, tmp_path, text)
    assert problem.code == code
    assert says in problem.message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_however_it_is_written(encoding: str, end: str, tmp_path: Path) -> None:
    text = end.join(["t;y", *(f"{n};{n},5" for n in range(4))])
    (tmp_path / "b.csv").write_bytes(text.encode(encoding))
    source = opened(tmp_path, "", path=str(tmp_path / "b.csv"))
    assert column(source, "future").ravel().tolist() == [2.5, 3.5]
    assert source.notes[0].startswith("b.csv: separator `;`, decimal mark `,`")


def test_names_of_series_in_another_encoding_are_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_bytes(("t,y,g\n" + "".join(f"{n},{n},北京\n" for n in range(4))).encode("gb18030"))
    problem = problem_of(RunError, tmp_path, "", path=str(path), group="g")
    assert (problem.code, "b.csv:2, column `g`" in problem.message) == ("not-utf-8", True)
    assert "`encoding: gb18030`" in problem.help
    source = opened(tmp_path, "", path=str(path), group="g", encoding="gb18030")
    assert source.base is not None
    assert source.base("train").names == ("北京",)

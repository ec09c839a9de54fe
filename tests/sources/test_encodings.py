"""Which names of encodings settings take, in every source that reads text files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from dlkit.schema.source import SOURCES
from dlkit.sources._encodings import proposal, written_in

SETTINGS: list[dict[str, Any]] = [
    {"kind": "csv", "path": "a.csv"},
    {"kind": "text_folder", "path": "a"},
    {"kind": "timeseries", "path": "a.csv", "targets": "y", "past": 2, "horizon": 1},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings["kind"])
def test_encodings_go_by_the_names_of_python(settings: dict[str, Any]) -> None:
    sources: TypeAdapter[Any] = TypeAdapter(SOURCES.type())
    for given, name in (
        ("GB18030", "gb18030"),
        ("latin-1", "iso8859-1"),
        ("UTF8", "utf-8"),
        ("utf-16-le", "utf-16-le"),
    ):
        assert sources.validate_python({**settings, "encoding": given}).encoding == name
    for wrong in ("latin-one", "rot13", "a\0b", ""):
        with pytest.raises(ValidationError, match="name of an encoding"):
            sources.validate_python({**settings, "encoding": wrong})


@pytest.mark.parametrize(
    ("written", "wrong", "says"),
    [("utf-8", "cp1252", "encoding: utf-8"), ("cp1252", "utf-8", "encoding: cp1252"), ("gbk", "utf-8", "gb18030")],
)
def test_the_encoding_that_a_file_seems_to_have_is_proposed(
    written: str, wrong: str, says: str, tmp_path: Path
) -> None:
    text = "电影非常好看\n" if written == "gbk" else "Málaga, Köln and São Paulo\n"
    (tmp_path / "a.csv").write_text(text * 10, written)
    assert says in proposal(tmp_path / "a.csv", wrong)


def test_a_short_text_without_a_line_end_is_looked_at_whole(tmp_path: Path) -> None:
    for text in ("übel und häßlich", "schön", "à"):
        (tmp_path / "a.txt").write_text(text, "cp1252")
        assert written_in(tmp_path / "a.txt")[0] == "cp1252"

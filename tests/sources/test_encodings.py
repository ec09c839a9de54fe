"""Which names of encodings settings take, in every source that reads text files."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from dlkit.schema.source import SOURCES

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

"""Text files: every encoding with a mark is recognised, and what cannot be read is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlkit.config.problems import RunError
from dlkit.inputs._decode_text import decode_text
from dlkit.inputs.text import TextInput
from dlkit.schema.features import Feature

FEATURE = Feature("x", "text", (), "string")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff")))
def test_a_mark_says_how_a_file_is_written(text: str) -> None:
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        assert decode_text(f"\ufeff{text}".encode(encoding), "ascii") == text
    assert decode_text(text.encode()) == text


@given(st.binary())
def test_any_bytes_are_text_or_are_refused_with_a_place(content: bytes) -> None:
    try:
        assert isinstance(decode_text(content), str)
    except ValueError as error:
        assert str(error).startswith("byte ")


@given(st.text(st.characters(codec="ascii", exclude_characters="\x00"), min_size=1))
def test_utf_16_of_latin_letters_needs_no_mark(text: str) -> None:
    assert decode_text(text.encode("utf-16-le")) == decode_text(text.encode("utf-16-be")) == text


def test_a_file_is_an_example(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffgut".encode())
    found = TextInput(kind="text").from_file(path, FEATURE)
    assert (found.shape, found.dtype.kind, str(found)) == ((), "U", "gut")
    path.write_bytes(b"\xff\xff")
    with pytest.raises(RunError, match=r"byte 0 \(0xff\)"):
        TextInput(kind="text").from_file(path, FEATURE)
    path.write_bytes("\ufeffgut".encode() + b"\xff")
    with pytest.raises(RunError, match=r"byte 6 \(0xff\) is not UTF-8\)"):
        TextInput(kind="text").from_file(path, FEATURE)
    with pytest.raises(RunError, match="No such file"):
        TextInput(kind="text").from_file(tmp_path / "b.txt", FEATURE)

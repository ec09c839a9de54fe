"""What a word of YAML means, by the rules of YAML 1.2 (core schema) without its octal surprises.

YAML 1.1, which PyYAML implements, reads `1e-3` as text, `no` as false, `010` as 8 and `12:30:00` as 45000.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = {".nan", ".NaN", ".NAN"}
_MOST_DIGITS = 300


class UnclearNumberError(ValueError):
    """A word that readers of YAML take for different numbers. Its text says how to write it."""


def read_scalar(text: str) -> Scalar:
    """The value of a plain (unquoted) word.

    Raises:
        UnclearNumberError: for `010`, which is 8, 10 or text depending on who reads it, and for endless digits.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > _MOST_DIGITS:
        if re.fullmatch(r"[-+.0-9eE]+", text):
            raise UnclearNumberError(f"a number has at most {_MOST_DIGITS} characters")
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _LEADING_ZERO.fullmatch(text):
        plain = text.lstrip("+-0") or "0"
        raise UnclearNumberError(f"write {'-' * text.startswith('-')}{plain} for the number, '{text}' for text")
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INFINITY.fullmatch(text):
        return float(match[1] + "inf")
    if text in _NAN:
        return float("nan")
    return text


def is_unicode(text: str) -> bool:
    """Whether a text can be written anywhere: it holds no half of a character (a lone surrogate)."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def is_plain_text(text: str) -> bool:
    """Whether `text`, unquoted, would be read back as this same text."""
    try:
        return read_scalar(text) == text
    except UnclearNumberError:
        return False

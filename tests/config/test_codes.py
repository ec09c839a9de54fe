from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlkit.config.codes import explain, table

PACKAGE = Path(__file__).parents[2] / "dlkit"


def used_codes() -> set[str]:
    """Codes that stand as the first argument of a problem anywhere in the package."""
    call = re.compile(r'(?:Problem|_note|_BadReferenceError)\(\s*"([a-z0-9]+(?:-[a-z0-9]+)+)"')
    return {code for path in PACKAGE.rglob("*.py") for code in call.findall(path.read_text(encoding="utf-8"))}


def test_every_code_in_use_is_explained():
    assert len(used_codes()) > 40
    assert used_codes() <= set(table())


@pytest.mark.parametrize("code", sorted(table()))
def test_an_explanation_has_a_title_a_reason_and_an_example(code):
    entry = table()[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert entry.title and entry.explanation.endswith(".") and entry.before != entry.after
    text = explain(code)
    assert text.startswith(f"{code}: {entry.title}") and entry.after.splitlines()[0] in text


def test_an_unknown_code_names_the_nearest():
    with pytest.raises(KeyError, match="unknown-key"):
        explain("unknown-keys")

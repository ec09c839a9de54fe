"""Whatever a text, an override or the environment holds: every mistake is a problem with a place, never a crash."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.config.problems import ConfigError, Problem
from dlkit.config.render import render, to_json
from dlkit.schema.loader import from_mapping, load
from tests.config.base import VALID, load_text

SOURCE = "{kind: tfds, name: mnist}"


def problems_of(folder: Path, text: str, *overrides: str) -> list[Problem]:
    """What is wrong with a text; each problem can be printed, and written as JSON."""
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, *overrides)
    problems = list(caught.value.problems)
    assert problems
    render(problems).encode()
    json.dumps(to_json(problems), ensure_ascii=False).encode()
    return problems


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("name: mine", 'extends: "a\\0b.yaml"\nname: mine', "unreadable-file"),
        ("name: mine", 'extends: "~nobody-at-all/a.yaml"\nname: mine', "file-not-found"),
        ("name: mine", f'extends: "{"a" * 5000}"\nname: mine', "unreadable-file"),
        ("name: mine", "extends: pipe\nname: mine", "unreadable-file"),
        ("name: mine", "extends: /dev/zero\nname: mine", "unreadable-file"),
        ("name: mine", "name: mine\nplugins: [pipe.py]", "plugin-not-found"),
        ("name: mine", "name: mine\nplugins: ['~nobody-at-all/a.py']", "plugin-not-found"),
        ("name: mine", "name: mine\nplugins: ['']", "out-of-bounds"),
        ("name: mine", 'name: mine\nplugins: ["a\\0b"]', "plugin-not-found"),
        ("name: mine", 'name: "a\\U00110000"', "control-character"),
        ("name: mine", 'name: "a\\UFFFFFFFF"', "control-character"),
        ("name: mine", 'name: "a\\ud800"', "control-character"),
        ("schedule: cosine", 'schedule: "\\udfff"', "control-character"),
        ("schedule:", '"a\\ud800":', "control-character"),
        (SOURCE, '{kind: npz, path: "a\\0b.npz"}', "bad-format"),
        ("kernel_size: 3", 'kernel_size: ["$${name}", 3]', "wrong-type"),
        ("epochs: 10", 'epochs: "$${name}"', "wrong-type"),
    ],
)
def test_a_text_that_used_to_crash_is_a_problem(tmp_path, old, new, code):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.py")
    (problem,) = problems_of(tmp_path, VALID.replace(old, new))
    assert problem.code == code
    assert problem.location is not None and problem.location.excerpt


@pytest.mark.parametrize("parts", [51, 900, 5000])
def test_an_override_that_is_too_deep_is_a_problem(tmp_path, parts):
    for part in ("a", "0"):
        (problem,) = problems_of(tmp_path, VALID, ".".join([part] * parts) + "=3")
        assert problem.code == "too-deep"


def test_half_a_character_from_the_command_line_from_python_and_from_the_environment(tmp_path, monkeypatch):
    for word in ("name=a\udc80", 'name="\\udc80"', "training.a\udc80=3"):
        assert {p.code for p in problems_of(tmp_path, VALID, word)} == {"control-character"}
    for mapping in ({"name": "\ud800"}, {"\ud800": 1}):
        with pytest.raises(ConfigError) as caught:
            from_mapping(mapping)
        assert [p.code for p in caught.value.problems] == ["control-character"]
    monkeypatch.setitem(os.environ, "DLKIT_TEST", "\udcff")
    (problem,) = problems_of(tmp_path, VALID.replace("name: mine", "name: '${env:DLKIT_TEST}'"))
    assert (problem.code, problem.key) == ("bad-reference", ("name",))


NASTY = [
    "", "{}", "[]", "null", "3", "-1", "1e400", ".nan", "'x'", '"\\0"', '"\\ud800"', '"\\U00110000"', "${name}",
    "$${name}", '"$${name}"', "${", "${env:NO_SUCH}", "${data.inputs}", "${training.epochs}", "*a", "&a 3", "!!int 3",
    "[[1], {a: 2}]", "{a: {b: c}}", "{kind: image}", "{name: adam}", "{rescale: 3}", "[rescale, {resize: }]",
    "image", "number", "tfds", "cnn", "adam", "rescale", "true", "010", "1_000", "a: b", "? a", "- 1", "|\n  x",
    "\t", "\x00", "\x1b", "\N{ZERO WIDTH JOINER}", "\N{RIGHT-TO-LEFT OVERRIDE}", "x" * 500,
]  # fmt: skip
WORDS = sorted({word for line in VALID.splitlines() for word in line.replace(":", " ").replace(",", " ").split()})


@st.composite
def mutated(draw) -> str:
    """A valid text with a few words exchanged, lines dropped, doubled or indented."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        number = draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        match draw(st.sampled_from(["word", "value", "drop", "double", "indent", "cut", "swap"])):
            case "word":
                old = draw(st.sampled_from(WORDS))
                lines[number] = line.replace(old, draw(st.sampled_from([*NASTY, *WORDS])), 1)
            case "value" if ":" in line:
                lines[number] = line.partition(":")[0] + ": " + draw(st.sampled_from(NASTY))
            case "drop":
                del lines[number]
            case "double":
                lines.insert(number, line)
            case "indent":
                lines[number] = " " * draw(st.integers(0, 8)) + line.lstrip()
            case "cut":
                lines[number] = line[: draw(st.integers(0, len(line)))]
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[number], lines[other] = lines[other], line
        text = "\n".join(lines) or "\n"
    return text


OVERRIDES = st.lists(
    st.builds(
        lambda key, value: f"{key}={value}",
        st.sampled_from(
            ["name", "training.epochs", "training.optimizer.beta_1", "training.metrics.0.k", "model.blocks.0.filters",
             "data.inputs.image.preprocess.0", "data.targets.label.loss", "data.targets", "a.b", "0", "training.loss.x",
             "training.limit_batches.train", "runtime", "data.inputs.image.augment.1.random_flip.mode", "model.builder"]
        ),
        st.sampled_from(NASTY),
    ),
    max_size=2,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(mutated(), OVERRIDES)
def test_a_mutated_configuration_loads_or_says_what_is_wrong(tmp_path_factory, text, overrides):
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        loaded = load(path, overrides)
    except ConfigError as error:
        assert error.problems
        render(error.problems).encode()
        json.dumps(to_json(error.problems), ensure_ascii=False).encode()
        assert all(p.location is not None for p in error.problems)
    else:
        again = path.with_name("again.yaml")
        again.write_text(loaded.to_yaml(), encoding="utf-8")
        # By its words: NaN is not equal to itself.
        assert load(again).config.model_dump_json() == loaded.config.model_dump_json()
        assert loaded.origins

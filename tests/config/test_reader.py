from __future__ import annotations

import math

import pytest

from dlkit.config.problems import ConfigError
from dlkit.config.reader import MAX_BYTES, read_file, read_text
from dlkit.config.scalars import is_plain_text, read_scalar
from dlkit.schema.loader import load


def problem_of(function, *args):
    with pytest.raises(ConfigError) as caught:
        function(*args)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-3", 0.001), ("1E5", 1e5), ("-.5", -0.5), ("3.", 3.0), (".inf", math.inf), ("3", 3), ("-0", 0),
        ("0x1F", 31),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("true", True), ("False", False), ("null", None),
        ("~", None), ("", None), ("12:30:00", "12:30:00"), ("2024-01-01", "2024-01-01"), ("1/255", "1/255"),
        ("1_000", "1_000"), ("0o7", "0o7"), ("train[:90%]", "train[:90%]"), ("NO", "NO"), ("None", "None"),
    ],
)  # fmt: skip
def test_words_mean_what_they_look_like(word, value):
    read = read_text(f"a: {word}\n", "f").data["a"]
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["1e-3", "010", "no way", "true", "null", "", "3", ".inf", "9" * 400])
def test_quoted_words_are_text(text):
    assert read_text(f"a: '{text}'\nb: \"{text}\"", "f").data == {"a": text, "b": text}


def test_a_word_is_plain_exactly_when_it_reads_back_as_itself():
    assert is_plain_text("no") and is_plain_text("12:30:00")
    assert not any(map(is_plain_text, ["1e-3", "010", "true", "", "3"]))
    assert math.isnan(read_scalar(".nan"))


def test_every_key_and_value_has_its_place():
    places = read_text("a:\n  b: [1, {c: xy}]\n", "f.yaml").places
    assert (places["a", "b", 1, "c"].key.line, places["a", "b", 1, "c"].key.column) == (2, 11)
    value = places["a", "b", 1, "c"].value
    assert (value.source, value.line, value.column, value.length) == ("f.yaml", 2, 14, 2)
    assert value.excerpt == "  b: [1, {c: xy}]"
    assert places["a", "b", 0].key is None
    assert set(places) == {(), ("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("a", "b", 1, "c")}


def test_aliases_repeat_values_within_bounds():
    assert read_text("a: &x {b: 1}\nc: *x\n", "f").data == {"a": {"b": 1}, "c": {"b": 1}}
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
    )
    assert problem_of(read_text, bomb, "f").code == "alias-bomb"
    deep = "a0: &a0 [[[[[[[[[[1]]]]]]]]]]\n" + "".join(f"a{i}: &a{i} [[[[*a{i - 1}]]]]\n" for i in range(1, 40))
    assert problem_of(read_text, deep, "f").code == "too-deep"


def test_both_places_of_a_duplicate_key_are_named():
    problem = problem_of(read_text, "a: 1\nb: {c: 1, c: 2}\n", "f")
    assert problem.key == ("b", "c")
    assert (problem.location.line, problem.location.column) == (2, 11)
    assert "line 2, column 5" in problem.label


def test_several_mistakes_of_one_text_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        read_text("a: 1\na: 2\n3: 4\nb: !!set {}\nc: 010\n", "f")
    assert [p.code for p in caught.value.problems] == ["duplicate-key", "non-string-key", "yaml-tag", "unclear-number"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"\x89PNG\0\0", "binary-file"), ("name: x".encode("utf-16"), "binary-file"), (b"name: caf\xe9\n", "not-utf8"),
     (b"#" * (MAX_BYTES + 1), "file-too-large"), (b"", "empty-file")],
)  # fmt: skip
def test_a_file_that_is_no_configuration_has_its_own_code(tmp_path, content, code):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    assert problem_of(read_file, path).code == code


def test_the_byte_that_is_not_utf8_is_pointed_at(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes("a: 1\nname: é".encode() + b"\xe9\n")
    place = problem_of(read_file, path).location
    assert (place.line, place.column) == (2, 8)


def test_a_flood_of_mistakes_ends_at_the_hundredth(tmp_path):
    unknown = "".join(f"k{i}: 1\n" for i in range(3000))
    dangling = "".join(f"k{i}: ${{k}}\n" for i in range(3000))
    for text in ("a: 1\n" * 3000, unknown, dangling):
        path = tmp_path / "c.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert 50 < len(caught.value.problems) <= 300


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\r\nseed: 3\r\n")
    document = read_file(path)
    assert document.data == {"name": "x", "seed": 3}
    assert document.places["name",].key.column == 1


def test_a_missing_file_names_the_nearest_one(tmp_path):
    (tmp_path / "mnist_cnn.yaml").write_text("name: x")
    assert "mnist_cnn.yaml" in problem_of(read_file, tmp_path / "mnist_cn.yaml").help
    assert "mnist_cnn.yaml" in problem_of(read_file, tmp_path / "mnist_cnn").help
    assert problem_of(read_file, tmp_path / "no" / "x.yaml").code == "file-not-found"
    assert problem_of(read_file, "a\0b").code == "unreadable-file"


def test_a_folder_names_the_files_in_it(tmp_path):
    (tmp_path / "a.yaml").write_text("name: x")
    problem = problem_of(read_file, tmp_path)
    assert problem.code == "is-a-folder" and "a.yaml" in problem.help

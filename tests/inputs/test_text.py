"""Texts: what a word is in any language, what is cut, empty or unknown, and that a saved model does it all alike."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.config.problems import RunError
from dlkit.data.load import load_splits
from dlkit.inputs import _characters as characters
from dlkit.inputs import _terms
from dlkit.inputs._tokens import Rules, Tokenizer, Words
from dlkit.inputs.text import TextInput
from dlkit.models.build import build
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from tests import processes

CHINESE = ["这部电影很好看。", "太糟糕了！我不喜欢。", "好电影, good!", "不好看"]
ALPHABET = "abAB éÉe\u0301ß'’-.“”—…。！<>/ 漢字가한ｶﾞﬁ№😀👍🏽\u200d\ufe0f½٣\t\n\x00İΣς"
TEXT = st.text(st.one_of(st.sampled_from(ALPHABET), st.characters(exclude_categories=["Cs"])), max_size=40)


def opened(texts: list[str], test: list[str] | None = None, builder: str = "mlp", **stated: Any) -> Any:
    """A configuration and its splits, the labels by turns."""
    inputs = {"x": {"kind": "text", "min_count": 1, **stated}}
    data = {"inputs": inputs, "targets": {"y": {"kind": "binary"}}}
    config = from_mapping({"name": "t", "data": data, "model": {"builder": builder}}, needs_source=False).config
    given = {"train": (np.array(texts, object), np.arange(len(texts)) % 2)}
    if test is not None:
        given["test"] = (np.array(test, object), np.arange(len(test)) % 2)
    return config, load_splits(config.data, given=given)


def vocabulary(texts: list[str], **stated: Any) -> list[str]:
    """The terms that are learned of texts, sorted."""
    return sorted(opened(texts, **stated)[1].spec.inputs["x"].state["vocabulary"])


def notes(texts: list[str], test: list[str] | None = None, **stated: Any) -> str:
    return "\n".join(opened(texts, test, **stated)[1].notes)


def expected_words(text: str, *, by_character: bool = False) -> list[str]:
    """Words as a person would take them apart by the rules, one character after the other."""
    found: list[str] = []
    joins = False  # whether a letter that follows is of the last word
    open_word = False  # whether a mark that follows is
    dropped = 0
    for character in text:
        kind = characters.kind_of(character)
        if kind == characters.DROPPED:
            dropped += 1
            if dropped > 2:
                joins = open_word = False
            continue
        dropped = 0
        if kind == characters.SEPARATOR:
            joins = open_word = False
            continue
        letters = character
        if kind != characters.ALONE:
            letters = characters.stands_for(character, lowercase=True)
        if open_word and (kind == characters.MARK or (kind == characters.LETTER and joins)):
            found[-1] += letters
        else:
            found.append(letters)
        open_word = True
        joins = kind != characters.ALONE and not by_character
    return found


@cache
def known(by_character: bool) -> Words:
    letters = characters.letters_of(ALPHABET, lowercase=True)
    return Words(Rules(letters, by_character=by_character))


@settings(deadline=None)
@given(st.text(st.sampled_from(ALPHABET), max_size=40), st.booleans())
def test_words_end_where_the_rules_say(text: str, by_character: bool) -> None:
    words = known(by_character)
    expected = expected_words(text.rstrip("\0"), by_character=by_character)
    numbers, there = words.numbers(np, words.of_codes(np.array([text, "a" * 50])), 60)
    found = numbers[0][there[0]].tolist()
    inside = list(characters.signed(map(characters.number_of, expected)))
    # NUL stands for nothing in the table: it is an unknown word, or part of one with the marks that follow it.
    unknown = set(characters.signed([characters.unknown_part() * characters.INVERSE % 2**64]))
    if "\0" not in text.rstrip("\0"):
        assert found == inside
    else:
        assert unknown & set(found) or not set(found) <= set(inside)


TERMS = ["a", "b", "ab", "é", "e", "漢", "漢字", "字", "fi", "no", "a b", "ab é", "漢 字", "😀", "a b ab"]


@cache
def tokenizers() -> tuple[Tokenizer, Any]:
    """With NumPy, and the same in a model that was saved and opened again."""
    letters = characters.letters_of(ALPHABET, lowercase=True)
    made = Tokenizer("x", Words(Rules(letters, html=True)), TERMS, 6, 3, 30)
    raw = keras.Input((), dtype="string")
    return made, keras.Model(raw, made(raw))


@cache
def in_graph() -> Any:
    """The model as one graph for any number of texts, traced once."""
    return tf.function(tokenizers()[1], input_signature=[tf.TensorSpec((None,), tf.string)])


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_numpy_and_keras_give_the_same_ids_for_any_text(texts: list[str]) -> None:
    made, model = tokenizers()[0], in_graph()
    array = np.array(texts)
    ids = made(array)
    assert (ids.dtype, ids.shape) == (np.int32, (len(texts), 18))
    np.testing.assert_array_equal(ids, np.asarray(model(tf.constant(array))))
    alone = np.concatenate([made(array[n : n + 1]) for n in range(len(array))])
    np.testing.assert_array_equal(ids, alone)  # the others of a batch change nothing


def test_a_model_that_plain_keras_opens_gives_the_same_ids(tmp_path: Path) -> None:
    made, model = tokenizers()
    model.save(tmp_path / "m.keras")
    texts = ["A b <br/>é!", "", "“漢字” 😀ﬁ", "e\u0301 \x00 a"]
    code = f"""
import sys, keras, tensorflow as tf
model = keras.saving.load_model({str(tmp_path / "m.keras")!r})
print(model(tf.constant({texts!r})).numpy().tolist(), "dlkit" in sys.modules)
"""
    done = processes.python(code, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{made(np.array(texts)).tolist()} False"


@given(st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=8))
def test_composed_and_decomposed_letters_are_one_word(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    if unicodedata.normalize("NFKD", composed) == "".join(unicodedata.normalize("NFKD", c) for c in composed):
        taken_apart = unicodedata.normalize("NFD", composed)
        assert expected_words(composed) == expected_words(taken_apart)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.sampled_from(["a", "b", "cd", "é", "好"]), max_size=6), min_size=1, max_size=6))
def test_terms_are_counted_as_python_counts_them(texts: list[list[str]]) -> None:
    array = np.array([" ".join(words) for words in texts])
    counted: Counter[str] = Counter()
    for words in texts:
        for width in (1, 2, 3):
            counted.update(" ".join(words[n : n + width]) for n in range(len(words) - width + 1))
    rules, _ = _terms.rules_for(array, lowercase=True, split="word")
    terms, counts, different = _terms.most_frequent(
        array, _terms.words_by(rules), length=6, ngrams=3, least=1, most=1000
    )
    assert dict(zip(terms, counts, strict=True)) == dict(counted)
    assert different == len(counted)
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("film!<br />It's", "film its"),
        ("“great”, not—bad…", "bad great not"),
        ("good！很好。", "good 很好"),
        ("well-made; (really)", "made really well"),
        ("a &lt; b<b>c</b>d", "a b c d lt"),
        ("i <3 you", "3 i you"),
        ("x <y unclosed", "unclosed x y"),
        ("ＡＢＣ ﬁlm №5", "abc film № 5"),
        ("don’t ‘stop’", "dont stop"),
        ("great😀", "great 😀"),
    ],
)
def test_punctuation_and_tags_part_words(text: str, words: str) -> None:
    assert vocabulary([text, "<i></i>"], split="word") == sorted(words.split())


def test_capitals_count_where_that_is_asked_for() -> None:
    assert vocabulary(["Good good GOOD"]) == ["good"]
    assert vocabulary(["Good good GOOD"], lowercase=False) == ["GOOD", "Good", "good"]


def test_chinese_is_taken_by_character_and_that_is_said() -> None:
    assert {"这", "部", "电"} <= set(vocabulary(CHINESE))
    assert "every character is a token (`split: auto`)" in notes(CHINESE)
    assert "电 影" in vocabulary(CHINESE, ngrams=2)


def test_a_little_chinese_among_other_words_changes_nothing() -> None:
    texts = ["a long text about the film 好看"] * 3
    assert "好看" in vocabulary(texts)
    assert "character" not in notes(texts)


def test_texts_that_are_hardly_taken_apart_are_said() -> None:
    assert "have 1.5 words on average" in notes(["这部电影很好看。", "太糟糕了！我不喜欢。"], split="word")
    assert "on average" not in notes(["a good film", "a bad film"])


def test_texts_that_are_cut_are_counted_in_every_split() -> None:
    found = notes(["a b c d e", "a b", "a"], ["a b c d", "a"], length=3)
    assert "train: 1 of 3 texts of `x` (33.3%) are longer than 3 words: their ends are cut off" in found
    assert "test: 1 of 2 texts" in found
    assert "cut off" not in notes(["a b c d e", "a b"])


def test_long_texts_are_cut_where_most_end() -> None:
    texts = ["a b c"] * 39 + ["word " * 5000]
    _, splits = opened(texts)
    assert splits.spec.inputs["x"].state["length"] == 128
    assert "train: 1 of 40 texts" in "\n".join(splits.notes)


def test_empty_texts_are_counted_or_refused_by_row() -> None:
    assert "train: 2 of 3 texts of `x` have no word, such as row 1 of `train`" in notes(["a b", "", "!?"])
    with pytest.raises(RunError) as refused:
        opened(["a b", "c d", "..."], empty="refuse")
    (problem,) = refused.value.problems
    assert problem.code == "empty-text" and "row 2" in problem.message
    assert problem.key == ("data", "inputs", "x", "empty")


@pytest.mark.parametrize("builder", ["mlp", "rnn"])
def test_an_empty_text_gives_no_nan_and_padding_changes_nothing(builder: str) -> None:
    results = []
    for length in (3, 9):
        config, splits = opened(["a good film", "bad"], builder=builder, length=length)
        keras.utils.set_random_seed(1)
        model = build(config, splits.spec).model
        results.append(model(tf.constant(["", "good", "a bad film", "mad dog"])).numpy())
        assert np.isfinite(results[-1]).all()
    np.testing.assert_allclose(*results, atol=1e-6)


def test_unknown_words_have_an_id_and_unknown_pairs_none() -> None:
    made = Tokenizer("x", Words(Rules("abc")), ["a", "b", "a b"], 4, 2, 99)
    assert made(np.array(["a b c a"])).tolist() == [[2, 3, 1, 2, 4, 0, 0, 0]]


def test_rare_words_are_unknown_and_that_all_are_is_refused() -> None:
    assert vocabulary(["a b", "a c"], min_count=2) == ["a"]
    assert vocabulary(["a a a b b c"], max_tokens=2) == ["a", "b"]
    with pytest.raises(RunError, match="no token occurs 3 times") as refused:
        opened(["a b", "a c"], min_count=3)
    assert refused.value.problems[0].key == ("data", "inputs", "x", "min_count")


def test_half_a_character_is_named_by_its_row() -> None:
    with pytest.raises(RunError, match="row 1 of `train` holds half a character"):
        opened(["a", "b\ud800"])


def test_a_column_of_other_things_is_refused() -> None:
    with pytest.raises(Exception, match="not text"):
        config = opened(["a"])[0]
        load_splits(config.data, given={"train": (np.arange(3), np.arange(3) % 2)})


@pytest.mark.parametrize("changed", [{"vocabulary": []}, {"vocabulary": ["a", "a"]}, {"counts": [1]}, {"length": 0},
                                     {"letters": 3}, {"more": 1}])  # fmt: skip
def test_a_state_that_fit_cannot_have_given_is_refused(changed: dict[str, Any]) -> None:
    bound = opened(["a b", "b c"])[1].spec.inputs["x"]
    state = {**bound.state, "steps": []}
    bound.settings.check_state(state, bound.feature)
    with pytest.raises(ValueError):
        bound.settings.check_state({**state, **changed}, bound.feature)


def test_a_stream_gives_what_arrays_give() -> None:
    example = TextInput(kind="text").example(tf.constant(["a b"]), Feature("x", "text", (), "string"))
    assert example.shape == () and example.numpy() == b"a b"


@pytest.mark.parametrize("html", [False, True])
def test_texts_in_one_row_have_the_words_that_the_layers_of_the_saved_model_find(html: bool):
    random, letters = np.random.default_rng(0), list("aAbé'’ .<>/b!😀日本\u0301x\0")
    words = Words(Rules(characters.letters_of(letters, lowercase=True), html=html))
    for _ in range(40):
        several = random.integers(1, 9)
        texts = np.array(["".join(random.choice(letters, random.integers(0, 14))) for _ in range(several)], str)
        length, x = int(random.integers(1, 6)), words.of_codes(texts)
        numbers, there = words.numbers(np, x, length)
        expected, expected_there = map(np.asarray, words.numbers(keras.ops, tf.constant(x), length))
        assert there.tolist() == expected_there.tolist()
        assert numbers[there].tolist() == expected[there].tolist()

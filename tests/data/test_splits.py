"""Slices mean what they mean in TensorFlow Datasets, and what cannot be meant is said."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.config.problems import ConfigError
from dlkit.data.splits import overlap, pieces, total
from dlkit.schema.source import Piece

KEY = ("data", "splits", "validation")
SIZES = {"train": 60_000, "test": 10_000, "extra": 7}

wholes = st.integers(-1200, 1200).map(str)
percents = st.one_of(st.integers(-101, 101), st.floats(-101, 101).map(lambda x: round(x, 2))).map(lambda x: f"{x}%")


@st.composite
def parts(draw):
    name = draw(st.sampled_from(["train", "test", "extra"]))
    bounds = draw(st.sampled_from([wholes, percents]))
    start, stop = draw(st.one_of(bounds, st.just(""))), draw(st.one_of(bounds, st.just("")))
    return draw(st.sampled_from([name, f"{name}[{start}:{stop}]"]))


slices = st.lists(parts(), min_size=1, max_size=3).flatmap(
    lambda ps: st.sampled_from(["+", " + ", " +"]).map(lambda sep: sep.join(ps))
)


def with_tfds(text, sizes):
    """The (split, start, stop) that TensorFlow Datasets makes of it; None where it makes an error or no examples."""
    from tensorflow_datasets.core.splits import AbstractSplit

    infos = {name: SimpleNamespace(num_examples=size) for name, size in sizes.items()}
    try:
        read = AbstractSplit.from_spec(text).to_absolute(infos)
    except Exception:
        return None
    found = [(r.splitname, r.from_ or 0, infos[r.splitname].num_examples if r.to is None else r.to) for r in read]
    return found if all(start < stop for _, start, stop in found) else None


@settings(max_examples=300)
@given(slices, st.integers(0, 1000), st.integers(1, 1000), st.integers(1, 100_000))
def test_slices_are_those_of_tfds(text, train, test, extra):
    sizes = {"train": train, "test": test, "extra": extra}
    expected = with_tfds(text, sizes)
    if text in sizes and sizes[text] == 0:
        expected = None
    try:
        found = [(p.split, p.start, p.stop) for p in pieces(text, sizes)]
    except ConfigError:
        found = None
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train", [Piece("train", 0, 60_000)]),
        ("train[:90%]", [Piece("train", 0, 54_000)]),
        ("train[90%:]", [Piece("train", 54_000, 60_000)]),
        ("train[-500:]", [Piece("train", 59_500, 60_000)]),
        ("train[10%:20%]+extra", [Piece("train", 6000, 12_000), Piece("extra", 0, 7)]),
        ("extra[:50%]", [Piece("extra", 0, 4)]),  # 3.5 rounds to the even number, as in Python
        ("train[ 5 : 7 ]", [Piece("train", 5, 7)]),
    ],
)
def test_pieces(text, expected):
    assert list(pieces(text, SIZES)) == expected


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("train[", "bad-slice", "`train[` is not a slice"),
        ("train[90%:", "bad-slice", "`train[90%:` is not closed; write `train[90%:]`"),
        ("train[:10%]+extra[:5", "bad-slice", "write `extra[:5]`"),
        ("", "bad-slice", "not a slice"),
        ("train+", "bad-slice", "not a slice"),
        ("train[:]", "bad-slice", "neither start nor end"),
        ("train[5]", "bad-slice", "not a slice"),
        ("train[:ten]", "bad-slice", "`ten`"),
        ("train[:1.5]", "bad-slice", "`1.5`"),
        ("train[13:50%]", "bad-slice", "mixes a percentage"),
        ("trian", "unknown-split", "did you mean `train`? it has `extra`, `test`, `train`"),
        ("val", "unknown-split", "no split `val`"),
        ("train[:60001]", "slice-out-of-range", "60,000 examples"),
        ("train[-60001:]", "slice-out-of-range", "60,000 examples"),
        ("train[:101%]", "slice-out-of-range", "100 %"),
        ("extra[:1%]", "empty-split", "no examples"),
        ("train[5:5]", "empty-split", "no examples"),
        ("train[7:5]", "empty-split", "no examples"),
    ],
)
def test_a_wrong_slice_is_explained(text, code, says):
    with pytest.raises(ConfigError) as caught:
        pieces(text, SIZES, KEY)
    (problem,) = caught.value.problems
    assert (problem.code, problem.key) == (code, KEY)
    assert says in str(caught.value)


def test_a_split_of_unknown_size_is_read_whole_or_not_at_all():
    assert pieces("train", {"train": None}) == (Piece("train", 0, None),)
    with pytest.raises(ConfigError, match="number of examples of `train` is unknown"):
        pieces("train[:90%]", {"train": None})


@given(slices, slices)
def test_overlap_counts_the_shared_examples(one, two):
    try:
        first, second = pieces(one, SIZES), pieces(two, SIZES)
    except ConfigError:
        return
    rows = {(p.split, i) for p in first for i in range(p.start, p.stop)}
    shared = [(p.split, i) for p in second for i in range(p.start, p.stop) if (p.split, i) in rows]
    assert (overlap(first, second) == 0) == (not shared)
    if len(first) == 1:
        assert overlap(first, second) == len(shared)


def test_total():
    assert total(pieces("train[:10%]+extra", SIZES)) == 6007
    assert total([Piece("train", 0, None), Piece("test", 0, 5)]) is None

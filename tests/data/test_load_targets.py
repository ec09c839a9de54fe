"""From a configuration to checked labels: what fits, what is refused, and in which words."""

import numpy as np
import pytest

from dlkit.config.problems import ConfigError, RunError
from dlkit.data.load import load_spec
from dlkit.schema.data import Data
from tests.data.loading import LABELS, MNIST, X, load, problem_of, set_at, settings


class TestCategories:
    def test_classes_come_from_the_training_labels(self):
        splits = load(X, LABELS, test=(X[:1], LABELS[:1]))
        assert splits.spec.targets["y"].classes == ("0", "1", "2")
        problem = problem_of(RunError, X, LABELS, test=(X, set_at(LABELS, 4, 3)))
        assert problem.code == "label-out-of-range"
        assert "row 4 of `test` has the label 3, outside 0..2" in problem.message

    def test_labels_outside_the_stated_classes(self):
        problem = problem_of(RunError, X, set_at(LABELS, [7, 9], 8), settings(y={"classes": 5}))
        assert (problem.code, problem.key) == ("label-out-of-range", ("data", "targets", "y", "classes"))
        assert "row 7 of `train` has the label 8, outside 0..4 (2 such rows)" in problem.message
        problem = problem_of(RunError, X, LABELS + 1, settings(y={"classes": ["a", "b", "c"]}))
        assert "subtract 1" in problem.help

    def test_negative_labels_are_classes_unless_classes_are_stated(self):
        problem = problem_of(RunError, X, LABELS - 1, settings(y={"classes": 3}))
        assert problem.code == "label-out-of-range"
        assert "label -1" in problem.message
        assert load(X, LABELS - 1).spec.targets["y"].classes == ("-1", "0", "1")

    @pytest.mark.parametrize(
        "labels",
        [
            LABELS.astype(np.float64),
            LABELS.astype(np.uint8),
            LABELS[:, None],
            np.eye(3)[LABELS],
            np.eye(3, dtype=int)[LABELS],
        ],
    )
    def test_labels_become_int32(self, labels):
        splits = load(X, labels)
        (column,) = splits.train.arrays.targets.values()
        assert (column.dtype, column.shape) == (np.int32, (30,))
        assert (column == LABELS).all()
        assert splits.spec.targets["y"].classes == ("0", "1", "2")
        assert any("one-hot" in note for note in splits.notes) == (labels.shape == (30, 3))

    def test_columns_that_are_not_one_hot(self):
        problem = problem_of(RunError, X, set_at(np.eye(3)[LABELS], 6, [0.5, 0.5, 0]))
        assert problem.code == "target-shape"
        assert "row 6 of `train`" in problem.message

    def test_fractions_are_no_classes(self):
        problem = problem_of(RunError, X, set_at(LABELS.astype(float), 2, 0.5))
        assert problem.code == "labels-not-integers"
        assert "row 2 of `train` is 0.5" in problem.message
        assert problem_of(RunError, X, set_at(LABELS.astype(float), 2, np.nan)).code == "not-finite"

    @pytest.mark.parametrize("kind", ["category", "binary"])
    @pytest.mark.parametrize("split", ["train", "test"])
    def test_a_row_without_a_label_is_named(self, kind, split):
        names = np.array(["dog", "ant"])[LABELS % 2]
        found = {"train": names, split: set_at(names, [4, 6], "")}
        with pytest.raises(RunError) as caught:
            load(X, found["train"], settings(y={"kind": kind}), test=(X, found.get("test", names)))
        problem = caught.value.problems[0]
        assert (problem.code, problem.key) == ("missing-label", ("data", "targets", "y"))
        assert f"row 4 of `{split}` has no label (2 such rows)" in problem.message
        assert "`data.clean: {drop: [missing]}`" in problem.help
        cleaned = settings(y={"kind": kind}, clean={"drop": ["missing"]})
        assert load(X, found["train"], cleaned, test=(X, found.get("test", names))).spec.targets["y"].classes == (
            "ant",
            "dog",
        )

    def test_labels_that_differ_in_spaces_or_capitals_alone_are_said(self):
        problem = problem_of(RunError, X, np.array(["no", "yes", " yes"])[LABELS], settings(y={"kind": "binary"}))
        assert "have 3 values (` yes`, `no`, `yes`), not two" in problem.message
        assert "` yes`, `yes`, which differ in capitals or spaces alone" in problem.help
        (note,) = load(X, np.array(["dog", "Dog", "cat"])[LABELS]).notes
        assert "`y` has `Dog`, `dog`, which differ in capitals or spaces alone" in note

    @pytest.mark.parametrize("dtype", ["U", "S", "O"])
    def test_text_labels_are_classes_in_the_order_of_the_alphabet(self, dtype):
        names = np.array(["dog", "ant", "cat"])[LABELS].astype(dtype)
        splits = load(X, names)
        target = splits.spec.targets["y"]
        assert target.classes == ("ant", "cat", "dog")
        assert [target.classes[n] for n in splits.train.arrays.targets["y"]] == names.astype(str).tolist()
        assert target.state["counts"] == [10, 10, 10]

    def test_a_label_that_no_training_row_has_is_named_with_the_nearest(self):
        names = np.array(["dog", "ant", "cat"])[LABELS]
        with pytest.raises(RunError) as caught:
            load(X, names, test=(X, set_at(names, 4, "dig")))
        (problem,) = caught.value.problems
        assert (problem.code, problem.key) == ("unknown-label", ("data", "targets", "y"))
        assert "row 4 of `test` has the label `dig`, which no training row has" in problem.message
        assert "did you mean `dog`?" in problem.help

    def test_text_and_numbers_in_one_column_are_reported_apart_by_their_row(self):
        mixed = np.array([*["dog", "cat"] * 14, 3, "cat"], dtype=object)
        problem = problem_of(RunError, X, mixed)
        assert problem.code == "mixed-types"
        assert "row 28 of `train` holds 3 (int) among text" in problem.message

    def test_labels_may_start_anywhere_and_leave_gaps(self):
        splits = load(X, LABELS * 1000 + 5)
        assert splits.spec.targets["y"].classes == ("5", "1005", "2005")
        assert splits.train.arrays.targets["y"].tolist() == LABELS.tolist()

    def test_labels_that_are_no_classes(self):
        assert problem_of(RunError, X, LABELS * 0).code == "too-few-classes"
        many = np.arange(3000)
        assert problem_of(RunError, np.resize(X, (3000, 4)), many).code == "classes-unknown"

    def test_classes_that_contradict_the_source(self):
        def mnist(classes):
            targets = {"label": {"kind": "category", "classes": classes}}
            return load_spec(Data.model_validate(MNIST | {"targets": targets}))

        for wrong in (7, list("012"), list("9876543210")):
            with pytest.raises(ConfigError) as caught:
                mnist(wrong)
            (problem,) = caught.value.problems
            assert (problem.code, problem.key) == ("classes-contradict", ("data", "targets", "label", "classes"))
        words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
        assert mnist(words).targets["label"].classes == tuple(words)
        assert mnist(10).targets["label"].classes == tuple("0123456789")


class TestOtherTargets:
    @pytest.mark.parametrize("labels", [LABELS % 2, LABELS % 2 == 1, (LABELS % 2).astype(float)[:, None]])
    def test_binary_is_0_and_1(self, labels):
        (column,) = load(X, labels, settings(y={"kind": "binary"})).train.arrays.targets.values()
        assert column.dtype == np.int32
        assert (column == LABELS % 2).all()

    @pytest.mark.parametrize(("no", "yes"), [("no", "yes"), ("nein", "ja"), ("Non", "Oui"), ("否", "是")])
    def test_words_for_yes_are_known_in_several_languages(self, no, yes):
        loaded = load(X, np.array([no, yes])[LABELS % 2], settings(y={"kind": "binary"}))
        assert loaded.spec.targets["y"].classes == (no, yes)

    def test_other_values_are_not_binary(self):
        problem = problem_of(RunError, X, LABELS, settings(y={"kind": "binary"}))
        assert problem.code == "label-out-of-range"
        assert "row 2 of `train` has the label 2, outside 0..1" in problem.message
        mnist = Data.model_validate(MNIST | {"targets": {"label": {"kind": "binary"}}})
        with pytest.raises(ConfigError, match="10 classes"):
            load_spec(mnist)

    @pytest.mark.parametrize(("shape", "expected"), [((30,), ()), ((30, 1), ()), ((30, 4), (4,))])
    def test_numbers_are_one_or_a_vector(self, shape, expected):
        y = np.resize(X, shape)
        splits = load(X, y, settings(y={"kind": "number"}))
        assert splits.spec.targets["y"].shape == expected
        assert splits.train.arrays.targets["y"].shape == (30, *expected)

    def test_other_numbers_are_refused(self):
        number = settings(y={"kind": "number"})
        assert problem_of(ConfigError, X, X.reshape(30, 2, 2), number).code == "target-shape"
        assert problem_of(RunError, X, set_at(X[:, 0], 3, np.nan), number).code == "not-finite"


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("kind", ["number", "forecast"])
def test_numbers_whose_differences_float32_cannot_hold_are_reported(kind, normalize):
    near = np.random.default_rng(0).normal(size=(30, 2, 1) if kind == "forecast" else (30, 1))
    target = {"kind": kind, "normalize": normalize}
    notes = load(X, 1e9 + near, settings(y=target)).notes
    (note,) = [note for note in notes if "float32" in note]
    assert note.startswith("target `y`: values about 1e+09 differ by ")
    assert "subtract a constant" in note
    assert not any("float32" in note for note in load(X, 1e3 + near, settings(y=target)).notes)

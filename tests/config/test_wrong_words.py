"""Words that are none of the choices: one problem each, and proposals that fit where they stand."""

from __future__ import annotations

import pytest

from dlkit.schema.target import TARGETS
from tests.config.base import VALID, mistakes


def test_only_the_metrics_and_losses_that_fit_the_kinds_are_listed(tmp_path):
    number = VALID.replace("{kind: category}", "{kind: number}")
    for text, kind in ((VALID, "category"), (number, "number")):
        for key in ("training.metrics=[zzz]", "data.targets.label.metrics=[{name: zzz}]"):
            (problem,) = mistakes(tmp_path, text, key)
            assert set(problem.help.removeprefix("choices that fit: ").split(", ")) == TARGETS[kind].metrics_that_fit
    (problem,) = mistakes(tmp_path, number, "training.loss=zzz")
    assert "huber" in problem.help and "hinge" not in problem.help


@pytest.mark.parametrize(
    ("target", "word", "label"),
    [
        ("{kind: number}", "training.metrics=[acuracy]", ""),
        ("{kind: number}", "training.loss=cross_entropy", ""),
        ("{kind: binary}", "data.targets.label.loss=crossentropy", "did you mean `binary_crossentropy`?"),
        ("{kind: binary}, tags: {kind: multi_label, classes: [a]}", "training.metrics=[hing]", ""),
    ],
)
def test_what_is_proposed_fits_the_kind_of_every_target(tmp_path, target, word, label):
    (problem,) = mistakes(tmp_path, VALID.replace("{kind: category}", target), word)
    assert problem.label == label
    assert "hinge" not in problem.help or "tags" not in target


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("kernel_initializer=HeNormal", "unknown-choice", "did you mean `he_normal`?"),
        ("kernel_regularizer={L2: 0.1}", "unknown-choice", "did you mean `l2`?"),
        ("kernel_regularizer={l2: {lamda: 1}}", "unknown-key", "l2"),
        ("kernel_constraint=3", "malformed-step", "a constraint is its name"),
        ("kernel_initializer=[he_normal]", "malformed-step", "an initializer is its name"),
        ("kernel_regularizer={l1: 0.1, l2: 0.1}", "malformed-step", "two spaces further"),
        ("kernel_regularizer={}", "malformed-step", "a regularizer is its name"),
        ("l2=0.1", "unknown-key", "did you mean `kernel_regularizer`?"),
        ("kernel_initialiser=zeros", "unknown-key", "did you mean `kernel_initializer`?"),
    ],
)
def test_words_of_weights_are_met_with_the_right_ones(tmp_path, word, code, said):
    (problem,) = mistakes(tmp_path, VALID, f"model.{word}")
    assert problem.code == code and problem.location is not None
    assert said in f"{problem.label} {problem.help}"


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("preprocess=[{fill_missing: mdian}]", "unknown-choice", "did you mean `median`?"),
        ("preprocess=[{fill_missing: {value: mdian}}]", "unknown-choice", "did you mean `median`?"),
        ("preprocess=[{fill_missing: mdian}]", "unknown-choice", "median, most_frequent or a number"),
        ('preprocess=[{fill_missing: "3"}]', "wrong-type", "write 3"),
        ("preprocess=[{fill_missing: true}]", "wrong-type", "not one of mean"),
        ("kind=category embedding=onehot", "unknown-choice", "did you mean `one_hot`?"),
        ('kind=category embedding="7"', "wrong-type", "write 7"),
    ],
)
def test_a_word_that_may_also_be_a_number_is_one_mistake(tmp_path, setting, code, said):
    words = [f"data.inputs.x.{word}" for word in setting.split(" ", 1 if "kind" in setting else 0)]
    text = """name: a
data:
  source: {kind: npz, path: a.npz}
  inputs: {x: {kind: number}}
  targets: {y: {kind: number}}
model: {builder: mlp}
"""
    (problem,) = mistakes(tmp_path, text, *words)
    assert problem.code == code
    assert said in f"{problem.label} {problem.help}"


@pytest.mark.parametrize(
    ("model", "message", "said"),
    [
        ("builder: cnn, preset: [a]", "a list of 1 is not a choice", "choices: lenet5"),
        ("builder: cnn, preset: [lite]", "a list of 1 is not a choice", "write lite, without brackets"),
        ("builder: [mlp]", "a list of 1 is not a choice for `model.builder`", "write mlp, without brackets"),
        ("builder: null", "nothing (null) is not a choice for `model.builder`", "choices: attention"),
        ("builder: cnn, blocks: [{kind: null, filters: 3}]", "nothing (null) is not a choice", "choices: bottleneck"),
        ("builder: cnn, blocks: [{kind: [plain], filters: 3}]", "a list of 1 is not", "write plain, without brackets"),
        ("builder: linear, kind: [a]", "a list of 1 is not a choice for `model.kind`", "choices: nlinear"),
        ("builder: mlp, activation: null", "nothing (null) is not a choice", "did you mean `linear`?"),
        ("builder: mlp, activation: 3", "3 is not a choice for `model.activation`", "choices: celu"),
        ("builder: mlp, activation: {relu: 6}", "a mapping is not a choice for `model.activation`", "choices: celu"),
        ("builder: sequential, layers: null", "must be a list of layers", "it has no default"),
    ],
)
def test_what_is_no_word_at_all_is_shown_as_what_it_is(tmp_path, model, message, said):
    (problem,) = mistakes(tmp_path, VALID, f"model={{{model}}}")
    assert message in problem.message and said in f"{problem.label} {problem.help}"

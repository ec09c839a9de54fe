"""A catalogue of mistakes: for each its code, its line and column, and words that the user reads."""

from __future__ import annotations

import pytest

from tests.config.base import VALID, mistakes

# What is replaced in the valid configuration, by what; then code, the text at the caret, and part of label or help.
# The caret is given by the text that stands there, which fixes line and column.
CATALOGUE = [
    # Names of settings
    ("learning_rate: 0.001", "learningrate: 0.001", "unknown-key", "learningrate", "did you mean `learning_rate`?"),
    ("learning_rate: 0.001", "lr: 0.001", "unknown-key", "lr: ", "did you mean `learning_rate`?"),
    ("epochs: 10", "num_epochs: 10", "unknown-key", "num_epochs", "did you mean `epochs`?"),
    ("epochs: 10", "batch_size: 10", "unknown-key", "batch_size", "it belongs in `data`"),
    ("epochs: 10", "batchsize: 10", "unknown-key", "batchsize", "`batch_size` belongs in `data`"),
    ("epochs: 10", "learning_rate: 0.1", "unknown-key", "learning_rate: 0.1", "it belongs in `training.optimizer`"),
    ("epochs: 10", "lr: 0.1", "unknown-key", "lr: 0.1", "`learning_rate` belongs in `training.optimizer`"),
    ("epochs: 10", "patience: 3", "unknown-key", "patience", "it belongs in `training.early_stopping`"),
    ("validation:", "val:", "unknown-key", "val:", "did you mean `validation`?"),
    ("  optimizer:", "  optimiser:", "unknown-key", "optimiser", "did you mean `optimizer`?"),
    ("seed: 42", "sead: 42", "unknown-key", "sead", "did you mean `seed`?"),
    ("seed: 42", "epochs: 42", "unknown-key", "epochs: 42", "it belongs in `training`"),
    ("seed: 42", "zzz: 42", "unknown-key", "zzz", "settings: name, seed"),
    ("  blocks:", "  layers:", "unknown-key", "layers", "did you mean `blocks`?"),
    ("  blocks:", "  conv:", "unknown-key", "conv", "did you mean `blocks`?"),
    ("builder: cnn", "builder: cnn\n  hidden_units: [64]", "unknown-key", "hidden_units", "did you mean `dense`?"),
    ("kernel_size: 3", "kernel: 3", "unknown-key", "kernel", "did you mean `kernel_size`?"),
    ("{kind: category}", "{kind: number, preprocess: [normalize]}", "unknown-key", "preprocess",
     "did you mean `normalize`?"),
    ("filters: 64", "filtres: 64", "unknown-key", "filtres", "did you mean `filters`?"),
    ("filters: 64", "channels: 64", "unknown-key", "channels", "did you mean `filters`?"),
    ("kernel_size: 3", "kernelsize: 3", "unknown-key", "kernelsize", "did you mean `kernel_size`?"),
    ("- {filters: 64}", "- {kind: residual, filters: 64, padding: same}", "unknown-key", "padding",
     "it is a setting of `plain`"),
    ("- {filters: 64}", "- {kind: separable, filters: 64, strides: [2, 1]}", "wrong-type", "strides", ""),
    ("{kind: tfds,", "{type: tfds,", "unknown-key", "type: tfds", "did you mean `kind`?"),
    ("builder: cnn", "type: cnn", "unknown-key", "type: cnn", "did you mean `builder`?"),
    ("builder: cnn", "builder: cnn\n  units: [3]", "unknown-key", "units", "it is a setting of `rnn`"),
    ("learning_rate: 0.001", "momentum: 0.9", "unknown-key", "momentum", "of `muon`, `rmsprop` and `sgd`"),
    ("name: adam,", "name:adam,", "unknown-key", "name:adam", "a space is missing after the colon"),
    ("height_factor: 0.1", "height: 0.1", "unknown-key", "height: 0.1", "did you mean `height_factor`?"),
    ("[rescale]", "[{rescale: {scael: 2}}]", "unknown-key", "scael", "did you mean `scale`?"),
    ("schedule: cosine", "loss: {name: sparse_categorical_crossentropy, from_logits: true}", "unknown-key",
     "from_logits", "dlkit sets this itself"),
    ("schedule: cosine", "metrics: [{name: sparse_top_k_categorical_accuracy, top_k: 3}]", "unknown-key", "top_k", ""),
    ("runtime:", "hardware:", "unknown-key", "hardware", "did you mean `runtime`?"),
    # What is missing
    ("name: mine\n", "", "missing-key", "seed: 42", "needs `name`"),
    ("{kind: tfds, name: mnist}", "{kind: tfds}", "missing-key", "source:", "needs `name`"),
    ("{kind: category}", "{classes: 3}", "missing-key", "label:", "kind: binary, category,"),
    ("  builder: cnn\n", "", "missing-key", "model:", "builder: attention, "),
    ("- {filters: 64}", "- {kernel_size: 5}", "missing-key", "{kernel_size: 5}", "needs `filters`"),
    ("[rescale]", "[{resize: {width: 8}}]", "missing-key", "resize", "height: Height in pixels."),
    ("  source: {kind: tfds, name: mnist}\n", "", "missing-key", "data:", "needs `source`"),
    ("{name: adam, learning_rate: 0.001}", "{adam: {learning_rate: 0.1}}", "missing-key", "optimizer",
     "write `{name: adam, learning_rate: 0.1}`"),
    ("schedule: cosine", "metrics: [{top_k_categorical_accuracy: {k: 3}}]", "missing-key", "{top_k",
     "write `{name: top_k_categorical_accuracy, k: 3}`"),
    ("name: mine", "name: latest", "bad-format", "latest", "choose another name"),
    ("- {filters: 64}", "- {kind: resblock, filters: 64}", "unknown-choice", "resblock", "did you mean `residual`?"),
    # Types
    ("- {filters: 64}", "- 64", "wrong-type", "64", "write {filters: 64}"),
    ("epochs: 10", "epochs: '10'", "wrong-type", "'10'", "write 10, not '10'"),
    ("epochs: 10", "epochs: 10.0", "wrong-type", "10.0", "write 10"),
    ("epochs: 10", "epochs: ten", "wrong-type", "ten", "not a whole number"),
    ("epochs: 10", "epochs: [10]", "wrong-type", "epochs:", "not a whole number"),
    ("epochs: 10", "epochs:", "wrong-type", "epochs:", "remove the key"),
    ("epochs: 10", "epochs: yes", "wrong-type", "yes", "not a whole number"),
    ("0.001}", '"1e-3"}', "wrong-type", '"1e-3"', "write 1e-3, not '1e-3'"),
    ("0.001}", "1/1000}", "wrong-type", "1/1000", "write 0.001"),
    ("0.001}", "10%}", "wrong-type", "10%", "write 0.1"),
    ("0.001}", "true}", "wrong-type", "true", "not a number"),
    ("schedule: cosine", "metrics: accuracy", "wrong-type", "accuracy", "write [accuracy]"),
    ("schedule: cosine", "metrics: acuracy", "wrong-type", "acuracy", "write [accuracy]"),
    ("schedule: cosine", "early_stopping: 5", "wrong-type", "5", "write {patience: 5}"),
    ("schedule: cosine", "early_stopping: true", "wrong-type", "true", "as in `{patience: 3}`"),
    ("schedule: cosine", "checkpoints: 4", "wrong-type", "4", "write {keep: 4}"),
    ("schedule: cosine", "schedule: 3", "wrong-type", "3", "name: constant, cosine"),
    ("{kind: category}", "category", "wrong-type", "category", "write {kind: category}"),
    ("{kind: tfds, name: mnist}", "mnist", "wrong-type", "mnist", "bundled, "),
    ("- {filters: 64}", "- 64", "wrong-type", "64", "write {filters: 64}"),
    ("[rescale]", "rescale", "wrong-type", "rescale", "write [rescale]"),
    ("builder: cnn", "builder: cnn\n  dense: 64", "wrong-type", "64", "write [64]"),
    ("builder: cnn", "builder: cnn\n  dense: many", "wrong-type", "many", "not a list of whole numbers"),
    ('train: "train[:90%]"', "train: {train: }", "wrong-type", "train: {", "must be in quotes"),
    ("deterministic: true", "deterministic: yes", "wrong-type", "yes", "write true"),
    ("deterministic: true", "deterministic: 0", "wrong-type", "0", "write false"),
    ("deterministic: true", 'deterministic: "false"', "wrong-type", '"false"', "write false"),
    ("name: mine", "name: 3", "wrong-type", "3", "write '3' in quotes"),
    ("schedule: cosine", "early_stopping: true", "wrong-type", "true", "write {} to take the defaults"),
    ("schedule: cosine", "early_stopping: false", "wrong-type", "false", "remove the key"),
    ("schedule: cosine", "optimize: 1", "unknown-key", "optimize", ""),
    ("runtime: {deterministic: true}", "runtime:", "wrong-type", "runtime:", "it is empty"),
    ("kernel_size: 3", "kernel_size: a", "wrong-type", "a}", "a whole number or a list of whole numbers"),
    ("seed: 42", "seed: 1_000", "wrong-type", "1_000", "write 1000"),
    ("seed: 42", "expects: {test_accuracy: 0.9}", "wrong-type", "0.9", 'write ">= 0.9"'),
    ("{kind: category}", "{kind: category, classes: [1, b]}", "wrong-type", "1, b", "write '1' in quotes"),
    ("{label: {kind: category}}", "label", "wrong-type", "label", "not a mapping"),
    # ExecutionPlan
    ("builder: cnn", "builder: conv", "unknown-choice", "conv", "did you mean `cnn`?"),
    ("name: adam,", "name: admw,", "unknown-choice", "admw", "did you mean `adam"),
    ("{name: adam, learning_rate: 0.001}", "adm", "unknown-choice", "adm", "did you mean `adam`?"),
    ("schedule: cosine", "schedule: cosin", "unknown-choice", "cosin", "did you mean `cosine`?"),
    ("schedule: cosine", "loss: mse", "unknown-choice", "mse", "choices that fit: categorical_"),
    ("schedule: cosine", "metrics: [acc]", "unknown-choice", "acc", "did you mean `accuracy`?"),
    ("kind: image", "kind: picture", "unknown-choice", "picture", "did you mean `image`?"),
    ("[rescale]", "[rescal]", "unknown-choice", "rescal", "did you mean `rescale`?"),
    ("[rescale]", "[random_flip]", "unknown-choice", "random_flip", "it belongs in `augment`"),
    ("- random_flip", "- random_flp", "unknown-choice", "random_flp", "did you mean `random_flip`?"),
    ("- random_flip", "- rescale", "unknown-choice", "rescale", "it belongs in `preprocess`"),
    ("kernel_size: 3", "activation: ReLU", "unknown-choice", "ReLU", "did you mean `relu`?"),
    ("kernel_size: 3", "padding: full", "unknown-choice", "full", "choices: valid, same"),
    ("{kind: category}", "{kind: category, class_weight: inverse}", "unknown-choice", "inverse", "or a mapping"),
    ("{kind: category}", "{kind: category, class_weight: 2.5}", "wrong-type", "2.5", "one of balanced or a mapping"),
    ("{kind: category}", "{kind: category, class_weight: [1, 2]}", "wrong-type", "class_weight", "or a mapping"),
    ("runtime: {deterministic: true}", "runtime: {micro_batches: 0}", "out-of-bounds", "0}", "greater than 0"),
    ("runtime: {deterministic: true}", "runtime: {micro_batches: [2]}", "wrong-type", "micro_batches", "whole number"),
    ("  source: {", "  sample_weight: w\n  source: {", "unknown-key", "sample_weight", "did you mean `weights`?"),
    # Bounds and forms
    ("epochs: 10", "epochs: 0", "out-of-bounds", "0\n", "must be greater than 0"),
    ("epochs: 10", "epochs: -1", "out-of-bounds", "-1", "must be greater than 0"),
    ("0.001}", ".inf}", "out-of-bounds", ".inf", "not finite"),
    ("0.001}", "0.001, beta_1: 1}", "out-of-bounds", "1}", "must be less than 1"),
    ("kernel_size: 3", "kernel_size: [3, 3, 3]", "out-of-bounds", "kernel_size", "at most 2 items"),
    ("test: test", "test: false", "wrong-type", "false", "write `off`"),
    ("test: test", 'test: ""', "out-of-bounds", '""', "must not be empty"),
    ("name: mine", "name: my run", "bad-format", "my run", "write `my_run`"),
    ("seed: 42", "expects: {test_accuracy: high}", "bad-format", "high", '">= 0.99"'),
    # Steps
    ("[rescale]", "[{resize: 32}]", "malformed-step", "resize", "expected `resize: {setting: value}`"),
    ("[rescale]", "[3]", "malformed-step", "3]", "a step is its name"),
    ("- random_flip", "- random_flip:\n          mode: horizontal", "malformed-step", "random_flip:", "indent"),
    # Rules between settings
    ("0.001}", "0.001, clipnorm: 1.0, clipvalue: 0.5}", "contradiction", "0.5", "keep one of them"),
    (', validation: "train[90%:]"', "", "", "", ""),
    ("schedule: cosine", "monitor: val_acc", "unknown-metric", "val_acc", "did you mean `val_accuracy`?"),
    ("schedule: cosine", "schedule: {name: step, epochs: [5, 3]}", "contradiction", "3]", "must be greater than 5"),
    ("schedule: cosine", "schedule: {name: cosine, warmup_epochs: 10}", "contradiction", "10}", "less than 10"),
    ("test: test", 'test: "train[:90%]"', "contradiction", '"train[:90%]"}', "the same as `train`"),
    ("seed: 42", 'expects: {accuracy: ">= 0.9"}', "unknown-metric", '">= 0.9"', "did you mean `test_accuracy`?"),
    ("schedule: cosine", "loss: binary_crossentropy", "does-not-fit", "binary_crossentropy",
     "did you mean `categorical_crossentropy`?"),
    ("schedule: cosine", "metrics: [accuracy, mean_squared_error]", "does-not-fit", "mean_squared_error", "what fits"),
    ("{label: {kind", "{image: {kind", "contradiction", "image: {kind: category}", "another name"),
    ("[rescale]", "[{resize: {height: 8, width: 8, crop_to_aspect_ratio: true, pad_to_aspect_ratio: true}}]",
     "contradiction", "true}}", "remove one of the two"),
    ("{kind: category}", "{kind: category, classes: [a, b, a]}", "contradiction", "a]", "also item 0"),
    # YAML
    ("epochs: 10", "epochs: 010", "unclear-number", "010", "write 10 for the number"),
    ("epochs: 10", "epochs: 10\n  epochs: 5", "duplicate-key", "epochs: 5", "first written in line 20, column 3"),
    ("epochs: 10", "1: 10", "non-string-key", "1: 10", "write '1' in quotes"),
    ("epochs: 10", "<<: {epochs: 10}", "merge-key", "<<", "extends"),
    ("epochs: 10", "\tepochs: 10", "tab-character", "\tepochs", "indent with spaces"),
    ("{name: adam,", "[name: adam,", "invalid-yaml", "}\n  schedule", ""),
    ("epochs: 10", "epochs: !!python/name:os.sep 10", "yaml-tag", "!!python", "remove the tag"),
    ("epochs: 10", "epochs: *ten", "unknown-alias", "*ten", "in quotes"),
    ("epochs: 10", "epochs: ${training.epochs}", "circular-reference", "${training", ""),
    ("epochs: 10", "epochs: ${training.epoch}", "unknown-reference", "${training", ""),
    ("seed: 42", "seed: ${sead}", "unknown-reference", "${sead}", "did you mean"),
    ("epochs: 10", "epochs: ${env:DLKIT_NOT_SET}", "missing-variable", "${env", "not set"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "said"), CATALOGUE, ids=[f"{c[2]}-{c[1][:40]}" for c in CATALOGUE]
)
def test_a_mistake_is_reported_once_at_its_place_with_a_way_out(tmp_path, old, new, code, at, said):
    assert VALID.count(old) == 1
    text = VALID.replace(old, new)
    problems = mistakes(tmp_path, text)
    assert [p.code for p in problems] == ([code] if code else [])
    if not code:
        return
    (problem,) = problems
    place = problem.location
    lines = text.splitlines()
    assert place.source == str(tmp_path / "c.yaml")
    assert place.excerpt == lines[place.line - 1]
    rest = "\n".join([place.excerpt[place.column - 1 :], *lines[place.line :]])
    assert rest.startswith(at)
    changed = text.find(new) if new else -1
    if changed >= 0 and problem.code != "missing-key":
        assert place.line >= text[:changed].count("\n") + 1
    assert said in f"{problem.label}\n{problem.help}"
    assert 1 <= place.length <= max(1, len(place.excerpt))


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path):
    text = (
        VALID.replace("seed: 42", "sead: 42").replace("filters: 32", "filters: -1").replace("epochs: 10", "epochs: '3'")
    )
    problems = mistakes(tmp_path, text, "data.batchsize=3")
    assert [p.code for p in problems] == ["unknown-key", "out-of-bounds", "wrong-type", "unknown-key"]
    assert [p.location.line for p in problems] == [2, 17, 20, 1]


def test_a_misspelt_required_setting_is_not_reported_as_missing_too(tmp_path):
    text = VALID.replace("name: mine", "nmae: mine")
    assert [(p.code, p.key) for p in mistakes(tmp_path, text)] == [("unknown-key", ("nmae",))]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty-file"), ("# only\n", "empty-file"), ("- a\n", "not-a-mapping"), ("name", "not-a-mapping"),
     ("name: a\n---\nname: b\n", "several-documents"),
     ("a: \x07", "control-character"), ("a: &a [*a]", "circular-alias"),
     ("a: " + "[" * 60 + "]" * 60, "too-deep"), ("[" * 5000, "too-deep"), ("{a: " * 5000, "too-deep")],
)  # fmt: skip
def test_what_is_no_configuration_at_all_has_its_own_code(tmp_path, text, code):
    (problem,) = mistakes(tmp_path, text)
    assert problem.code == code
    assert problem.location is not None


@pytest.mark.parametrize(
    ("slices", "setting", "code"),
    [("{train: train}", "early_stopping: {patience: 2}", "contradiction"),
     ("{train: train}", "monitor: val_loss", "contradiction"),
     ("{train: train, validation: train}", "monitor: loss", "contradiction")],
)  # fmt: skip
def test_what_needs_a_validation_split_says_so(tmp_path, slices, setting, code):
    text = VALID.replace('{train: "train[:90%]", validation: "train[90%:]", test: test}', slices)
    assert [p.code for p in mistakes(tmp_path, text.replace("schedule: cosine", setting))][-1:] == [code]


@pytest.mark.parametrize(("kind", "builder", "fits"), [
    ("image", "cnn", True), ("number", "cnn", False), ("sequence", "cnn", True), ("image", "rnn", True),
    ("sequence", "rnn", True), ("number", "rnn", False), ("number", "mlp", True), ("image", "mlp", True),
])  # fmt: skip
def test_a_builder_is_refused_inputs_that_it_cannot_read(tmp_path, kind, builder, fits):
    blocks = "\n  blocks: [{filters: 3}]" if builder == "cnn" else ""
    text = f"""name: a
data:
  source: {{kind: tfds, name: mnist}}
  inputs: {{x: {{kind: {kind}}}}}
  targets: {{y: {{kind: number}}}}
model:
  builder: {builder}{blocks}
"""
    assert [p.key for p in mistakes(tmp_path, text)] == ([] if fits else [("model", "builder")])


@pytest.mark.parametrize(
    ("inputs", "model", "fits"),
    [
        ("x: {kind: text, ngrams: 2}", "{builder: mlp}", True),
        ("x: {kind: text, ngrams: 2}", "{builder: rnn}", False),
        ("x: {kind: text, ngrams: 2}", "{builder: cnn}", False),
        ("x: {kind: text, ngrams: 2}, i: {kind: image}", "{builder: cnn}", True),
        ("x: {kind: text}", "{builder: rnn}", True),
    ],
)
def test_groups_of_words_are_for_networks_that_count_them(tmp_path, inputs, model, fits):
    text = f"""name: a
data:
  source: {{kind: csv, path: a.csv}}
  inputs: {{{inputs}}}
  targets: {{y: {{kind: number}}}}
model: {model}
"""
    assert [p.key for p in mistakes(tmp_path, text)] == ([] if fits else [("data", "inputs", "x", "ngrams")])


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("runtime.device=gpu", "did you mean `devices`?"),
        ("runtime.devices=cuda", "write `gpu`"),
        ("runtime.devices=tpu", "as in `gpu` or `cpu:2`"),
        ("training.gpu=true", "`devices` belongs in `runtime`"),
        ("training.device=gpu", "`devices` belongs in `runtime`"),
        ("data.splits.train=0.8", "write `train[:80%]`"),
        ("data.splits.validation=0.1", "write `10%`"),
        ("data.splits.train=60000", "write `train[:60000]`"),
        ("data.splits.test=1000", 'write `"1000"`'),
        ("training.validation_split=0.1", "`validation` belongs in `data.splits`"),
        ("data.augment=[random_flip]", "it belongs in `data.inputs.image`"),
        ("training.class_weight=balanced", "it belongs in `data.targets.label`"),
        ("runtime.precision=fp16", "did you mean `mixed_float16`?"),
        ("runtime.precision=16", "did you mean `mixed_float16`?"),
        ("runtime.precision=bf16", "did you mean `mixed_bfloat16`?"),
        ("runtime.strategy=ddp", "did you mean `mirrored`?"),
        ("training.early_stopping=true", "write {} to take the defaults"),
    ],
)
@pytest.mark.parametrize("runtime", ["runtime: {deterministic: true}\n", ""])
def test_what_people_write_first_leads_to_what_is_right(tmp_path, word, label, runtime):
    (problem,) = mistakes(tmp_path, VALID.replace("runtime: {deterministic: true}\n", runtime), word)
    assert problem.label == label


@pytest.mark.parametrize("share", ["80%", "12.5%"])
def test_what_is_proposed_for_a_share_can_be_written(tmp_path, share):
    (problem,) = mistakes(tmp_path, VALID, f"data.splits.train={share}")
    assert problem.code == "bad-slice"
    proposed = problem.help.removeprefix("write `").removesuffix("`")
    assert mistakes(tmp_path, VALID, f"data.splits={{train: '{proposed}'}}") == []

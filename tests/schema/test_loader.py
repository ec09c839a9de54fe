from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import dlkit
from dlkit.config.problems import COMMAND_LINE, IN_PYTHON, ConfigError, Problem, RunError
from dlkit.config.reader import read_text
from dlkit.schema.loader import from_mapping, load
from tests.config.base import VALID, load_text, mistakes

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_shipped_configuration_loads_and_reads_back_equal(path, tmp_path):
    loaded = load(path)
    assert load_text(tmp_path, loaded.to_yaml()).config == loaded.config
    assert load_text(tmp_path, loaded.to_yaml()).to_yaml() == loaded.to_yaml()


def test_overrides_set_values_by_the_rules_of_yaml(tmp_path):
    config = load_text(
        tmp_path, VALID, "training.epochs=3", "model.blocks.0.filters=16", "data.splits.validation=null",
        "training.optimizer.learning_rate=1e-2", "training.schedule.warmup_epochs=1", "model.dense=[8, 4]",
        "data.inputs.image.augment.1.random_flip.mode=horizontal", "runtime.compile=xla",
    ).config  # fmt: skip
    assert config.training.epochs == 3
    assert [block.filters for block in config.model.blocks] == [16, 64]
    assert config.data.splits.validation is None
    assert config.training.optimizer.learning_rate == 0.01
    assert (config.training.schedule.name, config.training.schedule.warmup_epochs) == ("cosine", 1)
    assert config.model.dense == [8, 4]
    assert config.data.inputs["image"].augment[1].arguments == {"mode": "horizontal"}
    assert config.runtime.compile == "xla"


@pytest.mark.parametrize("value", [">= 0.9", ">=0.9", "> 0.9", " >= 0.9 ", '">= 0.9"', "<= 0.9"])
def test_a_comparison_needs_no_quotes_in_an_override(tmp_path, value):
    loaded = load_text(tmp_path, VALID, f"expects.test_accuracy={value}")
    assert loaded.config.expects == {"test_accuracy": value.strip(' "')}


def test_a_setting_of_a_bare_word_or_of_a_default_can_be_overridden(tmp_path):
    bare = VALID.replace("{name: adam, learning_rate: 0.001}", "sgd")
    assert load_text(tmp_path, bare, "training.optimizer.momentum=0.9").config.training.optimizer.momentum == 0.9
    none = VALID.replace("  optimizer: {name: adam, learning_rate: 0.001}\n", "")
    optimizer = load_text(tmp_path, none, "training.optimizer.learning_rate=0.5").config.training.optimizer
    assert (optimizer.name, optimizer.learning_rate) == ("adam", 0.5)


def test_overrides_from_python_take_values_as_they_are(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(VALID)
    config = load(path, {"training.epochs": 3, "name": "010", "model.dense": (3, 4)}).config
    assert (config.training.epochs, config.name, config.model.dense) == (3, "010", [3, 4])


@pytest.mark.parametrize(
    ("word", "code", "column", "said"),
    [
        ("training.epochs", "missing-equals", 1, "training.epochs=3"), ("=3", "bad-override-key", 1, ""),
        ("training.epoch=3", "unknown-key", 10, "`epochs`"), ("trainig.epochs=3", "unknown-key", 1, "`training`"),
        ("model.blocks.2.filters=1", "index-out-of-range", 14, "expected 0 to 1"),
        ("model.blocks.x=1", "index-out-of-range", 14, "expected 0 to 1"),
        ("training.epochs.x=1", "path-through-value", 17, ""),
        ("training.epochs=-1", "out-of-bounds", 17, "greater than 0"),
        ("training.epochs='3'", "wrong-type", 17, "write 3"), ("training.epochs=[", "invalid-yaml", 18, ""),
        ("training.epochs=010", "unclear-number", 17, "write 10"), ("extends=a.yaml", "bad-override-key", 1, "file"),
        ("training.optimizer={name: adam, lr: 1}", "unknown-key", 33, "learning_rate"),
        ("data.splits.train=train[80%:", "bad-slice", 19, "write `train[80%:]`"),
        ("data.splits.train=train[:ten]", "bad-slice", 19, "neither a number nor a percentage"),
        ("training..epochs=3", "bad-override-key", 10, ""), ("training.epochs=${nope}", "unknown-reference", 17, ""),
    ],
)  # fmt: skip
def test_a_mistake_in_an_override_is_located_in_the_argument(tmp_path, word, code, column, said):
    (problem,) = mistakes(tmp_path, VALID, "seed=1", word)
    assert problem.code == code
    place = problem.location
    assert (place.source, place.line, place.column, place.excerpt) == (COMMAND_LINE, 2, column, word)
    assert said in f"{problem.message} {problem.label} {problem.help}"


def test_settings_left_over_from_another_builder_say_what_to_do(tmp_path):
    (problem,) = mistakes(tmp_path, VALID, "model.builder=mlp")
    assert (problem.code, problem.key, problem.location.line) == ("unknown-key", ("model", "blocks"), 16)
    assert "model={builder: mlp, ...}" in problem.help
    assert load_text(tmp_path, VALID, "model={builder: mlp}").config.model.builder == "mlp"
    (problem,) = mistakes(tmp_path, VALID, "training.optimizer.name=sgd", "training.optimizer.beta_1=0.8")
    assert problem.key == ("training", "optimizer", "beta_1")
    assert load_text(tmp_path, VALID, "training.optimizer.name=sgd").config.training.optimizer.learning_rate == 0.001


def test_extends_merges_mappings_and_replaces_lists(tmp_path):
    (tmp_path / "base.yaml").write_text(VALID)
    (tmp_path / "more.yaml").write_text("training: {epochs: 7}\nseed: 7\n")
    loaded = load_text(
        tmp_path, "extends: [base.yaml, more.yaml]\nname: child\nmodel: {blocks: [{filters: 8}]}\nseed: 8\n"
    )
    config = loaded.config
    assert (config.name, config.seed, config.training.epochs) == ("child", 8, 7)
    assert [block.filters for block in config.model.blocks] == [8]
    assert config.training.optimizer.learning_rate == 0.001
    assert loaded.origins["training", "epochs"] == f"{tmp_path / 'more.yaml'}:1"
    assert loaded.origins["data", "batch_size"] == "default"
    assert loaded.files == tuple(str(tmp_path / n) for n in ("c.yaml", "base.yaml", "more.yaml"))


def test_a_child_that_names_another_optimizer_starts_it_afresh(tmp_path):
    (tmp_path / "base.yaml").write_text(VALID.replace("0.001}", "0.001, beta_1: 0.8}"))
    child = load_text(tmp_path, "extends: base.yaml\ntraining: {optimizer: {name: sgd, momentum: 0.9}}\n")
    assert child.config.training.optimizer.learning_rate == 0.01
    child = load_text(tmp_path, "extends: base.yaml\ntraining: {optimizer: {learning_rate: 0.5}}\n")
    assert (child.config.training.optimizer.beta_1, child.config.training.optimizer.learning_rate) == (0.8, 0.5)


def test_a_mistake_in_an_extended_file_is_located_there(tmp_path):
    (tmp_path / "base.yaml").write_text(VALID.replace("epochs: 10", "epochs: -1"))
    (problem,) = mistakes(tmp_path, "extends: base.yaml\n")
    assert (problem.location.source, problem.location.line) == (str(tmp_path / "base.yaml"), 20)


@pytest.mark.parametrize(
    ("text", "code"),
    [("extends: nope.yaml\n", "file-not-found"), ("extends: c.yaml\n", "circular-extends"),
     ("extends: .\n", "is-a-folder"),
     ("extends: 3\n", "wrong-type"), ("extends: []\n", "wrong-type")],
)  # fmt: skip
def test_a_base_that_cannot_be_used_is_located_where_it_is_asked_for(tmp_path, text, code):
    (problem,) = mistakes(tmp_path, text)
    assert problem.code == code
    assert (problem.location.source, problem.location.line, problem.location.column) == (
        str(tmp_path / "c.yaml"),
        1,
        10,
    )


def test_a_chain_of_shared_bases_is_read_once_each(tmp_path):
    (tmp_path / "f15.yaml").write_text(VALID)
    for i in range(15):
        (tmp_path / f"f{i}.yaml").write_text(f"extends: [f{i + 1}.yaml, f{i + 1}.yaml]\n")
    assert load_text(tmp_path, "extends: f0.yaml\n").config.name == "mine"


def test_references_keep_the_type_of_a_whole_value_and_fill_in_text(tmp_path):
    text = VALID.replace("name: mine", 'name: "mine_${training.epochs}_${seed}"').replace(
        "seed: 42", "seed: ${data.batch_size}"
    )
    config = load_text(tmp_path, text.replace("targets:", "batch_size: 16\n  targets:")).config
    assert (config.name, config.seed) == ("mine_10_16", 16)


def test_the_environment_gives_values_and_stays_out_of_the_resolved_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("DLKIT_TEST_DIR", "/secret/place")
    monkeypatch.setenv("DLKIT_TEST_EPOCHS", "3")
    monkeypatch.setenv("DLKIT_TEST_NAME", "0123")
    monkeypatch.setenv("DLKIT_TEST_OPTIMIZER", "sgd")
    text = VALID.replace("name: mnist", "name: mnist, data_dir: '${env:DLKIT_TEST_DIR}/sets'")
    text = text.replace("epochs: 10", "epochs: ${env:DLKIT_TEST_EPOCHS}").replace(
        "name: mine", "name: ${env:DLKIT_TEST_NAME}"
    )
    text = text.replace("{name: adam, learning_rate: 0.001}", "${env:DLKIT_TEST_OPTIMIZER}")
    loaded = load_text(tmp_path, text.replace("seed: 42", "seed: ${env:NOPE,5}"))
    assert loaded.config.data.source.data_dir == "/secret/place/sets"
    assert (loaded.config.name, loaded.config.training.epochs, loaded.config.seed) == ("0123", 3, 5)
    assert loaded.config.training.optimizer.name == "sgd"
    assert "secret" not in loaded.to_yaml() and "0123" not in loaded.to_yaml()
    assert "${env:DLKIT_TEST_DIR}/sets" in loaded.to_yaml()
    assert load_text(tmp_path, loaded.to_yaml()).config == loaded.config


def test_a_number_from_the_environment_is_text_where_text_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setenv("DLKIT_TEST_NAME", "123")
    assert load_text(tmp_path, VALID.replace("name: mine", "name: ${env:DLKIT_TEST_NAME}")).config.name == "123"


def test_messages_do_not_show_what_the_environment_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("DLKIT_TEST_SECRET", "hunter2")
    for old, new in [("epochs: 10", "epochs: "), ("builder: cnn", "builder: "), ("name: adam", "name: ")]:
        for problem in mistakes(tmp_path, VALID.replace(old, f"{new}${{env:DLKIT_TEST_SECRET}}")):
            assert "hunter2" not in repr(problem)


def test_a_dollar_sign_can_be_written(tmp_path):
    loaded = load_text(tmp_path, VALID.replace("{kind: category}", "{kind: category, column: 'a$${b}'}"))
    assert loaded.config.data.targets["label"].column == "a${b}"
    assert load_text(tmp_path, loaded.to_yaml()).config == loaded.config


def test_references_that_go_in_circles_or_grow_end_in_a_problem(tmp_path):
    assert {p.code for p in mistakes(tmp_path, VALID.replace("seed: 42", "a: ${b}\nb: ${a}"))} >= {"circular-reference"}
    chain = "".join(f"a{i}: ${{a{i + 1}}}\n" for i in range(3000))
    assert "circular-reference" in {p.code for p in mistakes(tmp_path, VALID + chain)}
    bomb = "".join(f"a{i}: [" + ", ".join([f"'${{a{i + 1}}}'"] * 10) + "]\n" for i in range(9)) + "a9: [1]\n"
    assert "bad-reference" in {p.code for p in mistakes(tmp_path, VALID + bomb)}
    text = "".join(f"a{i}: '{f'${{a{i + 1}}}' * 10}'\n" for i in range(9)) + "a9: xxxxxxxxxx\n"
    assert "bad-reference" in {p.code for p in mistakes(tmp_path, VALID + text)}


def test_relative_paths_start_at_the_file_that_says_them(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    text = VALID.replace("{kind: tfds, name: mnist}", "{kind: npz, path: digits.npz}")
    (tmp_path / "sub" / "base.yaml").write_text(text)
    assert load(tmp_path / "sub" / "base.yaml").config.data.source.path == str(tmp_path / "sub" / "digits.npz")
    assert load_text(tmp_path, "extends: sub/base.yaml").config.data.source.path == str(tmp_path / "sub" / "digits.npz")
    monkeypatch.chdir(tmp_path)
    assert load("sub/base.yaml", ["data.source.path=x.npz"]).config.data.source.path == str(tmp_path / "x.npz")
    assert from_mapping(yaml.safe_load(text)).config.data.source.path == str(tmp_path / "digits.npz")


def test_origins_name_who_set_every_value(tmp_path):
    loaded = load_text(tmp_path, VALID, "training.epochs=3")
    origins = loaded.origins
    assert origins["training", "epochs"] == "command line, argument 1"
    assert origins["training", "optimizer", "learning_rate"] == f"{tmp_path / 'c.yaml'}:21"
    assert origins["training", "optimizer", "beta_1"] == "default"
    assert origins["training", "schedule", "name"] == f"{tmp_path / 'c.yaml'}:22"
    assert origins["data", "inputs", "image", "preprocess", 0, "rescale", "scale"] == "default"
    leaves = {key for key, _ in _leaves(loaded.resolved(), ())}
    assert set(origins) == leaves


def _leaves(value, key):
    if isinstance(value, dict | list) and value:
        for part, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(below, (*key, part))
    else:
        yield key, value


@pytest.mark.parametrize(
    ("key", "line", "column"),
    [(("training", "epochs"), 20, 11), (("training", "optimizer", "epsilon"), 21, 3),
     (("training", "monitor"), 19, 1),
     (("model", "blocks", 1, "padding"), 18, 7), (("runtime", "compile"), 23, 1),
     (("training", "schedule", "name"), 22, 13)],
)  # fmt: skip
def test_a_problem_found_later_gets_the_place_of_its_key_or_section(tmp_path, key, line, column):
    place = load_text(tmp_path, VALID).locate(Problem("x", "m", key)).location
    assert (place.line, place.column) == (line, column)


def test_locating_gives_places_to_errors_raised_within(tmp_path):
    loaded = load_text(tmp_path, VALID)
    for kind in (ConfigError, RunError):
        with pytest.raises(kind) as caught, loaded.locating():
            raise kind([Problem("x", "m", ("training", "epochs")), Problem("y", "n")])
        assert [p.location and p.location.line for p in caught.value.problems] == [20, None]
    with pytest.raises(ZeroDivisionError), loaded.locating():
        raise ZeroDivisionError


def test_a_mapping_loads_like_a_file_and_names_key_paths(tmp_path):
    mapping = read_text(VALID, "f").data
    assert from_mapping(mapping).config == load_text(tmp_path, VALID).config
    assert from_mapping(mapping, ["training.epochs=3"]).config.training.epochs == 3
    mapping["training"]["optimizer"]["learningrate"] = 0.1
    with pytest.raises(ConfigError) as caught:
        from_mapping(mapping)
    (problem,) = caught.value.problems
    assert problem.location.source == IN_PYTHON
    assert problem.location.excerpt == "training.optimizer.learningrate = 0.1"
    start = problem.location.column - 1
    assert problem.location.excerpt[start : start + problem.location.length] == "learningrate"


@pytest.mark.parametrize("mapping", [3, [], {1: 2}, {"name": object()}, {"a": {2: 3}}])
def test_what_is_no_mapping_of_plain_values_ends_in_problems(mapping):
    with pytest.raises(ConfigError):
        from_mapping(mapping)


def test_a_mapping_that_holds_itself_ends_in_a_problem():
    endless: dict = {}
    endless["a"] = endless
    with pytest.raises(ConfigError) as caught:
        from_mapping(endless)
    assert caught.value.problems[0].code == "too-deep"


def test_the_source_may_be_left_out_where_arrays_are_given(tmp_path):
    text = VALID.replace("  source: {kind: tfds, name: mnist}\n", "")
    assert load_text(tmp_path, text, needs_source=False).config.data.source is None


def test_a_run_on_arrays_asks_for_them_again(tmp_path):
    text = VALID.replace("  source: {kind: tfds, name: mnist}\n", "")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        dlkit.load_run(tmp_path).resume()
    (problem,) = refused.value.problems
    assert (problem.code, problem.location) == ("no-source", None)
    assert f"dlkit.load_run({str(tmp_path.resolve())!r}, data=...)" in problem.help

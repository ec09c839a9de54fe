"""The shipped configurations are what they should be; `make verify-configs` checks what they expect."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from dlkit.schema.loader import load

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
MNIST = ["mnist_cnn", "mnist_fast", "mnist_mlp", "mnist_quick", "mnist_rnn"]
SERIES = ["airline", "japanese_vowels"]


def test_there_is_one_for_each_builder_a_fast_and_a_quick_one() -> None:
    assert {c.stem for c in CONFIGS} >= {*MNIST, *SERIES, "movie_rating", "movie_sentiment"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_each_is_valid_bears_its_file_name_and_says_what_it_expects(path: Path) -> None:
    config = load(path).config
    assert config.name == path.stem
    assert any(name.startswith("test_") for name in config.expects)
    assert config.seed == 42


def test_mnist_cnn_is_the_network_of_the_tutorial_on_54_000_6_000_and_10_000_images() -> None:
    import dlkit
    from dlkit.data.load import load_spec

    config = load(next(c for c in CONFIGS if c.stem == "mnist_cnn")).config
    spec = load_spec(config.data)
    assert spec is not None
    assert dict(spec.sizes) == {"train": 54_000, "validation": 6_000, "test": 10_000}
    assert dlkit.build_model(config, spec).count_params() == 93_322


@pytest.fixture(scope="module")
def made_data() -> None:
    """The files that some configurations read."""
    runpy.run_path(str(CONFIGS[0].parent / "make_data.py"), run_name="__main__")


@pytest.mark.slow
@pytest.mark.usefixtures("made_data")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_check_has_nothing_to_say_of_any(path: Path) -> None:
    from dlkit.checks.examine import examine

    assert not examine(load(path)).problems


@pytest.mark.slow
@pytest.mark.usefixtures("made_data")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_each_keeps_what_it_expects(path: Path, tmp_path: Path) -> None:
    import dlkit
    from dlkit.training.outcome import holds

    run = dlkit.train(path, runs_folder=tmp_path, verbose=False)
    for name, expected in run.config.expects.items():
        assert holds(expected, run.test[name.removeprefix("test_")])

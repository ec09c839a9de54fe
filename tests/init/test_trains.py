"""What `dlkit init` writes passes `dlkit check` and trains, nothing edited, for data of every form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tensorflow_datasets.core.utils import file_utils
from typer.testing import Result

from dlkit.schema.source import SOURCES
from tests.init.data import FILES, prepared

Dlkit = Callable[..., Result]
# What is given by name, and the source that reads it.
NAMES = ["wine", "diabetes", "digits", "movie_sentiment", "japanese_vowels", "airline", "mnist"]
SHORT = [
    "training.epochs=1", "training.limit_batches=2", "training.early_stopping=null", "training.health=off",
    "runtime={compile: graph}",
]  # fmt: skip


# One of each network: those that are trained as well.
TRAINED = ["people.csv", "sales.csv", "digits_8", "texts", "walks", "diabetes"]


def works(dlkit: Dlkit, config: str, *, train: bool) -> None:
    checked = dlkit("check", config)
    assert checked.exit_code == 0, checked.output
    if train:
        trained = dlkit("train", config, *SHORT)
        assert trained.exit_code == 0, trained.output


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_for_a_path_is_checked_and_trained(dlkit: Dlkit, name: str, tmp_path: Path) -> None:
    given = FILES[name](tmp_path / name)
    (tmp_path / "configs").mkdir()
    written = dlkit("init", given.relative_to(tmp_path), "-o", "configs/made.yaml")
    assert written.exit_code == 0, written.output
    works(dlkit, "configs/made.yaml", train=name in TRAINED)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_for_a_name_is_checked_and_trained(dlkit: Dlkit, name: str) -> None:
    written = dlkit("init", name)
    assert written.exit_code == 0, written.output
    works(dlkit, f"{name}.yaml", train=name in TRAINED)


@pytest.fixture
def _sets(tmp_path: Path) -> Iterator[None]:
    """Sets that are prepared in a folder of this test."""
    prepared(tmp_path / "sets")
    file_utils.add_data_dir(str(tmp_path / "sets"))
    yield
    file_utils.clear_registered_data_dirs()


@pytest.mark.usefixtures("_sets")
def test_a_set_of_tfds_that_is_prepared_here(dlkit: Dlkit, tmp_path: Path) -> None:
    written = dlkit("init", "made_here")
    assert written.exit_code == 0, written.output
    text = (tmp_path / "made_here.yaml").read_text()
    assert "name: made_here" in text
    assert "# image: " in text and "random_flip" in text, "left and right are classes: no flip"
    works(dlkit, "made_here.yaml", train=False)


def test_every_source_that_has_data_of_its_own_is_tried(tmp_path: Path) -> None:
    """A source that is not guessed is one that needs settings of the user's: a function of theirs."""
    from dlkit.schema.source import SourceSettings

    guessing = {
        name
        for name in SOURCES.own_names
        if SOURCES[name].guess.__func__ is not SourceSettings.guess.__func__  # type: ignore[attr-defined]
    }
    assert set(SOURCES.own_names) - guessing == {"python"}

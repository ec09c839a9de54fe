"""What `dlkit init` writes passes `dlkit check` and trains, nothing edited, for data of every form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

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
    "training.baselines=off",
    "runtime={compile: graph}",
]  # fmt: skip


# A table and pictures are trained as well.
TRAINED = ["people.csv", "digits_8"]
# And so are these, of other kinds of data.
VARIATIONS = ["sales.csv", "texts", "walks", "diabetes"]
# Names whose data come in the form of others that are checked.
ALIKE = ["digits", "movie_sentiment", "japanese_vowels", "mnist"]


def cases(names: Iterable[str]) -> list[Any]:
    """Each name, and whether what is written for it is trained."""
    fast = [pytest.param(n, n in TRAINED, marks=pytest.mark.slow if n in ALIKE else ()) for n in names]
    return fast + [pytest.param(name, True, marks=pytest.mark.slow) for name in names if name in VARIATIONS]


def works(dlkit: Dlkit, config: str, *, train: bool) -> None:
    checked = dlkit("check", config)
    assert checked.exit_code == 0, checked.output
    if train:
        trained = dlkit("train", config, *SHORT)
        assert trained.exit_code == 0, trained.output


@pytest.mark.parametrize(("name", "train"), cases(FILES))
def test_what_is_written_for_a_path_is_checked_and_trained(
    dlkit: Dlkit, name: str, train: bool, tmp_path: Path
) -> None:
    given = FILES[name](tmp_path / name)
    (tmp_path / "configs").mkdir()
    written = dlkit("init", given.relative_to(tmp_path), "-o", "configs/made.yaml")
    assert written.exit_code == 0, written.output
    works(dlkit, "configs/made.yaml", train=train)


@pytest.mark.parametrize(("name", "train"), cases(NAMES))
def test_what_is_written_for_a_name_is_checked_and_trained(dlkit: Dlkit, name: str, train: bool) -> None:
    written = dlkit("init", name)
    assert written.exit_code == 0, written.output
    works(dlkit, f"{name}.yaml", train=train)


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

"""dlkit check."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from tests.cli.test_train import FIVE_MISTAKES

Dlkit = Callable[..., Result]


def test_a_good_configuration_is_one_page_and_exit_status_0(dlkit: Dlkit) -> None:
    result = dlkit("check", "small.yaml")
    assert result.exit_code == 0, result.output
    page = result.stdout
    assert "208 examples, 13 batches" in page
    assert "28 x 28 x 1 uint8" in page
    assert "10 classes: 0, 1, 2" in page
    assert "sparse_categorical_crossentropy (the default for a category)" in page
    assert page.endswith("no errors, no warnings\n")
    assert max(map(len, page.splitlines())) <= 90
    assert len(page.splitlines()) < 60


def test_warnings_leave_the_exit_status_0(dlkit: Dlkit) -> None:
    result = dlkit("check", "small.yaml", "data.batch_size=1000", "data.inputs.image.preprocess=[]")
    assert result.exit_code == 0
    assert "warning[batch-larger-than-split]" in result.stdout
    assert "warning[input-scale]" in result.stdout
    assert "command line, argument 1" in result.stdout


def test_mistakes_end_with_exit_status_2_all_at_once(dlkit: Dlkit, tmp_path: Path) -> None:
    (tmp_path / "five.yaml").write_text(FIVE_MISTAKES)
    result = dlkit("check", tmp_path / "five.yaml")
    assert result.exit_code == 2
    assert result.stderr.count("error[") == 5


def test_a_model_that_does_not_fit_the_data_is_a_mistake(dlkit: Dlkit) -> None:
    result = dlkit("check", "small.yaml", "model={builder: cnn, blocks: [{filters: 4, kernel_size: 40}]}")
    assert result.exit_code == 2
    assert "error[window-too-large]" in result.stderr


def test_json_has_the_report_and_the_warnings(dlkit: Dlkit) -> None:
    message = json.loads(dlkit("check", "small.yaml", "data.batch_size=1000", "--json").stdout)
    assert message["ok"]
    assert message["report"]["splits"]["train"]["examples"] == 208
    assert [problem["code"] for problem in message["problems"]] == ["batch-larger-than-split"]


def test_without_data(dlkit: Dlkit) -> None:
    unknown = dlkit("check", "small.yaml", "--no-data")
    assert unknown.exit_code == 2
    assert "error[spec-unknown]" in unknown.stderr
    known = dlkit("check", "small.yaml", "--no-data", "data.inputs.image.shape=[28, 28, 1]")
    assert known.exit_code == 0, known.output
    assert "28 x 28 x 1" in known.stdout


def test_the_run_that_training_begins_from_is_looked_for(dlkit: Dlkit, trained: Path, tmp_path: Path) -> None:
    runs = ["--runs", trained.parents[1]]
    gone = dlkit("check", "small.yaml", "training.init_from=smal", *runs)
    assert gone.exit_code == 2
    assert "error[no-such-run]" in gone.stderr
    assert "command line, argument 1" in gone.stderr
    found = dlkit("check", "small.yaml", "training.init_from=small", "--json", *runs)
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["report"]["training"]["initial_weights"].startswith("weights of small in dense")
    page = dlkit("check", "small.yaml", f"training.init_from={trained}").stdout
    assert "begins with" in page
    unlike = dlkit("check", "small.yaml", "training.init_from=small", "model={builder: rnn}", *runs)
    assert unlike.exit_code == 1
    assert "error[no-weights-taken]" in unlike.stderr

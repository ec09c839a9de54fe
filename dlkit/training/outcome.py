"""The end of a run: the test on its best weights, the saved model, and whether it is what was expected."""

from __future__ import annotations

import operator
import re
from typing import Any

import numpy as np

from dlkit.config.schema import Config
from dlkit.data.contract import Splits
from dlkit.data.feeding import Feeder, make_feeder
from dlkit.files import disk_errors, write_json, written_aside
from dlkit.models.build import BuiltModel
from dlkit.models.saving import save_model
from dlkit.runs import RunFolder
from dlkit.training.loop import Loop
from dlkit.training.program.evaluate import EvalProgram


def finish(
    config: Config, splits: Splits, built: BuiltModel, folder: RunFolder, loop: Loop, parts: int
) -> dict[str, Any]:
    """Test on the best weights, save the model, compare with what was expected."""
    result: dict[str, Any] = {
        "folder": str(folder.path),
        "given": config.data.source is None,
        "images": any(f.kind == "image" for f in built.spec.inputs.values()),
        "schedule": config.training.schedule.name,
        "epoch": loop.progress.best_epoch or loop.progress.epoch,
    }
    row = loop.history[result["epoch"] - 1]
    figures = {name: value for name, value in row.items() if name != "learning_rate" and value is not None}
    feeder = evaluation_feeder(splits.test, splits, config)
    if feeder is not None:
        program = EvalProgram(built, feeder, parts=parts, keep=True)
        test = program.run()
        write_json(folder.test, {"epoch": result["epoch"], "examples": feeder.size, **test})
        _save_predictions(folder, built, program)
        result["test"] = test
        figures |= {f"test_{name}": value for name, value in test.items()}
    save_model(folder.model, built)
    result["expects"] = [
        (name, rule, figures.get(name), holds(rule, figures.get(name))) for name, rule in config.expects.items()
    ]
    return result


def _save_predictions(folder: RunFolder, built: BuiltModel, program: EvalProgram) -> None:
    """Labels, and probabilities or numbers, of the test split: arrays `<target>_label`, `<target>_result`."""
    arrays = {}
    for name in built.spec.targets:
        arrays[f"{name}_label"] = np.concatenate([batch.targets[name] for batch, _ in program.kept])
        arrays[f"{name}_result"] = np.concatenate([results[name] for _, results in program.kept])
    with disk_errors(folder.predictions, sum(array.nbytes for array in arrays.values())):
        folder.predictions.parent.mkdir(exist_ok=True)
        with written_aside(folder.predictions) as aside, aside.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def evaluation_feeder(split: Any, splits: Splits, config: Config) -> Feeder | None:
    """Batches of a split that is evaluated; None where there is no such split."""
    return None if split is None else make_feeder(split, splits.spec, config.data, training=False)


COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def holds(rule: str, value: float | None) -> bool:
    """Whether a figure meets an expectation such as `>= 0.99`; one that is missing does not."""
    match = re.fullmatch(r"\s*(>=|<=|>|<)\s*(\S+)\s*", rule)
    assert match, rule
    return value is not None and COMPARE[match[1]](value, float(match[2]))

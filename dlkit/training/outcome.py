"""The end of a run: the test on its best weights, the saved model, and whether it is what was expected."""

from __future__ import annotations

import operator
import re
from typing import Any

from dlkit.data.contract import Batch, Tensors
from dlkit.files import write_json
from dlkit.models.build import BuiltModel
from dlkit.models.predictions import Predictions, RowPlaces, joined, save_arrays
from dlkit.models.saving import save_model
from dlkit.runs import RunFolder
from dlkit.schema.source import SourceSettings
from dlkit.training.going_on import train_on
from dlkit.training.loop import Loop
from dlkit.training.prepare import Prepared
from dlkit.training.program.evaluate import EvalProgram
from dlkit.training.program.execution import ExecutionPlan


def finish(prepared: Prepared, plan: ExecutionPlan, folder: RunFolder, loop: Loop) -> dict[str, Any]:
    """Test on the best weights, save the model, compare with what was expected."""
    config, built = prepared.config, prepared.built
    result: dict[str, Any] = {
        "folder": str(folder.path),
        "given": config.data.source is None,
        "example": _example_file(built, config.data.source),
        "schedule": config.training.schedule.name,
        "epoch": loop.progress.best_epoch or loop.progress.epoch,
        "train_on": train_on(config, loop.progress),
    }
    row = loop.history[result["epoch"] - 1]
    figures = {name: value for name, value in row.items() if name != "learning_rate" and value is not None}
    feeder = prepared.evaluation_feeder("test")
    if feeder is not None:
        program = EvalProgram(built, feeder, micro_batches=plan.micro_batches, keep=True)
        test = program.run()
        write_json(folder.test, {"epoch": result["epoch"], "examples": feeder.size, **test})
        save_arrays(folder.predictions, _predictions(built, program, weighted=config.data.weights is not None))
        result["test"] = test
        figures |= {f"test_{name}": value for name, value in test.items()}
    save_model(folder.model, built)
    result["expects"] = [
        (name, rule, figures.get(name), holds(rule, figures.get(name))) for name, rule in config.expects.items()
    ]
    return result


def _example_file(built: BuiltModel, source: SourceSettings | None) -> str:
    """The name of a file to predict for: a table where one was trained on, else as a kind proposes it.

    Several inputs come from one file of arrays.
    """
    if source is not None and source.table_endings:
        return f"table{source.table_endings[0]}"
    inputs = list(built.spec.inputs.values())
    return inputs[0].settings.example_file if len(inputs) == 1 else ""


def _predictions(built: BuiltModel, program: EvalProgram, *, weighted: bool) -> Predictions:
    """What the model says of the test split, as the program kept it; with weights where examples have their own."""
    targets = built.spec.targets
    kept: list[tuple[Batch, Tensors]] = program.kept
    return joined(
        Predictions(
            targets,
            batch.rows,
            RowPlaces("test", batch.rows),
            results,
            batch.targets,
            weights=batch.weights if weighted else {},
        )
        for batch, results in kept
    )


COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def holds(rule: str, value: float | None) -> bool:
    """Whether a figure meets an expectation such as `>= 0.99`; one that is missing does not."""
    match = re.fullmatch(r"\s*(>=|<=|>|<)\s*(\S+)\s*", rule)
    assert match, rule
    return value is not None and COMPARE[match[1]](value, float(match[2]))

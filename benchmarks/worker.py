"""One side of a throughput measurement, in a process of its own: `fit` or `dlkit`.

Reads lines `model batch_size examples` and answers each with the seconds of one epoch of training, compilation and
the first epoch left out.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np


def fit_seconds(model_name: str, batch_size: int, data: dict[str, np.ndarray], models: dict[Any, Any]) -> float:
    """Seconds of one epoch of the hand-written model under `fit`."""
    from handwritten import make_model

    key = (model_name, batch_size)
    if key not in models:
        models[key] = make_model(model_name)
        models[key].fit(data["x_train"], data["y_train"], batch_size=batch_size, epochs=1, verbose=0)
    began = time.perf_counter()
    models[key].fit(data["x_train"], data["y_train"], batch_size=batch_size, epochs=1, verbose=0)
    return time.perf_counter() - began


def dlkit_seconds(model_name: str, batch_size: int, data: dict[str, np.ndarray], configs: Path) -> float:
    """Seconds of the second epoch of a dlkit run on the same arrays, with everything that dlkit does by default."""
    import dlkit
    from dlkit.training.listeners import Listener

    class Clock(Listener):
        seconds = 0.0

        def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
            self.seconds = seconds

    clock = Clock()
    with tempfile.TemporaryDirectory() as runs:
        dlkit.train(
            configs / f"mnist_{model_name}.yaml",
            {
                "training.epochs": 2,
                "training.monitor": None,
                "data.splits": None,
                "data.batch_size": batch_size,
                "data.inputs.image.preprocess": [],
                "expects": {},
            },
            data={"train": (data["x_train"], data["y_train"])},
            runs_folder=runs,
            listener=clock,
        )
    return clock.seconds


def main() -> None:
    """Answer one measurement a line."""
    from handwritten import load

    side, path, configs = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    everything = load(path)
    models: dict[Any, Any] = {}
    for line in sys.stdin:
        model_name, batch_size, examples = line.split()
        data = {name: array[: int(examples)] for name, array in everything.items()}
        if side == "fit":
            seconds = fit_seconds(model_name, int(batch_size), data, models)
        else:
            seconds = dlkit_seconds(model_name, int(batch_size), data, configs)
        print(seconds, flush=True)


if __name__ == "__main__":
    main()

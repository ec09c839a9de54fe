"""The same torture for `model.fit` with Keras's own BackupAndRestore, to see whether the test notices."""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

from tests.torture import forks
from tests.torture.runs import Row


def train(folder: Path) -> None:
    """`model.fit` as in the case `mlp npz`, with a backup every three steps; leaves the digest of its weights."""
    import keras
    import numpy as np
    import tensorflow as tf

    from dlkit.bundled.reading import read_mnist

    keras.utils.set_random_seed(1)
    tf.config.experimental.enable_op_determinism()
    x, y = read_mnist("train")
    x, y = x[:150, 6:22, 6:22].astype("float32") / 255, y[:150]
    layers = [keras.layers.Flatten(), keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.2), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((16, 16, 1)), *layers])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    backup = keras.callbacks.BackupAndRestore(folder / "backup", save_freq=3, delete_checkpoint=False)
    model.fit(x, y, batch_size=16, epochs=20, verbose=0, callbacks=[backup])
    found = hashlib.sha256()
    for variable in [*model.weights, *model.optimizer.variables]:
        found.update(np.asarray(variable).tobytes())
    (folder / "digest").write_text(found.hexdigest())


def torture(place: Path, *, kills: int, seed: int) -> Row:
    """Kill as many `model.fit`, each once, and let it go on."""
    row, chance, log = Row(), random.Random(seed), place / "log"
    (place / "whole").mkdir(parents=True)
    began = time.monotonic()
    if forks.finish(forks.fork(lambda: train(place / "whole"), log)):
        row.failed.append(log.read_text()[-2000:])
        return row
    seconds = time.monotonic() - began
    whole = (place / "whole" / "digest").read_text()
    for number in range(10 * kills):
        if row.kills == kills:
            break
        folder = place / f"cut-{number}"
        folder.mkdir()
        job = lambda folder=folder: train(folder)  # noqa: E731
        due = time.monotonic() + chance.uniform(0.3, 1.0) * seconds
        if not forks.kill_when(forks.fork(job, log), lambda due=due: time.monotonic() > due):
            continue
        if not (folder / "backup").exists() or not any((folder / "backup").iterdir()):
            continue  # nothing had been saved: it would only start again
        row.kills += 1
        row.runs += 1
        if forks.finish(forks.fork(job, log)):
            row.failed.append(log.read_text().strip().splitlines()[-1])
        else:
            row.same += (folder / "digest").read_text() == whole
    return row

"""`--format python`: a script of plain Keras that builds, trains and tests the same network."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.config.problems import Problem, RunError
from dlkit.data.load import load_splits
from dlkit.data.prepare import Progress
from dlkit.data.stream_sizes import with_sizes
from dlkit.data.subset import limited
from dlkit.export.script.script import Script, write
from dlkit.export.written import Written, must_be_free
from dlkit.files import disk_errors
from dlkit.models.build import named, precision, unwrap
from dlkit.schema.loader import Loaded
from dlkit.training.failures import refused_as_run_error
from dlkit.training.prepare import Prepared, prepare
from dlkit.training.program.strategy import session

ENDING = ".py"
# Examples on which the script's network is compared with dlkit's.
FEW = 16


def export(
    loaded: Loaded,
    path: Path,
    *,
    force: bool = False,
    runs_folder: Path = Path("runs"),
    progress: Progress | None = None,
) -> Written:
    """Write a configuration as a script, with the arrays that it reads in an `.npz` file beside it.

    Args:
        loaded: the configuration.
        path: of the script.
        force: overwrite files that are there.
        runs_folder: where the run of `training.init_from` is looked for.
        progress: called while examples are prepared.

    Raises:
        ConfigError: if something in it cannot be written as plain Keras, or a file is there already.
        RunError: if the data cannot be read, or are too large to be written.
    """
    beside, weights = path.with_suffix(".npz"), path.with_suffix(".weights.h5")
    must_be_free([path, beside, weights], force=force)
    with loaded.locating(), refused_as_run_error(), session(loaded.config):
        prepared = prepare(loaded, weights_from=runs_folder, progress=progress)
        raw = load_splits(prepared.config.data, fitted=prepared.built.spec)
        script = write(prepared, with_sizes(limited(raw, prepared.config)))
        size = sum(x.nbytes for x in script.needs.arrays.values())
        with disk_errors(beside, size), tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            names = _written_in(Path(folder), path.stem, prepared, script)
            for name in names:
                Path(folder, name).replace(path.with_name(name))
    return Written(tuple(path.with_name(name) for name in names), script.left_out)


def _written_in(folder: Path, stem: str, prepared: Prepared, script: Script) -> list[str]:
    """Write a script and what it reads, see whether it builds the same network, and give the names of the files.

    Where the seed alone does not give the weights that a run begins with, they are in a file of their own.
    """
    names = [f"{stem}.py"]
    if script.needs.arrays:
        np.savez_compressed(folder / f"{stem}.npz", allow_pickle=False, **script.needs.arrays)
        names.append(f"{stem}.npz")
    (folder / names[0]).write_text(script.text, encoding="utf-8")
    model, inputs = _run(folder / names[0], script, prepared)
    pairs = _weights(model, prepared.built.network)
    if any((np.asarray(its) != np.asarray(ours)).any() for its, ours in pairs):
        for its, ours in pairs:
            its.assign(ours)
        names.append(f"{stem}.weights.h5")
        model.save_weights(folder / names[-1])
        (folder / names[0]).write_text(script.text_with_weights, encoding="utf-8")
    _must_give_the_same(model, inputs, prepared, script)
    return names


def _run(path: Path, script: Script, prepared: Prepared) -> tuple[keras.Model, dict[str, Any]]:
    """The network that a script builds, and the inputs of the first training examples that it reads."""
    space: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    before = list(sys.path)
    sys.path[:0] = script.needs.imports.values()
    try:
        with precision(prepared.config.runtime.precision):
            exec(compile(script.text, path.name, "exec"), space)
            keras.utils.set_random_seed(space["SEED"])
            model = space["build_model"]()
        inputs = space["examples"]("train")[0]
    finally:
        sys.path[:] = before
        if "ARRAYS" in space:
            space["ARRAYS"].close()
    return model, {name: x[:FEW] for name, x in named(inputs, prepared.built.spec.inputs).items()}


def _weights(model: keras.Model, network: keras.Model) -> list[tuple[Any, Any]]:
    """The weights of the script's model and those of dlkit's, layer by layer.

    Raises:
        RunError: if the layers are others.
    """
    theirs, ours = ({x.name: x.weights for x in one.layers if x.weights} for one in (model, network))
    if {n: [w.shape for w in of] for n, of in theirs.items()} != {n: [w.shape for w in of] for n, of in ours.items()}:
        raise _differs("its layers have other weights")
    return [pair for name, weights in theirs.items() for pair in zip(weights, ours[name], strict=True)]


def _must_give_the_same(model: keras.Model, inputs: dict[str, Any], prepared: Prepared, script: Script) -> None:
    """Refuse a script whose network gives other numbers for the first training examples.

    Raises:
        RunError: naming the output.
    """
    preprocessing = prepared.built.preprocessing
    few = {name: tf.constant(x) for name, x in inputs.items()}
    ready = {
        name: preprocessing.for_network(name, x) if name in script.as_prepared else preprocessing.whole(name, x)
        for name, x in few.items()
    }
    ours = prepared.built.network(unwrap(ready), training=False)
    theirs = model(unwrap(few), training=False)
    for one, other in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        if not np.allclose(one, other, rtol=1e-3, atol=1e-4, equal_nan=True):
            raise _differs("its outputs are others")


def _differs(why: str) -> RunError:
    """The error of a script that is not what it was to be."""
    help = "a layer of a plug-in, or one that Keras cannot describe, is lost in it; please report it"
    return RunError(Problem("not-exported", f"the script builds another network: {why}", ("model",), help=help))

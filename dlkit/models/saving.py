"""Saved models: plain Keras archives from raw input to probabilities, with what dlkit knows in a member of its own."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path

import keras

from dlkit.config.causes import first_line, printable
from dlkit.config.problems import ConfigError, Problem, RunError
from dlkit.data.bound import Spec
from dlkit.files import disk_errors, written_aside
from dlkit.models.about import UnknownKindError, check_described, describe, read_spec
from dlkit.models.archive import ABOUT, ForeignError, read_archive
from dlkit.models.build import BuiltModel, results_model


def save_model(path: Path, built: BuiltModel) -> None:
    """Write `model.keras`: raw input to float32 probabilities, compiled, whole or not at all.

    Plain Keras opens, evaluates and goes on training it. Names of inputs, targets, kinds and classes travel in a
    member `dlkit.json` of the archive, which Keras ignores.
    """
    model = results_model(built)
    model.optimizer.build(model.trainable_variables)
    size = sum(v.nbytes if hasattr(v, "nbytes") else 0 for v in (w.numpy() for w in model.weights))
    with disk_errors(path, size), written_aside(path) as aside:
        # Keras insists on the ending.
        whole = aside.with_name(aside.name + ".keras")
        try:
            model.save(whole)
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr(ABOUT, json.dumps(describe(built.spec), indent=2))
            whole.replace(aside)
        finally:
            whole.unlink(missing_ok=True)


def load_model(path: Path, *, trust: bool = False) -> tuple[keras.Model, Spec]:
    """Open a saved model that dlkit wrote. The file may come from anybody: it is judged before Keras sees it.

    Args:
        path: of the file.
        trust: run the code that it names: classes that are not Keras's, Python functions.

    Returns:
        The model, compiled, and the Spec it was trained for.

    Raises:
        ConfigError: if there is no such file.
        RunError: if it is damaged, needs absurd amounts of memory, names foreign code, or was not written by dlkit.
    """
    if not path.is_file():
        raise ConfigError(
            Problem("no-such-model", f"there is no model file {path}", help="give a run folder or a model.keras")
        )
    try:
        archive = read_archive(path, trust=trust)
    except ForeignError as error:
        raise RunError(
            Problem(
                "model-not-trusted",
                f"{path} names code that is not Keras's own: {_listed(error.parts)}",
                help="if you know what it does and trust it, import it and give --trust (in Python trust=True)",
            )
        ) from error
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, error) from error
    if archive.about is None:
        raise RunError(
            Problem(
                "not-a-dlkit-model",
                f"{path} was not saved by dlkit: it does not say what its inputs and classes are",
                help="open it with keras.saving.load_model",
            )
        )
    try:
        spec = read_spec(archive.about)
        model = keras.saving.load_model(path, safe_mode=not trust)
        check_described(model, spec)
    except UnknownKindError as error:
        message = f"{path} needs a plug-in: {printable(str(error))}"
        help = "name the run, whose configuration has the plug-in, or one that has it with --data CONFIG"
        raise RunError(Problem("plugin-needed", message, help=help)) from error
    # Keras refuses a configuration in as many ways as it has layers; whatever it says, the file is the reason.
    except Exception as error:
        raise _damaged(path, error) from error
    return model, spec


def _listed(parts: list[str]) -> str:
    return ", ".join(map(printable, parts[:3])) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")


def _damaged(path: Path, error: Exception) -> RunError:
    return RunError(
        Problem(
            "damaged-model",
            f"{path} is not a whole Keras model: {first_line(error)}",
            help="take a copy, or train the run again",
        )
    )

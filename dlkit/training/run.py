"""A whole run: data, model, training, test, the saved model. What `dlkit train` and `dlkit.train` do."""

from __future__ import annotations

import contextlib
import hashlib
import json
import operator
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dlkit import runs
from dlkit.config.loader import Loaded
from dlkit.config.problems import ConfigError, DlkitError, Problem, RunError
from dlkit.config.schema import Config
from dlkit.data.contract import Splits
from dlkit.data.feeding import Feeder, make_feeder
from dlkit.data.load import load_splits
from dlkit.data.preprocessing import Preprocessing, fit, host_stage, make_preprocessing
from dlkit.data.subset import limited
from dlkit.files import disk_errors_told, write_json, written_aside
from dlkit.models.build import Assembly, assemble
from dlkit.models.heads import KINDS
from dlkit.models.saving import save_model
from dlkit.runs import RunFolder
from dlkit.training.callbacks import Callbacks
from dlkit.training.choices import Choices, choose
from dlkit.training.evaluation import EvalProgram
from dlkit.training.failures import REFUSALS, refusals_told, told
from dlkit.training.initial import freeze, take_weights
from dlkit.training.interrupts import Interrupted, how_to_go_on
from dlkit.training.judge import chosen_monitor
from dlkit.training.limits import shortened
from dlkit.training.listeners import Listener, Listeners
from dlkit.training.loop import Loop
from dlkit.training.profile import Profile, times
from dlkit.training.recorder import Recorder
from dlkit.training.schedules import make_schedule
from dlkit.training.strategy import devices, make_strategy, prepare_process

# Looks at the data before the model is built: lines to be noted, or a ConfigError.
Look = Callable[[Loaded, Splits, Preprocessing], Sequence[str]]


def start(
    loaded: Loaded,
    runs_folder: Path,
    listener: Listener,
    *,
    data: Any = None,
    look: Look | None = None,
    profile: bool = False,
) -> RunFolder:
    """Train a configuration in a new run folder.

    Args:
        loaded: the configuration.
        runs_folder: where run folders are made.
        listener: told of what happens.
        data: arrays or datasets by split in place of the configuration's source; see `dlkit.train`.
        look: looks at data and model before there is a run; see dlkit.checks.early.
        profile: record a trace, and where the time goes.

    Returns:
        The finished run's folder.

    Raises:
        ConfigError: if the configuration does not fit the data, with located problems.
        RunError: if the run failed; its folder says why.
        Interrupted: if a signal ended it.
    """
    loaded = replace(loaded, config=shortened(loaded.config))
    with loaded.locating(), refusals_told():
        prepare_process(loaded.config)
        with make_strategy(loaded.config).scope():
            splits, assembly = prepare(loaded, data, look)
            notes = [("data", note) for note in splits.notes]
            if loaded.config.training.init_from is not None:
                taken = take_weights(assembly, loaded.config.training.init_from, runs_folder)
                notes.append(("initial-weights", taken))
            freeze(assembly, loaded.config.training.freeze)
            folder = runs.create(runs_folder, loaded.config.name)
            runs.keep_config(folder, loaded.to_yaml())
            return _train(loaded, splits, assembly, folder, listener, resume=False, notes=notes, profile=profile)


def resume(
    loaded: Loaded, folder: RunFolder, listener: Listener, *, data: Any = None, profile: bool = False
) -> RunFolder:
    """Go on with an unfinished run from its newest checkpoint.

    Args:
        loaded: the run's own configuration.
        folder: the run.
        listener: as for `start`.
        data: as for `start`; must be the same as when the run began.
        profile: as for `start`.
    """
    loaded = replace(loaded, config=shortened(loaded.config))
    with loaded.locating(), refusals_told():
        prepare_process(loaded.config)
        with make_strategy(loaded.config).scope():
            splits, assembly = prepare(loaded, data)
            freeze(assembly, loaded.config.training.freeze)
            notes = [*_schedule_kept(loaded.config, folder), *(("data", note) for note in splits.notes)]
            return _train(loaded, splits, assembly, folder, listener, resume=True, notes=notes, profile=profile)


def prepare(loaded: Loaded, data: Any = None, look: Look | None = None) -> tuple[Splits, Assembly]:
    """Load the data and build the model with its preprocessing fitted on the training split; look at both before.

    Returns:
        The splits, after the host stage, and the model.
    """
    config = loaded.config
    splits = load_splits(config.data, given=data, plugin_sources=loaded.plugins.functions["sources"])
    splits = limited(splits, config)
    preprocessing = make_preprocessing(config.data)
    fit(preprocessing, splits.train)
    if look is not None:
        splits = replace(splits, notes=(*splits.notes, *look(loaded, splits, preprocessing)))
    assembly = assemble(config, splits.spec, preprocessing, loaded.plugins.functions)
    return host_stage(preprocessing, splits), assembly


def _train(
    loaded: Loaded,
    splits: Splits,
    assembly: Assembly,
    folder: RunFolder,
    listener: Listener,
    *,
    resume: bool,
    notes: Sequence[tuple[str, str]],
    profile: bool,
) -> RunFolder:
    """Train, test and save, keeping the run's state file true whatever happens."""
    config = loaded.config
    with folder.locked():
        folder.clear_remains()
        folder.set_state("running")
        listener = Listeners(Recorder(folder), listener)
        try:
            # A run that was killed before it recorded its start has nothing to go on from, and starts.
            resume = resume and (folder.environment.exists() or folder.checkpoints.exists())
            choices = Choices(**folder.read_choices()) if resume else choose(config, assembly)
            callbacks = Callbacks(config.training.callbacks, loaded.plugins.functions["callbacks"])
            notes = [*notes, *(("callbacks", OUTSIDE.format(name)) for name in callbacks.without_state())]
            profiled = Profile(folder.tensorboard if profile else None)
            loop = _make_loop(config, splits, assembly, folder, listener, choices, callbacks, profiled)
            if resume:
                loop.restore()
                # More epochs may have been asked for; the next resume has to know.
                runs.keep_config(folder, loaded.to_yaml())
            else:
                _record_start(folder, splits, assembly, choices)
            for kind, note in notes:
                listener.noted(kind, note)
            if splits.validation is None:
                listener.noted("no-validation", NO_VALIDATION)
            loop.run()
            spent = {"profile": times(loop.clock, profiled.steps)} if profile else {}
            result = _finish(config, splits, assembly, folder, loop, choices.parts) | spent
        except Interrupted as interrupted:
            _leave_state(folder, "interrupted", why=str(interrupted))
            raise
        except DlkitError as error:
            _leave_state(folder, "failed", why=str(error), code=error.problems[0].code)
            raise
        except REFUSALS as error:
            failure = told(error)
            _leave_state(folder, "failed", why=str(failure), code=failure.problems[0].code)
            raise failure from error
        except KeyboardInterrupt:
            # Outside of the loop, which handles signals itself: what it saved is whole, and the rest can be done again.
            _leave_state(folder, "interrupted", why="before or after the training itself")
            raise Interrupted(_interrupted_outside(folder, config), signal.SIGINT) from None
        except BaseException as error:
            _leave_state(folder, "failed", why=f"{type(error).__name__}: {error}", code="internal-error")
            raise
        folder.set_state("finished")
        listener.finished(result)
    return folder


def _interrupted_outside(folder: RunFolder, config: Config) -> Problem:
    """What is said when a run is interrupted while it is not training."""
    told = "interrupted while the run was being prepared, tested or saved"
    return Problem("interrupted", told, help=how_to_go_on(folder.path, config))


def _leave_state(folder: RunFolder, state: str, **more: Any) -> None:
    """Record why the run ends; where a full disk refuses even that, its first error is the one to be told."""
    with contextlib.suppress(RunError):
        folder.set_state(state, **more)


SCHEDULE_KEPT = (
    "the learning rate keeps the schedule of {} epochs that the run began with, and stays at {:g} after them; "
    "to spread it over more epochs, start a new run"
)
OUTSIDE = (
    "what the callback `{}` remembers is in no checkpoint: a run that is interrupted and resumed may end with another "
    "result (a callback with `get_state` and `set_state` is kept)"
)
NO_VALIDATION = (
    "there is no validation split: nothing tells when the model begins to over-fit, no epoch can be chosen "
    "as the best, and the last weights are kept"
)


def _schedule_kept(config: Config, folder: RunFolder) -> list[tuple[str, str]]:
    """A note that more epochs do not stretch a run's schedule, where more are asked for.

    Raises:
        ConfigError: if the schedule has ended at a rate of nothing, so that nothing would be learned in them.
    """
    epochs = folder.read_choices()["schedule_epochs"] if folder.environment.exists() else config.training.epochs
    if config.training.epochs <= epochs or config.training.schedule.name == "constant":
        return []
    rate = config.training.optimizer.learning_rate
    schedule = make_schedule(config.training.schedule, rate, 1000, epochs)
    last = float(schedule(1000 * epochs)) if callable(schedule) else rate
    if last <= 1e-6 * rate:
        raise ConfigError(
            Problem(
                "schedule-is-over",
                f"the {config.training.schedule.name} schedule ended after {epochs} epochs at a learning rate of "
                f"{last:g}: nothing would be learned in more",
                key=("training", "schedule"),
                help="start a new run from these weights, with `training.init_from` set to this run",
            )
        )
    return [("schedule-kept", SCHEDULE_KEPT.format(epochs, last))]


def _make_loop(
    config: Config,
    splits: Splits,
    assembly: Assembly,
    folder: RunFolder,
    listener: Listener,
    choices: Choices,
    callbacks: Callbacks,
    profile: Profile,
) -> Loop:
    passes = config.training.optimizer.gradient_accumulation_steps or 1
    train = make_feeder(splits.train, splits.spec, config.data, training=True, passes=passes)
    validation = _evaluation_feeder(splits.validation, splits, config)
    about = {
        # Shapes and types in order; Keras numbers layers by what a process made before, so names do not count.
        "model": digest([(list(v.shape), v.dtype) for v in assembly.network.weights]),
        "training_data": splits.fingerprint.get("train"),
        "batch_size": config.data.batch_size,
        "seed": config.seed,
        "optimizer": config.training.optimizer.name,
        "learning_rate": config.training.optimizer.learning_rate,
        "monitor": chosen_monitor(config.training, validation=splits.validation is not None)[0],
    }
    return Loop(
        config,
        assembly,
        train,
        validation,
        folder,
        listener,
        choices=choices,
        callbacks=callbacks,
        profile=profile,
        about=about,
    )


def _evaluation_feeder(split: Any, splits: Splits, config: Config) -> Feeder | None:
    return None if split is None else make_feeder(split, splits.spec, config.data, training=False)


def _record_start(folder: RunFolder, splits: Splits, assembly: Assembly, choices: Choices) -> None:
    write_json(folder.environment, runs.environment(devices(), asdict(choices)))
    features = {**assembly.spec.inputs, **assembly.spec.targets}
    write_json(
        folder.data,
        {
            "sizes": dict(splits.spec.sizes),
            "fingerprint": dict(splits.fingerprint),
            "features": {
                name: {"kind": f.kind, "shape": list(f.shape), "dtype": f.dtype, "classes": list(f.classes)}
                for name, f in features.items()
            },
            "notes": list(splits.notes),
        },
    )


def _finish(
    config: Config, splits: Splits, assembly: Assembly, folder: RunFolder, loop: Loop, parts: int
) -> dict[str, Any]:
    """Test on the best weights, save the model, compare with what was expected."""
    result: dict[str, Any] = {
        "folder": str(folder.path),
        "given": config.data.source is None,
        "images": any(f.kind == "image" for f in assembly.spec.inputs.values()),
        "schedule": config.training.schedule.name,
        "epoch": loop.progress.best_epoch or loop.progress.epoch,
    }
    row = loop.history[result["epoch"] - 1]
    figures = {name: value for name, value in row.items() if name != "learning_rate" and value is not None}
    feeder = _evaluation_feeder(splits.test, splits, config)
    if feeder is not None:
        program = EvalProgram(assembly, feeder, parts=parts, keep=True)
        test = program.run()
        write_json(folder.test, {"epoch": result["epoch"], "examples": feeder.size, **test})
        _save_predictions(folder, assembly, program)
        result["test"] = test
        figures |= {f"test_{name}": value for name, value in test.items()}
    save_model(folder.model, assembly)
    result["expects"] = [
        (name, rule, figures.get(name), holds(rule, figures.get(name))) for name, rule in config.expects.items()
    ]
    return result


def _save_predictions(folder: RunFolder, assembly: Assembly, program: EvalProgram) -> None:
    """Labels, and probabilities or numbers, of the test split: arrays `<target>_label`, `<target>_result`."""
    arrays = {}
    for name, target in assembly.spec.targets.items():
        activation = keras.activations.get(KINDS[target.kind].activation)
        arrays[f"{name}_label"] = np.concatenate([labels[name] for labels, _ in program.kept])
        arrays[f"{name}_result"] = np.asarray(activation(np.concatenate([logits[name] for _, logits in program.kept])))
    with disk_errors_told(folder.predictions, sum(array.nbytes for array in arrays.values())):
        folder.predictions.parent.mkdir(exist_ok=True)
        with written_aside(folder.predictions) as aside, aside.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def holds(rule: str, value: float | None) -> bool:
    """Whether a figure meets an expectation such as `>= 0.99`; one that is missing does not."""
    match = re.fullmatch(r"\s*(>=|<=|>|<)\s*(\S+)\s*", rule)
    assert match, rule
    return value is not None and COMPARE[match[1]](value, float(match[2]))


def digest(content: Any) -> str:
    """The first 16 hexadecimal digits of a JSON value's SHA-256."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

"""A whole run: data, model, training, test, the saved model. What `dlkit train` and `dlkit.train` do."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dlkit import runs
from dlkit.config.loader import Loaded
from dlkit.config.problems import DlkitError, Problem, RunError
from dlkit.config.schema import Config
from dlkit.data.contract import Splits
from dlkit.files import write_json
from dlkit.models.build import BuiltModel
from dlkit.runs import RunFolder
from dlkit.training.best import chosen_monitor
from dlkit.training.callbacks import Callbacks
from dlkit.training.failures import REFUSALS, refused_as_run_error, told
from dlkit.training.initial import freeze, take_weights
from dlkit.training.interrupts import Interrupted, how_to_go_on
from dlkit.training.limits import shortened
from dlkit.training.listeners import Listener, Listeners
from dlkit.training.loop import Loop
from dlkit.training.notes import Note, of_resume, of_start
from dlkit.training.outcome import evaluation_feeder, finish
from dlkit.training.prepare import PreCheck, prepare, training_feeder
from dlkit.training.profile import Profile, times
from dlkit.training.program.execution import ExecutionPlan, choose, recorded
from dlkit.training.program.strategy import devices, make_strategy, prepare_process, replicas
from dlkit.training.recorder import Recorder


def start(
    loaded: Loaded,
    runs_folder: Path,
    listener: Listener,
    *,
    data: Any = None,
    pre_check: PreCheck | None = None,
    profile: bool = False,
) -> RunFolder:
    """Train a configuration in a new run folder.

    Args:
        loaded: the configuration.
        runs_folder: where run folders are made.
        listener: told of what happens.
        data: arrays or datasets by split in place of the configuration's source; see `dlkit.train`.
        pre_check: looks at data and model before there is a run; see dlkit.checks.early.
        profile: record a trace, and where the time goes.

    Returns:
        The finished run's folder.

    Raises:
        ConfigError: if the configuration does not fit the data, with located problems.
        RunError: if the run failed; its folder says why.
        Interrupted: if a signal ended it.
    """
    loaded = replace(loaded, config=shortened(loaded.config))
    with loaded.locating(), refused_as_run_error():
        prepare_process(loaded.config)
        with make_strategy(loaded.config).scope():
            splits, built = prepare(loaded, data, pre_check)
            notes: list[Note] = []
            if loaded.config.training.init_from is not None:
                taken = take_weights(built, loaded.config.training.init_from, runs_folder)
                notes.append(("initial-weights", taken))
            freeze(built, loaded.config.training.freeze)
            folder = runs.create(runs_folder, loaded.config.name)
            runs.keep_config(folder, loaded.to_yaml())
            return _train(loaded, splits, built, folder, listener, goes_on=False, notes=notes, profile=profile)


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
    with loaded.locating(), refused_as_run_error():
        prepare_process(loaded.config)
        with make_strategy(loaded.config).scope():
            splits, built = prepare(loaded, data)
            freeze(built, loaded.config.training.freeze)
            notes = of_resume(loaded.config, folder)
            return _train(loaded, splits, built, folder, listener, goes_on=True, notes=notes, profile=profile)


def _train(
    loaded: Loaded,
    splits: Splits,
    built: BuiltModel,
    folder: RunFolder,
    listener: Listener,
    *,
    goes_on: bool,
    notes: Sequence[Note],
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
            goes_on = goes_on and folder.has_begun()
            choices = recorded(folder, config) if goes_on else choose(config, built, replicas(config))
            callbacks = Callbacks(config.training.callbacks, loaded.plugins.functions["callbacks"])
            profiled = Profile(folder.tensorboard if profile else None)
            loop = _make_loop(config, splits, built, folder, listener, choices, callbacks, profiled)
            if goes_on:
                loop.restore()
                # More epochs may have been asked for; the next resume has to know.
                runs.keep_config(folder, loaded.to_yaml())
            else:
                _record_start(folder, splits, built, choices, replicas(config))
            for kind, note in [*notes, *of_start(config, splits, callbacks.without_state())]:
                listener.noted(kind, note)
            loop.run()
            spent = {"profile": times(loop.clock, profiled.steps)} if profile else {}
            result = finish(config, splits, built, folder, loop, choices.parts) | spent
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


def _make_loop(
    config: Config,
    splits: Splits,
    built: BuiltModel,
    folder: RunFolder,
    listener: Listener,
    choices: ExecutionPlan,
    callbacks: Callbacks,
    profile: Profile,
) -> Loop:
    train = training_feeder(splits, config)
    validation = evaluation_feeder(splits.validation, splits, config)
    about = {
        # Shapes and types in order; Keras numbers layers by what a process made before, so names do not count.
        "model": digest([(list(v.shape), v.dtype) for v in built.network.weights]),
        "training_data": splits.fingerprint.get("train"),
        "batch_size": config.data.batch_size,
        "seed": config.seed,
        "optimizer": config.training.optimizer.name,
        "learning_rate": config.training.optimizer.learning_rate,
        "monitor": chosen_monitor(config.training, validation=splits.validation is not None)[0],
    }
    return Loop(
        config,
        built,
        train,
        validation,
        folder,
        listener,
        choices=choices,
        callbacks=callbacks,
        profile=profile,
        about=about,
    )


def _record_start(folder: RunFolder, splits: Splits, built: BuiltModel, choices: ExecutionPlan, number: int) -> None:
    write_json(folder.environment, {**runs.environment(devices(), asdict(choices)), "replicas": number})
    features = {**built.spec.inputs, **built.spec.targets}
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


def digest(content: Any) -> str:
    """The first 16 hexadecimal digits of a JSON value's SHA-256."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

"""A whole run: data, model, training, test, the saved model. What `dlkit train` and `dlkit.train` do."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dlkit import runs
from dlkit.config.problems import DlkitError, Problem, RunError
from dlkit.files import write_json
from dlkit.runs import RunFolder
from dlkit.schema import Config
from dlkit.schema.loader import Loaded
from dlkit.training import first_batch, fitted
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.comparison import Comparison
from dlkit.training.failures import REFUSALS, as_run_error, refused_as_run_error
from dlkit.training.interrupts import Interrupted, how_to_go_on
from dlkit.training.listeners import Listener, Listeners
from dlkit.training.loop import Loop
from dlkit.training.notes import of_resume, of_start
from dlkit.training.outcome import finish
from dlkit.training.prepare import PreCheck, Prepared, prepare
from dlkit.training.profile import Profile, times
from dlkit.training.program.execution import ExecutionPlan, choose, recorded
from dlkit.training.program.strategy import devices, replicas, session
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
        listener: called with what happens.
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
    with loaded.locating(), refused_as_run_error(), session(loaded.config):
        compared = Comparison(pre_check)
        prepared = prepare(
            loaded, data, pre_check=compared.gather, weights_from=runs_folder, progress=listener.preparing
        )
        folder = runs.create(runs_folder, loaded.config.name)
        runs.keep_config(folder, loaded.to_yaml())
        return _train(loaded, prepared, folder, listener, compared, goes_on=False, profile=profile)


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
    with loaded.locating(), refused_as_run_error(), session(loaded.config):
        compared, known = Comparison(), fitted.read(folder, loaded)
        # A run that was killed before its first checkpoint begins with the weights it would have begun with.
        weights_from = None if checkpoints.newest(folder.checkpoints) else folder.path.parent.parent
        prepared = prepare(
            loaded,
            data,
            fitted=known,
            pre_check=compared.gather,
            weights_from=weights_from,
            progress=listener.preparing,
        )
        prepared = replace(prepared, notes=(*of_resume(prepared.config, folder), *prepared.notes))
        return _train(loaded, prepared, folder, listener, compared, goes_on=True, profile=profile)


def _train(
    loaded: Loaded,
    prepared: Prepared,
    folder: RunFolder,
    listener: Listener,
    compared: Comparison,
    *,
    goes_on: bool,
    profile: bool,
) -> RunFolder:
    """Train, test and save, keeping the run's state file true whatever happens."""
    with folder.locked():
        folder.clear_remains()
        folder.set_state("running")
        listener = Listeners(Recorder(folder), listener)
        with _state_kept(folder, prepared.config):
            # A run that was killed before it recorded its start has nothing to go on from, and starts.
            result = _trained(loaded, prepared, folder, listener, goes_on and folder.has_begun(), profile)
            result |= compared.result(prepared, folder, result)
        folder.set_state("finished")
        listener.finished(result)
    return folder


def _trained(
    loaded: Loaded, prepared: Prepared, folder: RunFolder, listener: Listener, goes_on: bool, profile: bool
) -> dict[str, Any]:
    """The result of a run that has been trained to its end."""
    config, number = prepared.config, replicas(prepared.config)
    plan = recorded(folder, config) if goes_on else choose(config, prepared.built, number)
    loop = Loop(prepared, plan, folder, listener)
    loop.profile = Profile(folder.tensorboard if profile else None)
    if goes_on:
        loop.restore()
        # More epochs may have been asked for; the next resume has to know.
        runs.keep_config(folder, loaded.to_yaml())
    else:
        _record_start(folder, prepared, plan, number)
    validation = prepared.splits.validation is not None
    for kind, note in [*prepared.notes, *of_start(config, loop.callbacks_without_state(), validation=validation)]:
        listener.noted(kind, note)
    undrawn = goes_on or config.training.first_batch == "off"
    with contextlib.nullcontext() if undrawn else first_batch.drawn(prepared, folder.first_batch, listener.noted):
        loop.run()
    spent = {"profile": times(loop.clock, loop.profile.steps)} if profile else {}
    return finish(prepared, plan, folder, loop) | spent


@contextlib.contextmanager
def _state_kept(folder: RunFolder, config: Config) -> Iterator[None]:
    """Within the block, whatever ends the run is written into its state."""
    try:
        yield
    except Interrupted as interrupted:
        _leave_state(folder, "interrupted", why=str(interrupted))
        raise
    except DlkitError as error:
        _leave_state(folder, "failed", why=str(error), code=error.problems[0].code)
        raise
    except REFUSALS as error:
        failure = as_run_error(error)
        _leave_state(folder, "failed", why=str(failure), code=failure.problems[0].code)
        raise failure from error
    except KeyboardInterrupt:
        # Outside of the loop, which handles signals itself: what it saved is whole, and the rest can be done again.
        _leave_state(folder, "interrupted", why="before or after the training itself")
        raise Interrupted(_interrupted_outside(folder, config), signal.SIGINT) from None
    except BaseException as error:
        _leave_state(folder, "failed", why=f"{type(error).__name__}: {error}", code="internal-error")
        raise


def _interrupted_outside(folder: RunFolder, config: Config) -> Problem:
    """What is said when a run is interrupted while it is not training."""
    message = "interrupted while the run was being prepared, tested or saved"
    return Problem("interrupted", message, help=how_to_go_on(folder.path, config))


def _leave_state(folder: RunFolder, state: str, **more: Any) -> None:
    """Record why the run ends; where a full disk refuses even that, its first error is the one to be reported."""
    with contextlib.suppress(RunError):
        folder.set_state(state, **more)


def _record_start(folder: RunFolder, prepared: Prepared, plan: ExecutionPlan, number: int) -> None:
    # First: a run that has recorded its environment has begun, and must have this.
    fitted.keep(folder, prepared.built.spec)
    write_json(folder.environment, {**runs.environment(devices(), asdict(plan)), "replicas": number})
    splits, spec = prepared.splits, prepared.built.spec
    features = {**spec.inputs, **spec.targets}
    write_json(
        folder.data,
        {
            "sizes": dict(splits.spec.sizes),
            "fingerprint": dict(splits.fingerprint),
            "features": {
                name: {"kind": f.kind, "shape": list(f.shape), "dtype": f.dtype, "classes": list(f.classes)}
                for name, f in features.items()
            },
            "dropped": [asdict(one) for one in splits.dropped],
            "notes": [text for kind, text in prepared.notes if kind == "data"],
        },
    )

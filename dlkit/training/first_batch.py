"""`first_batch.png` of a run: the first examples that it trains on, drawn while it trains.

What is drawn follows from the run's seed as the training does, so that it draws no random number of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

from dlkit.config.causes import kind_and_line
from dlkit.looking.examples import Examples
from dlkit.looking.picture import draw, save
from dlkit.training.look import first_of_run
from dlkit.training.prepare import Prepared

Noted = Callable[[str, str], None]


@contextlib.contextmanager
def drawn(prepared: Prepared, path: Path, noted: Noted) -> Iterator[None]:
    """Within the block the picture is drawn; after it there is one, or a note why not.

    Args:
        prepared: data and model, whose random layers are keyed.
        path: of the picture.
        noted: called with the kind and the text of a note.
    """
    failures: list[Exception] = []
    thread = Thread(target=_draw, args=(_examples(prepared, failures), path, failures), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        for error in failures:
            noted("first-batch", f"there is no {path.name}: {kind_and_line(error)}")


def _examples(prepared: Prepared, failures: list[Exception]) -> Examples | None:
    try:
        return first_of_run(prepared)
    except Exception as error:  # no run fails for its picture
        failures.append(error)
        return None


def _draw(examples: Examples | None, path: Path, failures: list[Exception]) -> None:
    if examples is None:
        return
    try:
        save(draw(examples), path)
    except Exception as error:  # likewise
        failures.append(error)

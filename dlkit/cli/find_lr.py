"""dlkit find-lr: a learning-rate range test; no run begins."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from dlkit.cli import verbs

if TYPE_CHECKING:
    from dlkit.config.problems import Problem
    from dlkit.training.find_lr.curve import RangeTest

EXAMPLES = [
    ("dlkit find-lr configs/mnist_cnn.yaml", "print the curve, draw mnist_cnn_find_lr.png"),
    ("dlkit find-lr configs/mnist_cnn.yaml training.optimizer=sgd", "for another optimizer"),
    ("dlkit find-lr configs/mnist_cnn.yaml --from 1e-5 --to 1 --steps 200", "a closer look"),
]
KEY = "training.optimizer.learning_rate"
BARS = 30
# Rows of the table for each power of ten of the rate.
ROWS_PER_DECADE = 2


def find_lr(
    config: Annotated[Optional[str], verbs.CONFIG] = None,  # noqa: UP045
    overrides: Annotated[Optional[list[str]], verbs.OVERRIDES] = None,  # noqa: UP045
    steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--steps", metavar="N", help="Updates. By default an epoch, but 200 at least and 300 at most."),
    ] = None,
    lowest: Annotated[float, typer.Option("--from", metavar="RATE", help="Learning rate of the first step.")] = 1e-7,
    highest: Annotated[float, typer.Option("--to", metavar="RATE", help="Learning rate of the last step.")] = 10.0,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", metavar="FILE", help="The picture. By default NAME_find_lr.png here."),
    ] = None,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Find a learning rate: raise it until the loss diverges."""
    from dlkit.looking.picture import picture_path, save
    from dlkit.training.find_lr.curve import check_range

    path, words = verbs.config_and_overrides(config, overrides or (), "find-lr")
    check_range(lowest, highest, steps)
    loaded = verbs.load(path, words)
    picture = picture_path(output, f"{loaded.config.name}_find_lr.png")
    with verbs.tensorflow(as_json) as progress:
        from dlkit.checks.early import check_before_training
        from dlkit.training.find_lr.plot import draw
        from dlkit.training.find_lr.run import find_lr as run

        def on_step(step: int, of: int, rate: float, loss: float) -> None:
            if step % 10 == 0:
                progress.working(f"step {step} of {of}, learning rate {rate:.1e}, loss {loss:.4g}")

        progress.working("preparing data and model")
        found = run(
            loaded, steps=steps, lowest=lowest, highest=highest, pre_check=check_before_training, on_step=on_step
        )
    drawn = picture if len(found.losses) else None
    if drawn is not None:
        save(draw(found), drawn, dots=150)
    _print(found, drawn, [*loaded.warnings, *found.problems], as_json=as_json)


def _print(found: RangeTest, picture: Path | None, warnings: list[Problem], *, as_json: bool) -> None:
    from dlkit.config.render import print_problems

    if as_json:
        verbs.print_json(_as_json(found, picture, warnings))
        return
    for line in page(found, picture):
        typer.echo(line)
    print_problems(warnings, sys.stderr)


def _as_json(found: RangeTest, picture: Path | None, warnings: list[Problem]) -> dict[str, Any]:
    from dlkit.config.render import to_json

    return {
        "ok": True,
        "exit_status": 0,
        **to_json(warnings),
        "suggestion": found.suggestion,
        "alternative": found.alternative,
        "override": None if found.suggestion is None else f"{KEY}={found.suggestion:g}",
        "diverged": found.diverged,
        "picture": None if picture is None else str(picture),
        "rates": found.rates.tolist(),
        "losses": found.losses.tolist(),
        "smoothed": found.smoothed.tolist(),
    }


def page(found: RangeTest, picture: Path | None) -> Iterator[str]:
    """The curve as a table, and what to write into the configuration."""
    from dlkit.config.phrases import count

    yield typer.style(found.name, bold=True)
    made = len(found.losses)
    if found.diverged:
        yield f"  the loss diverged after {made} of {count(found.planned, 'step')}"
    else:
        yield f"  {count(made, 'step')}, and the loss did not diverge"
    if made:
        yield ""
        yield from _table(found)
    if found.suggestion is not None:
        yield ""
        yield f"  steepest descent   {typer.style(f'{KEY}={found.suggestion:g}', bold=True)}"
        yield f"  lowest point / 10  {KEY}={found.alternative:g}"
    if picture is not None:
        if found.suggestion is None:
            yield ""
        yield f"  picture            {picture}"


def _table(found: RangeTest) -> Iterator[str]:
    """The smoothed loss at some of the rates, each with a bar, from the lowest rate on."""
    from dlkit.progress.base import figure

    rows = _rows(found)
    # Bars that show how far the loss diverges would leave no room for how it falls.
    full = 1.25 * max(abs(found.smoothed[i]) for i in rows[: max(1, len(rows) // 2)])
    bar = _bar()
    marks = _marks(found, rows)
    yield f"  {'rate':>7}  {'loss':>9}"
    for i in rows:
        loss = float(found.smoothed[i])
        filled = bar * max(0, min(BARS, round(BARS * loss / full))) if full else ""
        yield f"  {found.rates[i]:>7.1e}  {figure(loss):>9}  {filled:<{BARS}}  {marks.get(i, '')}".rstrip()


def _rows(found: RangeTest) -> list[int]:
    """Steps evenly spread over the logarithm of the rate, the last one included."""
    made = len(found.rates)
    decades = math.log10(found.rates[-1] / found.rates[0])
    number = max(2, min(made, 24, round(ROWS_PER_DECADE * decades) + 1))
    return sorted({round(k * (made - 1) / (number - 1)) for k in range(number)})


def _marks(found: RangeTest, rows: list[int]) -> dict[int, str]:
    """Words beside the rows nearest to the rates that are suggested."""
    marks: dict[int, str] = {}
    for rate, word in ((found.suggestion, "steepest"), (found.alternative, "lowest / 10")):
        if rate is not None:
            nearest = min(rows, key=lambda i: abs(math.log(found.rates[i] / rate)))
            marks[nearest] = f"{marks[nearest]}, {word}" if nearest in marks else f"<- {word}"
    return marks


def _bar() -> str:
    """A block where standard output can show one."""
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "#"
    return "█"


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "find-lr", find_lr, EXAMPLES)

"""What the listeners that show progress have in common, and how figures are written."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.training.listeners import Listener, RunPlan


class Progress(Listener):
    """A listener that also shows what happens before training begins. Shows nothing by itself."""

    def working(self, what: str) -> None:
        """Something that takes a while begins before training, as in `loading TensorFlow`."""

    def close(self) -> None:
        """Give the terminal back. May be called more than once, and after an error."""


def leave_pipe() -> None:
    """Go on without standard output, whose reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def figure(value: float | None) -> str:
    """A loss or metric: four decimals, or four significant digits where that would say nothing."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value != 0 and not 0.001 <= abs(value) < 100_000:
        return f"{value:.3e}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.2f}"


def figures(values: dict[str, Any]) -> str:
    """Names and values in a row."""
    return "  ".join(f"{name} {figure(value)}" for name, value in values.items())


def shown_columns(row: dict[str, Any]) -> list[str]:
    """The columns of a history's row that are worth a place on the screen."""
    return [name for name in row if name not in ("epoch", "learning_rate")]


def duration(seconds: float) -> str:
    """A length of time: `0.8 s`, `42 s`, `3:07`, `1:02:30`."""
    return f"{seconds:.1f} s" if seconds < 10 else time_left(seconds)


def time_left(seconds: float) -> str:
    """A length of time that is only known roughly: `8 s`, `3:07`, `1:02:30`."""
    if not math.isfinite(seconds):
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def header(plan: RunPlan) -> list[tuple[str, str]]:
    """What is about to be trained, as pairs of a word and its value."""
    sizes = [f"{size:,} {split}" for split, size in plan.examples.items() if size is not None]
    cut = f", a batch in {plan.micro_batches} micro-batches" if plan.micro_batches > 1 else ""
    pairs = [
        ("data", ", ".join(sizes) or "size unknown"),
        ("model", f"{count(plan.parameters, 'trainable parameter')}"),
        ("program", f"{COMPILERS[plan.compiled]}{cut}"),
        ("epochs", f"{plan.epochs} of {count(plan.steps, 'step')}"),
        ("run", plan.folder),
    ]
    if plan.devices:
        pairs.insert(3, ("device", ", ".join(plan.devices)))
    if plan.first_epoch > 1 or plan.first_step:
        where = f"epoch {plan.first_epoch}" + (f", step {plan.first_step + 1}" if plan.first_step else "")
        pairs.append(("resumed", f"at {where}"))
    return pairs


COMPILERS = {"xla": "XLA", "graph": "TensorFlow graphs"}


def diagnosis(finding: Problem) -> str:
    """What the figures of a run say, what to change, and where it is explained."""
    return f"{finding.message}; {finding.help} (dlkit explain-code {finding.code})"


def expectations(result: dict[str, Any]) -> list[tuple[bool, str]]:
    """For each expectation of the configuration whether it holds, and a line about it."""
    lines = []
    for name, rule, value, holds in result.get("expects", ()):
        line = f"{name} {rule}, got {figure(value)}" if value is not None else f"{name} {rule}, but there is none"
        lines.append((bool(holds), line))
    return lines


def outcome(result: dict[str, Any], monitor: str | None) -> list[tuple[str, str]]:
    """How a run ended, as pairs of a word and its value."""
    pairs = []
    if result.get("test"):
        pairs.append(("test", figures(result["test"])))
    pairs += compared(result.get("baselines"))
    why = f"best {monitor}" if monitor else "the last"
    pairs.append(("weights", f"of epoch {result['epoch']} ({why})"))
    return pairs


def compared(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What simple models reach on the same examples, and where the network is no better, as such pairs."""
    if found is None:
        return []
    where = "" if found["split"] == "test" else f" ({found['split']})"
    targets = {row["target"] for row in found["baselines"]}
    pairs = []
    for row in found["baselines"]:
        name = f"{row['name']}{where}" if len(targets) == 1 else f"{row['target']}, {row['name']}{where}"
        said = f"not fitted: {row['failed']}" if "failed" in row else figures(row["figures"])
        pairs.append(("baseline", f"{name}: {said}"))
    pairs += [("baselines", note) for note in found["notes"]]
    return pairs + [("compared", f"the network is {line}") for line in found.get("no_better", ())]


WORDS = {"data": "waiting for data", "health": "looks at its health", "host": "the rest"}


def time_spent(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Where the time of a step went, as pairs of what and how much; empty where it was not asked for."""
    profile = result.get("profile")
    if profile is None:
        return []
    each = profile["milliseconds"]
    whole = sum(each.values()) or 1.0
    pairs = [(WORDS.get(name, name), f"{value:8.3f} ms  {value / whole:4.0%}") for name, value in each.items()]
    head = ("time of a step", f"{whole:8.3f} ms, of {count(profile['steps'], 'step')}")
    once = ("once: compiling", f"{profile['compiling']:8.1f} s")
    return [head, *pairs, once, ("trace", f"tensorboard --logdir {shlex.quote(result['folder'])}/tensorboard")]


def next_commands(result: dict[str, Any]) -> list[tuple[str, str]]:
    """What may be done after a run, as pairs of a few words and the command; only what will work."""
    run = shlex.quote(result["folder"])
    if result.get("given"):
        return [("go on in Python", f"dlkit.load_run({result['folder']!r}, data=...)")]
    commands = [("test again", f"dlkit evaluate {run}")] if result.get("test") else []
    commands.append(("use it", f"dlkit predict {run} {result.get('example') or 'arrays.npz'}"))
    if result.get("schedule") == "constant" and result.get("train_on"):
        commands.append(("train on", f"dlkit train --resume {run} {result['train_on']}"))
    return commands


def padded(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same pairs, the first words filled up to one width."""
    width = max((len(word) for word, _ in pairs), default=0)
    return [(word.ljust(width), value) for word, value in pairs]

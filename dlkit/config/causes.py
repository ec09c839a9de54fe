"""What Keras, TensorFlow, the system or a plug-in raise, in words for a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dlkit.config.problems import DlkitError, Problem, RunError

LONGEST_LINE = 300


def first_line(error: BaseException, after: str = "Exception encountered: ") -> str:
    """The first line of what an error says, or its kind where it says nothing.

    Args:
        error: whatever was raised.
        after: what comes before the reason, where it is there. Keras wraps the reason of a part in an error for each
            part around it, all of which begin alike.
    """
    text = str(error).rpartition(after)[2]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return printable((" ".join(lines[:2]) if lines[0].endswith(":") else lines[0])[:LONGEST_LINE])


def kind_and_line(error: BaseException) -> str:
    """`ValueError: the first line of what it says`; the kind alone where it says nothing."""
    kind, line = type(error).__name__, first_line(error)
    return kind if line == kind else f"{kind}: {line}"


def printable(text: str) -> str:
    """A text from a file without characters that would move a cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def reported_as(problem: Callable[[Exception], Problem], raised: type[DlkitError] = RunError) -> Iterator[None]:
    """Within the block, whatever is raised becomes a problem, if it is none already.

    Args:
        problem: what goes wrong when this error is raised.
        raised: the class of the error that carries it.
    """
    try:
        yield
    except DlkitError:
        raise
    except Exception as error:
        raise raised(problem(error)) from error

"""What the processes of one run agree on before they act."""

from __future__ import annotations


class Coordinator:
    """The agreement of all processes of a run; with a single process, that process's own word.

    Clocks and signals are local: processes that each followed their own would wait for each other for ever. So every
    decision that comes from one of them is asked for here, and is the same everywhere.

    Attributes:
        is_chief: whether this process writes what is written once for the whole run.
    """

    is_chief = True

    def min(self, number: int) -> int:
        """The smallest of the numbers that the processes give."""
        return number

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        return flag


def make_coordinator() -> Coordinator:
    """The coordinator of the processes that train together: so far there is one process."""
    return Coordinator()

"""Every kind of problem by its stable code: what it means, and an example of how it is mended.

A layer that reports a new kind of problem adds one entry to one of the tables in `dlkit.config.codes_of_config` (text
and command line), `dlkit.config.codes_of_data`, `dlkit.config.codes_of_runs` (devices, models, runs),
`dlkit.config.codes_of_checks` and `dlkit.config.codes_of_health` (runs in training).
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One kind of problem.

    Attributes:
        title: what it is, in a few words.
        explanation: why it is a problem and what to do.
        before: an example that has the problem.
        after: the same example mended.
    """

    title: str
    explanation: str
    before: str
    after: str


def table() -> dict[str, Code]:
    """Every code with its entry, in the order of the alphabet."""
    from dlkit.config.codes_of_checks import CODES as OF_CHECKS
    from dlkit.config.codes_of_config import CODES as OF_CONFIG
    from dlkit.config.codes_of_data import CODES as OF_DATA
    from dlkit.config.codes_of_health import CODES as OF_HEALTH
    from dlkit.config.codes_of_runs import CODES as OF_RUNS

    entries = {**OF_CONFIG, **OF_DATA, **OF_RUNS, **OF_CHECKS, **OF_HEALTH}
    return {code: Code(*entry) for code, entry in sorted(entries.items())}


def explain(code: str) -> str:
    """The entry of a code as text.

    Raises:
        KeyError: if there is no such code. Its message names the nearest one.
    """
    codes = table()
    if code not in codes:
        from dlkit.config.suggestions import nearest_name

        near = nearest_name(code, codes)
        raise KeyError(f"there is no code `{code}`" + (f"; did you mean `{near}`?" if near else ""))
    entry = codes[code]
    indent = "\n    "
    return (
        f"{code}: {entry.title}\n\n{entry.explanation}\n\n"
        f"Instead of\n{indent}{entry.before.replace(chr(10), indent)}\n\n"
        f"write\n{indent}{entry.after.replace(chr(10), indent)}\n"
    )

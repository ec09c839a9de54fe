"""dlkit cache: the prepared examples that are kept on the disk from run to run."""

from __future__ import annotations

import datetime
from typing import Annotated, Optional

import typer

from dlkit.cli import verbs

EXAMPLES = [
    ("dlkit cache", "what is kept, and how large it is"),
    ("dlkit cache --clear", "delete all of it; what is needed again is prepared again"),
    ("dlkit cache --clear --unused 30", "delete what no run has read for 30 days"),
]


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete, rather than list.")] = False,
    unused: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--unused", metavar="DAYS", min=0, help="Delete only what no run has read for so many days."),
    ] = None,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """List or delete prepared examples that are kept on the disk."""
    if unused is not None and not clear:
        raise typer.BadParameter("--unused says what --clear deletes: give both")
    from dlkit.data import store
    from dlkit.mapped import store_root

    found = store.clear(unused_days=unused or 0.0) if clear else store.entries()
    kept = store.entries() if clear else found
    root = store_root()
    total = sum(entry.size for entry in found)
    if as_json:
        rows = [
            {
                "folder": str(entry.folder),
                "source": entry.about.source,
                "input": entry.about.input,
                "kind": entry.about.kind,
                "shape": list(entry.about.shape),
                "dtype": entry.about.dtype,
                "rows": entry.about.rows,
                "prepared": entry.prepared,
                "bytes": entry.size,
                "used": datetime.datetime.fromtimestamp(entry.used).astimezone().isoformat(timespec="seconds"),
            }
            for entry in found
        ]
        verbs.print_json({"ok": True, "root": str(root), "deleted" if clear else "entries": rows})
        return
    for entry in found:
        about = entry.about
        size = " x ".join(map(str, about.shape))
        used = datetime.datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
        what = f"{about.source}: `{about.input}`, {entry.prepared:,} of {about.rows:,} rows of {size} {about.dtype}"
        typer.echo(f"{_size(entry.size):>10}  {used}  {what}")
    if clear:
        left = f"; {len(kept):,} that a run uses stay" if kept and unused is None else ""
        typer.echo(f"{_size(total)} deleted from {root}{left}")
    else:
        typer.echo(f"{_size(total)} in {root}" if found else f"nothing is kept in {root}")


def _size(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.1f} MiB"


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "cache", cache, EXAMPLES)

"""dlkit schema: the JSON Schema of configurations."""

from __future__ import annotations

from typing import Annotated

import typer

from dlkit.cli import verbs

EXAMPLES = [("dlkit schema > dlkit.schema.json", "for completion and checks in an editor")]


def schema(debug: Annotated[bool, verbs.DEBUG] = False) -> None:
    """Print the JSON Schema of configurations."""
    from dlkit.schema.json_schema import json_schema

    verbs.print_json(json_schema())


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "schema", schema, EXAMPLES)

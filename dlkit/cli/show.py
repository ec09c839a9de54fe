"""dlkit show: the whole configuration, and who set each value; or the network that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dlkit.cli import verbs
from dlkit.config.phrases import count

if TYPE_CHECKING:
    from dlkit.schema.loader import Loaded

EXAMPLES = [
    ("dlkit show configs/mnist_cnn.yaml", "every setting, and who set it"),
    ("dlkit show configs/mnist_cnn.yaml model.dense=[128]", "with an override"),
    ("dlkit show configs/mnist_cnn.yaml --plain > all.yaml", "as YAML that loads again"),
    ("dlkit show configs/mnist_cnn.yaml --model", "the layers of the network"),
    ("dlkit show configs/mnist_cnn.yaml --plot cnn.svg", "the same and a picture"),
]


def show(
    config: Annotated[str, verbs.CONFIG],
    overrides: Annotated[list[str] | None, verbs.OVERRIDES] = None,
    plain: Annotated[bool, typer.Option("--plain", help="YAML alone, without who set what.")] = False,
    model: Annotated[bool, typer.Option("--model", help="Show the layers of the network instead.")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw them too, as SVG.")] = None,
    no_data: Annotated[bool, verbs.NO_DATA] = False,
    as_json: Annotated[bool, verbs.JSON] = False,
    debug: Annotated[bool, verbs.DEBUG] = False,
) -> None:
    """Show every setting, and who set it; or the layers of the network."""
    path, words = verbs.config_and_overrides(config, overrides or (), "show")
    if model or plot is not None:
        _show_model(path, words, plot, use_data=not no_data, as_json=as_json)
        return
    loaded = verbs.load(path, words, needs_source=False)
    if as_json:
        verbs.print_json({"ok": True, "config": loaded.resolved(), "origins": _origins(loaded)})
    elif plain:
        typer.echo(loaded.to_yaml(), nl=False)
    else:
        _print_table(loaded)


def _show_model(path: str, words: list[str], plot: Path | None, *, use_data: bool, as_json: bool) -> None:
    from dlkit.looking.picture import picture_path

    loaded = verbs.load(path, words, needs_source=use_data)
    picture = None if plot is None else picture_path(plot, "", ".svg")
    with verbs.tensorflow(as_json) as progress, loaded.locating():
        from dlkit.files import write_text
        from dlkit.looking.network import network
        from dlkit.training.failures import refused_as_run_error
        from dlkit.training.prepare import prepare

        with refused_as_run_error():
            built = prepare(loaded, use_data=use_data, progress=progress.preparing).built
        found = network(built.model, built.origins)
        if picture is not None:
            write_text(picture, found.svg())
    if as_json:
        verbs.print_json({"ok": True, **found.content, "picture": None if picture is None else str(picture)})
        return
    typer.echo(str(found))
    if picture is not None:
        typer.echo(f"\n{picture} shows {count(len(found.rows), 'layer')}")


def _origins(loaded: Loaded) -> dict[str, str]:
    from dlkit.config.tree import dotted

    return {dotted(key): origin for key, origin in loaded.origins.items()}


def _print_table(loaded: Loaded) -> None:
    from dlkit.config.tree import dotted

    rows = [(dotted(key), _word(value), _origin(loaded, key)) for key, value in _leaves(loaded.resolved(), ())]
    keys, values = (max(len(row[i]) for row in rows) for i in (0, 1))
    for key, value, origin in rows:
        typer.echo(f"{key:<{keys}}  {value:<{min(values, 40)}}  {origin}")


def _origin(loaded: Loaded, key: tuple[Any, ...]) -> str:
    """Who set a value; for a list, everybody who set an item of it."""
    if key in loaded.origins:
        return loaded.origins[key]
    return ", ".join(dict.fromkeys(o for k, o in loaded.origins.items() if k[: len(key)] == key))


def _leaves(value: Any, key: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], Any]]:
    """Key paths and values, down to what is neither a mapping nor a list of mappings."""
    if isinstance(value, dict) and value:
        return [leaf for name, below in value.items() for leaf in _leaves(below, (*key, name))]
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return [leaf for i, below in enumerate(value) for leaf in _leaves(below, (*key, i))]
    return [(key, value)]


def _word(value: Any) -> str:
    """A value as YAML writes it on one line."""
    import json

    if value is None:
        return "null"
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(_word, value))}]"
    return json.dumps(value)


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    verbs.register(app, "show", show, EXAMPLES)

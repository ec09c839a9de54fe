"""What `dlkit init` writes, as text and as plain data; and small tables to write it for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlkit.config.reader import read_text
from dlkit.init.write import write_config


def written(path: Path, folder: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    """The text of a configuration, and its content."""
    text = write_config(str(path.relative_to(folder)), Path("out.yaml"), force=True, **options).text
    return text, read_text(text, "out.yaml").data


def one_line(text: str) -> str:
    """The words of comments without their line ends."""
    return " ".join(text.replace("#", "").split())


def table(path: Path, **columns: Any) -> Path:
    """A CSV file of these columns."""
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join(",".join(map(str, row)) for row in [list(columns), *rows]) + "\n")
    return path

"""What a prepared set of TFDS's would import, looked at before TFDS opens its folder.

`features.json` names a Python class for each feature, and TFDS imports the modules of those that it does not know. A
file that the user did not name decides nothing that is imported: the classes are TFDS's own, or of modules that the
user has imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dlkit.config.problems import Key, Problem, RunError

# The class of a feature in the protocol buffer's two spellings, and in the format of TFDS before 4.4.
CLASS_NAMES = ("pythonClassName", "python_class_name", "type")
# Folders below that of a set: its configs, and their versions.
PATTERNS = ("features.json", "*/features.json", "*/*/features.json")


def refuse_foreign_features(folders: Iterable[Path], key: Key) -> None:
    """Refuse sets whose features would make TFDS import modules that are not its own.

    Args:
        folders: of one set, each with its versions below.
        key: path of the setting that names the set.

    Raises:
        RunError: naming the module, or a file that cannot be read.
    """
    for file in (file for folder in folders for pattern in PATTERNS for file in sorted(folder.glob(pattern))):
        for name in _classes(_content(file, key)):
            module = name.rpartition(".")[0]
            if module.startswith("tensorflow_datasets.") or module in sys.modules:
                continue
            message = f"{file} names a class of the module `{module[:100]}`, which TFDS would import"
            help = (
                "look at the module; if you trust it, import it in a plug-in of the configuration, or before training"
            )
            raise RunError(Problem("dataset-not-trusted", message, key, help=help))


def _content(file: Path, key: Key) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        message = f"{file} is damaged ({reason})"
        raise RunError(Problem("damaged-data", message, key, help="make or copy the set again")) from error


def _classes(content: Any) -> Iterator[str]:
    """The names of all classes, at any depth."""
    left = [content]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield from (part[word] for word in CLASS_NAMES if isinstance(part.get(word), str))
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)

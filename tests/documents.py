"""Reading the documents, and running what they show."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests import processes

ROOT = Path(__file__).parents[1]


def blocks(document: str, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run(program: str, *words: str, folder: Path, root: Path = ROOT) -> str:
    """Run a program of Python with the dlkit of a folder in a process of its own, and give what it printed."""
    done = processes.python(program, *words, folder=folder, root=root)
    assert done.returncode == 0, f"{program}\n{done.stdout}\n{done.stderr}"
    return done.stdout


_COMMANDS = """
import json, sys
from typer.testing import CliRunner
from dlkit.cli import app

for words in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, words)
    print("\\n@", json.dumps([done.exit_code, done.stdout, done.stderr]))
"""


def dlkit(commands: list[list[str]], folder: Path, *, root: Path = ROOT) -> list[str]:
    """Run the command line of the dlkit of a folder, all commands in one process of their own.

    The words of each come after `dlkit`; of each there is what it printed, and its errors where it was refused.
    """
    printed = run(_COMMANDS, json.dumps(commands), folder=folder, root=root)
    found = [json.loads(line[2:]) for line in printed.splitlines() if line.startswith("@ ")]
    assert all(status in (0, 2) for status, _, _ in found), printed
    return [err if status else out for status, out, err in found]

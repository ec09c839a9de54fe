"""Reading the documents, and running what they show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(document: str, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run(command: list[str], folder: Path, *, root: Path = ROOT, status: int = 0) -> str:
    """Run a command with the dlkit of a folder, and give what it printed; its errors, where it has to fail."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stderr if status else done.stdout


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
    printed = run([sys.executable, "-c", _COMMANDS, json.dumps(commands)], folder, root=root)
    found = [json.loads(line[2:]) for line in printed.splitlines() if line.startswith("@ ")]
    assert all(status in (0, 2) for status, _, _ in found), printed
    return [err if status else out for status, out, err in found]

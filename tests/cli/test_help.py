"""The command line before anything is trained: help, versions, completion, and how little it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import Result

Dlkit = Callable[..., Result]
VERBS = (
    "init",
    "train",
    "evaluate",
    "predict",
    "check",
    "baseline",
    "find-lr",
    "show",
    "schema",
    "explain-code",
    "cache",
)
HEAVY = ("tensorflow", "keras", "numpy", "tensorflow_datasets")


def imported_by(*words: str) -> set[str]:
    """Which heavy packages a whole process of the command line has imported when it ends."""
    code = (
        "import sys\n"
        "from dlkit.cli import app\n"
        f"try:\n    app({list(words)!r})\n"
        f"finally:\n    print('IMPORTED', *[n for n in {HEAVY!r} if n in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return set(ended.stdout.rpartition("IMPORTED")[2].split())


@pytest.mark.parametrize(
    "words", [["--help"], ["train", "--help"], ["train", "nowhere.yaml"], ["schema"], ["--version"]]
)
def test_nothing_heavy_is_imported_before_it_is_needed(words: list[str]) -> None:
    assert imported_by(*words) == set()


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_fits_80_columns_and_has_examples(dlkit: Dlkit, verb: str) -> None:
    result = dlkit(verb, "--help", env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert f"dlkit {verb}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_help_lists_every_verb(dlkit: Dlkit) -> None:
    listed = dlkit("--help").stdout
    assert all(f"  {verb} " in listed for verb in VERBS)


def test_versions_are_reported(dlkit: Dlkit) -> None:
    message = dlkit("--version").stdout.split()
    assert message[::2] == ["dlkit", "tensorflow", "keras", "python"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_each_shell(shell: str) -> None:
    program = "from dlkit.cli import main; import sys; sys.argv[0] = 'dlkit'; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, "--show-completion", shell],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    assert "_DLKIT_COMPLETE" in ended.stdout


def test_a_wrong_option_is_a_mistake_of_the_command_line(dlkit: Dlkit) -> None:
    result = dlkit("train", "small.yaml", "--epochs", "3")
    assert result.exit_code == 2
    assert "--epochs" in result.stderr


@pytest.mark.parametrize("verb", ["train", "evaluate", "predict"])
def test_an_empty_runs_folder_is_a_mistake_of_the_command_line(dlkit: Dlkit, verb: str) -> None:
    result = dlkit(verb, "small.yaml", "--runs", "")
    assert result.exit_code == 2
    assert "the name of the folder is empty" in result.stderr


def test_with_json_a_wrong_option_is_json_too() -> None:
    words = [sys.executable, "-m", "dlkit", "train", "--epochs", "3", "--json"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["problems"][0]["code"] == "bad-command-line"


def test_codes_are_explained(dlkit: Dlkit) -> None:
    assert "unknown-key" in dlkit("explain-code").stdout
    assert dlkit("explain-code", "error[unknown-key]").stdout.startswith("unknown-key: ")
    unknown = dlkit("explain-code", "unknown-kee")
    assert unknown.exit_code == 2
    assert "did you mean `unknown-key`?" in unknown.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"set -o pipefail; {sys.executable} -m dlkit schema | head -c 10"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert ended.stderr == ""

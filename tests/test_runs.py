"""The run folder: which run is meant, and the commit that it was made from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dlkit import runs
from dlkit.config.problems import ConfigError


def made(path: Path) -> Path:
    """A run's folder."""
    path.mkdir(parents=True)
    (path / "config.yaml").write_text("name: x\n")
    return path


def test_the_latest_run_is_reported_by_its_name_whatever_became_of_the_links(tmp_path: Path) -> None:
    old = made(tmp_path / "a" / "2026-01-02_030405_ffff")
    new = made(tmp_path / "a" / "2026-01-03_000000_0000")
    other = made(tmp_path / "b" / "2025-12-31_235959_aaaa")
    for run in (new, other):
        (run.parent / "latest").symlink_to(run.name)
    # The link of `b` was made, or copied, last.
    os.utime(tmp_path / "b" / "latest", (2e9, 2e9), follow_symlinks=False)
    os.utime(other, (2e9, 2e9))
    assert runs.find("latest", tmp_path).path == new
    assert runs.find("b", tmp_path).path == other
    (new / "config.yaml").unlink()
    assert runs.find("latest", tmp_path).path == old
    assert runs.find("a", tmp_path).path == old
    (tmp_path / "a" / "latest").unlink()
    assert runs.find("a", tmp_path).path == old


def test_of_two_runs_of_one_second_the_link_names_the_latest(tmp_path: Path) -> None:
    first, second = (made(tmp_path / "a" / f"2026-01-02_030405_{letters}") for letters in ("ffff", "0000"))
    (tmp_path / "a" / "latest").symlink_to(second.name)
    assert runs.find("latest", tmp_path).path == second
    assert runs.find("latest", tmp_path).path != first


def test_a_run_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    made(tmp_path / "a" / "2026-01-02_030405_ffff")
    (tmp_path / "notes.txt").write_text("")
    for name in ("b", ""):
        with pytest.raises(ConfigError, match="there are: a"):
            runs.find(name, tmp_path)


def test_a_new_run_is_the_latest(tmp_path: Path) -> None:
    folders = [runs.create(tmp_path, "a") for _ in range(3)]
    runs.keep_config(folders[-1], "name: a\n")
    assert runs.find("latest", tmp_path).path == folders[-1].path


def git(folder: Path, *words: str) -> str:
    """What git prints."""
    who = {f"GIT_{role}_{what}": "nobody" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-c", "init.defaultBranch=main", *words]
    message = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, **who})
    return message.stdout.strip()


def test_the_commit_of_packed_branches_and_worktrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main, side, outside = tmp_path / "main", tmp_path / "side", tmp_path / "outside"
    for folder in (main, outside):
        folder.mkdir()
    git(main, "init")
    git(main, "commit", "--allow-empty", "-m", "first")
    git(main, "worktree", "add", str(side), "-b", "side")
    git(side, "commit", "--allow-empty", "-m", "second")
    git(main, "pack-refs", "--all")
    (main / "below").mkdir()
    for folder in (main, main / "below", side):
        monkeypatch.chdir(folder)
        assert runs.environment([], {})["git_commit"] == git(folder, "rev-parse", "HEAD")
    monkeypatch.chdir(outside)
    assert runs.environment([], {})["git_commit"] is None
    monkeypatch.chdir(main)
    monkeypatch.setenv("PATH", str(outside))
    assert runs.environment([], {})["git_commit"] is None

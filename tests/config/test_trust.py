"""Plug-ins are code: the configuration of a run imports those alone that the user has named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlkit.config import trust
from dlkit.config.problems import ConfigError
from dlkit.schema.loader import load, load_run_config
from tests.schema.test_plugins import MODULE, TEXT


@pytest.fixture(autouse=True)
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has named no plug-in yet; gives where they are remembered."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trust, "_of_this_process", set())
    return tmp_path / "state" / "dlkit" / "plugins"


def planted(folder: Path) -> Path:
    """A configuration with a plug-in beside it that leaves the file `imported` when it is imported."""
    folder.mkdir()
    (folder / "my_plugin.py").write_text(
        f"from pathlib import Path\nPath({str(folder / 'imported')!r}).touch()\n{MODULE}"
    )
    (folder / "config.yaml").write_text(TEXT)
    return folder / "config.yaml"


def test_the_plug_in_of_a_run_of_others_is_not_imported(tmp_path: Path) -> None:
    config = planted(tmp_path / "run")
    with pytest.raises(ConfigError) as refused:
        load_run_config(config)
    (problem,) = refused.value.problems
    assert problem.code == "plugin-not-trusted" and "--trust" in problem.help
    assert problem.location is not None and problem.location.line == 2
    assert not (tmp_path / "run" / "imported").exists()


def test_trust_imports_it_once_and_remembers_nothing(tmp_path: Path, nothing_known: Path) -> None:
    config = planted(tmp_path / "run")
    assert load_run_config(config, trust=True).config.name == "mine"
    assert (tmp_path / "run" / "imported").exists()
    assert not nothing_known.exists()
    with pytest.raises(ConfigError, match="my_plugin"):
        load_run_config(config)


def test_a_plug_in_that_the_user_has_named_is_imported_for_any_run(tmp_path: Path, nothing_known: Path) -> None:
    own = load(planted(tmp_path / "own"))
    run = tmp_path / "run.yaml"
    run.write_text(own.to_yaml())
    trust._of_this_process.clear()  # another process
    assert load_run_config(run).config.name == "mine"
    assert nothing_known.read_text() == f"file '{tmp_path / 'own' / 'my_plugin.py'}'\n"
    load(tmp_path / "own" / "config.yaml")
    assert len(nothing_known.read_text().splitlines()) == 1


def test_a_file_of_the_same_name_beside_the_run_is_another_plug_in(tmp_path: Path) -> None:
    load(planted(tmp_path / "own"))
    other = planted(tmp_path / "run")
    with pytest.raises(ConfigError, match="my_plugin"):
        load_run_config(other)
    assert not (tmp_path / "run" / "imported").exists()


def test_a_module_that_python_finds_is_code_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(tmp_path / "path")
    (tmp_path / "path" / "my_plugin.py").rename(tmp_path / "path" / "installed_plugin.py")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    run = tmp_path / "run.yaml"
    run.write_text(TEXT.replace("my_plugin", "installed_plugin"))
    with pytest.raises(ConfigError, match="installed_plugin"):
        load_run_config(run)
    assert not (tmp_path / "path" / "imported").exists()
    load(run)
    assert load_run_config(run).config.name == "mine"


def test_a_home_that_cannot_be_written_ends_nothing(tmp_path: Path, nothing_known: Path) -> None:
    nothing_known.parent.parent.write_text("a file where the folder should be")
    config = planted(tmp_path / "own")
    load(config)
    assert load_run_config(config).config.name == "mine", "this process knows what it has imported"


def test_a_list_that_is_damaged_knows_nothing(tmp_path: Path, nothing_known: Path) -> None:
    nothing_known.parent.mkdir(parents=True)
    nothing_known.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="my_plugin"):
        load_run_config(planted(tmp_path / "run"))

"""What `describe` finds in small files of every sort."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import dlkit
from dlkit.looking.describe import Description
from dlkit.schema.looking import number
from tests.looking import data


def described(folder: Path, kind: str) -> tuple[dict[str, Any], str]:
    """The content of a description, which is plain JSON, and its text."""
    found = dlkit.describe(data.ALL[kind](folder))
    return json.loads(json.dumps(found.content, allow_nan=False)), str(found)


@pytest.mark.parametrize("kind", data.ALL)
def test_every_input_and_target_is_there_in_80_columns(tmp_path: Path, kind: str) -> None:
    content, text = described(tmp_path, kind)
    loaded = dlkit.load_config(data.ALL[kind](tmp_path)).config
    assert set(content["inputs"]) == set(loaded.data.inputs)
    assert set(content["targets"]) == set(loaded.data.targets)
    for column in (*content["inputs"].values(), *content["targets"].values()):
        assert {"kind", "columns", "shape", "dtype", "summary"} <= set(column)
        assert set(column["summary"]) == set(content["splits"])
    assert len(content["examples"]) == 3
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"input {name}: " in text for name in content["inputs"])
    assert all(f"target {name}: " in text for name in content["targets"])


def test_leaks_between_the_splits_are_reported(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    x = np.stack([rng.normal(size=400), y + rng.normal(size=400) / 100], axis=1)
    config = {
        "name": "leaky",
        "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "binary"}}},
        "model": {"builder": "mlp"},
    }
    given = {"train": (x[:300], y[:300]), "test": (x[299:], y[299:])}
    found = dlkit.describe(config, data=given)
    assert [leak["code"] for leak in found.content["leaks"]] == ["example-in-two-splits", "column-gives-answer"]
    text = " ".join(str(found).split())
    assert "warning[example-in-two-splits]: 1 of 101 test examples is in train as well" in text
    assert "leave the column out" in text
    assert not described(tmp_path, "npz")[0]["leaks"]


def test_a_table(tmp_path: Path) -> None:
    content, text = described(tmp_path, "csv")
    columns = content["inputs"]["x"]["summary"]["train"]["columns"]
    assert list(columns) == ["age", "income", "always"]
    sizes, missing = (
        content["splits"],
        [s["columns"]["age"]["missing"] for s in content["inputs"]["x"]["summary"].values()],
    )
    assert sum(missing) == 1 and sum(sizes.values()) == 39
    assert columns["always"]["constant"] and not columns["income"]["constant"]
    assert columns["always"]["min"] == columns["always"]["mean"] == 7 and columns["always"]["deviation"] == 0
    assert "always (constant)" in text
    counts = [s["counts"] for s in content["inputs"]["city"]["summary"].values()]
    assert sum(c.get("Oslo", 0) for c in counts) == 1
    assert list(counts[0].values()) == sorted(counts[0].values(), reverse=True)
    labels = content["targets"]["class"]["summary"]
    assert all(sum(labels[split]["counts"].values()) == sizes[split] for split in sizes)
    (dropped,) = content["dropped"]
    assert dropped["rows"] == ["people.csv:9"] and "people.csv:9" in text
    assert content["examples"][0]["place"].startswith("people.csv:")


def test_images_in_files(tmp_path: Path) -> None:
    content, _ = described(tmp_path, "image_folder")
    for split, summary in content["inputs"]["image"]["summary"].items():
        assert set(summary["sizes"]) <= {"20 x 16 x 3", "16 x 20 x 3", "14 x 14 x 3"}
        assert sum(summary["sizes"].values()) == content["splits"][split]
    assert content["examples"][0]["place"].endswith(".png")


def test_texts(tmp_path: Path) -> None:
    content, _ = described(tmp_path, "texts")
    summaries = content["inputs"]["text"]["summary"].values()
    assert sum(s["empty"] for s in summaries) == 1
    assert {s["most words"] for s in summaries} == {4}
    assert "bad" in next(iter(summaries))["most frequent"]


def test_windows(tmp_path: Path) -> None:
    content, _ = described(tmp_path, "series")
    assert content["inputs"]["past"]["summary"]["train"]["steps"] == 12
    assert content["targets"]["future"]["summary"]["train"]["steps"] == 6


def test_too_many_values_are_looked_at_in_part_which_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlkit.looking.describe.MOST_VALUES", 12 * 10 * 3 * 20)
    content, text = described(tmp_path, "npz")
    assert content["inputs"]["image"]["looked at"] == {"train": 20}
    assert "from some of the examples: 20 of train" in text


def test_arrays_and_streams_from_python() -> None:
    config = {
        "name": "given",
        "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category", "classes": 2}}},
        "model": {"builder": "mlp", "dense": [4]},
    }
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    arrays = dlkit.describe(config, data=(x, y))
    stream = dlkit.describe(config, data=tf.data.Dataset.from_tensor_slices((x, y)))
    for found in (arrays, stream):
        assert isinstance(found, Description)
        assert found.content["inputs"]["x"]["summary"]["train"]["columns"]
        assert found.content["targets"]["y"]["summary"]["train"]["counts"] == {"0": 10, "1": 10}
        assert found._repr_html_().startswith("<pre>given")


def test_numbers_are_written_as_people_read_them() -> None:
    found = [number(value) for value in (0.123456, 1234.5, 207_654.3, -41_180.0, 1.5e9, float("nan"))]
    assert found == ["0.1235", "1234", "207,654", "-41,180", "1.5e+09", "nan"]

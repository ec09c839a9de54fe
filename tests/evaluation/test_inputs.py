"""Arrays to predict for, by the kinds of the inputs: one value an example, several inputs, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.config.problems import RunError
from dlkit.data.bound import Spec
from dlkit.data.values import RowPlace
from dlkit.evaluation.files import table_endings
from dlkit.evaluation.inputs import read_inputs
from dlkit.evaluation.predict import predict
from dlkit.evaluation.trained import Trained
from dlkit.schema.features import Feature
from dlkit.schema.input import INPUTS
from dlkit.schema.source import Piece
from tests.bound import an_input
from tests.quick import ALONE
from tests.training.helpers import train

RANDOM = np.random.default_rng(0)
ROWS = 60
JOBS = np.array(["cook", "nurse"])[RANDOM.integers(0, 2, ROWS)]
CODES = RANDOM.integers(0, 3, ROWS)
SIZES = RANDOM.normal(size=ROWS).astype(np.float32)
WALKS = RANDOM.normal(size=(ROWS, 6)).astype(np.float32)
WALKS[::2, 4:] = np.nan
GIVEN = {"job": JOBS, "code": CODES, "size": SIZES, "walk": WALKS}
SPLITS = dict.fromkeys(("train", "test"), (GIVEN, {"y": np.arange(ROWS) % 2}))
CONFIG: dict[str, Any] = {
    "name": "four",
    "data": {
        "inputs": {
            "job": {"kind": "category"},
            "code": {"kind": "category"},
            "size": {"kind": "number"},
            "walk": {"kind": "sequence"},
        },
        "targets": {"y": {"kind": "binary"}},
        "batch_size": 30,
    },
    "model": {"builder": "mlp", "dense": [4]},
    "training": {"epochs": 1, **ALONE},
    "runtime": {"compile": "graph"},
}


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    """A run on four inputs of one value, or one channel, each."""
    return train(CONFIG, tmp_path_factory.mktemp("four"), data=SPLITS)


@pytest.mark.parametrize("columns", [False, True])
def test_several_inputs_of_one_value_come_from_one_file(four: dlkit.Run, tmp_path: Path, columns: bool) -> None:
    arrays: dict[str, Any] = {name: x[..., np.newaxis] if columns else x for name, x in GIVEN.items()}
    np.savez(tmp_path / "x.npz", **arrays)
    np.savez(tmp_path / "bytes.npz", **{**arrays, "job": arrays["job"].astype("S"), "code": arrays["code"] * 1.0})
    expected = predict(four.folder, data=SPLITS).results["y"]
    for name in ("x.npz", "bytes.npz"):
        found = predict(four.folder, [tmp_path / name])
        np.testing.assert_allclose(found.results["y"], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"job": CODES}, "it holds int64, not text"),
        ({"code": JOBS}, "it holds <U5, not numbers"),
        ({"code": CODES + 0.5}, r"row 0 of `x.npz` holds .\.5, no whole number"),
        ({"size": np.where(np.arange(ROWS) == 7, np.nan, SIZES)}, "not finite numbers: row 7 has nan"),
        ({"walk": np.full((ROWS, 6), np.nan)}, "row 0 of `x.npz` is a sequence of padding alone"),
        ({"size": np.stack([SIZES, SIZES], axis=1)}, "its `size` has shape 2, the model takes one value"),
        ({"job": np.stack([JOBS, JOBS], axis=1)}, "its `job` has shape 2, the model takes one value"),
        ({"size": SIZES[:50]}, "its arrays differ in length"),
    ],
)
def test_what_cannot_be_used_is_named(four: dlkit.Run, tmp_path: Path, wrong: dict[str, Any], says: str) -> None:
    np.savez(tmp_path / "x.npz", **{**GIVEN, **wrong})
    with pytest.raises(RunError, match=says) as refused:
        predict(four.folder, [tmp_path / "x.npz"])
    (problem,) = refused.value.problems
    assert problem.code == "unusable-input"
    assert "`fill_missing`" in problem.help or "finite" not in problem.message
    assert problem.message.count(str(tmp_path)) == 1


def trained(
    kind: str, shape: tuple[int | None, ...], dtype: str, rows: np.ndarray | None = None, **settings: Any
) -> Trained:
    """What `read_inputs` has to know of a model with one input `x`, fitted to these rows."""
    x = an_input(Feature("x", kind, shape, dtype), **settings)
    if rows is not None and x.settings.fitted:
        place = RowPlace("train", ("x",), (Piece("train", 0, None),), x.key)
        x = replace(x, state=x.settings.fit(rows, x.feature, place)[1])
    return Trained(Path("m.keras"), None, Spec({"x": x}, {}), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "shape", "dtype", "rows"),
    [
        ("category", (1,), "int64", CODES),
        ("category", (1,), "string", JOBS),
        ("category", (2,), "string", np.stack([JOBS, JOBS], axis=1)),
        ("number", (), "float32", SIZES),
        ("number", (1,), "float32", SIZES[:, np.newaxis]),
        ("number", (3,), "float32", RANDOM.normal(size=(ROWS, 3))),
        ("image", (4, 4, 1), "uint8", RANDOM.integers(0, 256, (ROWS, 4, 4, 1))),
        ("sequence", (6, 1), "float32", RANDOM.normal(size=(ROWS, 6, 1))),
    ],
)
def test_rows_and_a_single_example_are_read_with_or_without_an_axis_of_one(
    tmp_path: Path, kind: str, shape: tuple[int, ...], dtype: str, rows: np.ndarray
) -> None:
    model, (path,) = trained(kind, shape, dtype, rows), [tmp_path / "x.npy"]
    forms = [(rows, ROWS), (rows[3], 1)]
    forms += [(rows[..., 0], ROWS), (rows[3, ..., 0], 1)] if shape[-1:] == (1,) and rows.ndim > 1 else []
    for array, count in forms:
        np.save(path, array)
        found = np.concatenate([part.arrays["x"] for part in read_inputs(model, [path], 17)])
        assert found.shape == (count, *shape)
        expected = (rows if count > 1 else rows[3:4]).reshape(count, *shape)
        np.testing.assert_array_equal(found, expected if dtype == "string" else expected.astype(dtype))


@pytest.mark.parametrize(
    ("pixels", "says"),
    [(np.full((2, 4, 4, 1), 256), "row 0 of `x.npy` has 256, outside of 0 to 255"),
     (np.full((2, 4, 4, 1), 0.5), "it holds float64, and uint8 is expected, which would cut off fractions")],
)  # fmt: skip
def test_pixels_that_bytes_do_not_hold_are_refused(tmp_path: Path, pixels: np.ndarray, says: str) -> None:
    np.save(tmp_path / "x.npy", pixels)
    with pytest.raises(RunError, match=says):
        list(read_inputs(trained("image", (4, 4, 1), "uint8"), [tmp_path / "x.npy"], 8))


@pytest.mark.parametrize("kind", INPUTS.own_names)
def test_every_kind_reads_files_of_its_own_or_says_that_it_reads_none(kind: str, tmp_path: Path) -> None:
    shape = {"image": (4, 4, 3), "sequence": (6, 2)}.get(kind, (3,))
    model = trained(kind, shape, {"image": "uint8", "text": "string"}.get(kind, "float32"))
    endings = INPUTS[kind].suffixes
    for ending in {ending for name in INPUTS.own_names for ending in INPUTS[name].suffixes}:
        (tmp_path / f"x{ending}").write_bytes(b"nothing of the kind \x81\xff")
        says = "not a whole|not text that can be read" if ending in endings else f"takes {kind} input"
        if ending not in endings and ending in table_endings(model.spec):
            says = "names of columns and no rows"  # a table, for what is a cell of one
        with pytest.raises(RunError, match=says):
            list(read_inputs(model, [tmp_path / f"x{ending}"], 8))
    with pytest.raises(RunError, match=r"`\.xyz` is not a kind of file that can be read"):
        (tmp_path / "x.xyz").write_text("text")
        list(read_inputs(model, [tmp_path / "x.xyz"], 8))


@pytest.mark.parametrize("columns", [["age", "size"], ["age", "s*"], "*e"])
def test_an_input_of_several_columns_is_read_from_arrays_by_their_names(tmp_path: Path, columns: Any) -> None:
    model, path = trained("number", (2,), "float32", columns=columns), tmp_path / "x.npz"
    for arrays in (
        {"size": SIZES, "age": CODES},
        {"size": SIZES[:1, np.newaxis], "age": CODES[:1]},
        {"size": 2, "age": 1},
    ):
        np.savez(path, **arrays)
        found = np.concatenate([part.arrays["x"] for part in read_inputs(model, [path], 17)])
        expected = np.stack([np.ravel(arrays["age"]), np.ravel(arrays["size"])], axis=1)
        np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "says", "help"),
    [
        (
            {"age": CODES},
            "it has no array `x`",
            "its arrays are age; the model takes `x` (or `age`, `size` side by side)",
        ),
        ({"age": CODES, "size": SIZES[:3]}, "its arrays differ in length: `age` 60, `size` 3", ""),
    ],
)
def test_the_columns_that_make_up_an_input_are_named(tmp_path: Path, arrays: Any, says: str, help: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(RunError, match=says) as refused:
        list(read_inputs(trained("number", (2,), "float32", columns=["age", "size"]), [tmp_path / "x.npz"], 8))
    assert refused.value.problems[0].help == help

"""What `dlkit init` chooses, and that it says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import yaml
from typer.testing import Result

import dlkit
from dlkit import speed
from dlkit.data.load import load_splits
from dlkit.init.write import write_config
from dlkit.inputs._image_recipe import recipe
from dlkit.schema.input import INPUTS, InputSettings
from dlkit.schema.loader import from_mapping
from dlkit.schema.target import TARGETS, TargetSettings
from tests.init.data import FILES, WORDS, people
from tests.init.writing import one_line, table, written

Dlkit = Callable[..., Result]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_columns_of_a_mixed_table(tmp_path: Path) -> None:
    text, config = written(people(tmp_path / "people.csv"), tmp_path)
    inputs, data = config["data"]["inputs"], config["data"]
    assert data["source"] == {"kind": "csv", "path": "people.csv"}
    assert data["targets"] == {"bought": {"kind": "binary"}}
    assert data["clean"] == {"drop": ["missing"]}, "the target is missing in a row"
    assert data["splits"] == {"by": "stratified", "validation": "10%", "test": "20%"}
    assert inputs["age"]["preprocess"] == ["fill_missing", "normalize"]
    assert inputs["income"]["preprocess"] == [{"fill_missing": {"indicator": True}}, "normalize"]
    assert inputs["postcode"] == {"kind": "category"} and inputs["city"] == {"kind": "category"}
    assert inputs["floors"] == {"kind": "number"} and inputs["plan_type"] == {"kind": "category"}
    assert set(inputs) == {"postcode", "city", "age", "income", "floors", "plan_type"}
    lines = " ".join(line.strip().removeprefix("# ") for line in text.splitlines())
    for words in (
        "Codes with leading zeros, which are no numbers",
        "Left out: `person_id`: a different value in every row", "Left out: `joined`: dates",
        "Left out: `country`: it has one value in all rows", "`floors` has 16 different whole numbers",
        "splits: {by: time, column: joined", "name another with `--target`",
    ):  # fmt: skip
        assert words in lines


@pytest.mark.parametrize("kind", ["inputs", "targets"])
def test_lines_in_doubt_are_read_as_they_stand(tmp_path: Path, kind: str) -> None:
    """Uncommented, the other reading is a setting that its kind takes."""
    path = table(tmp_path / "a.csv", x=np.arange(200) % 16, z=np.arange(200) / 7, y=np.arange(200) % 9)
    text, config = written(path, tmp_path)
    name, registry = ("x", INPUTS) if kind == "inputs" else ("y", TARGETS)
    other = yaml.safe_load(
        next(line for line in text.splitlines() if f"# {name}: {{" in line).strip().removeprefix("# ")
    )
    assert other[name]["kind"] != config["data"]["targets"]["y"]["kind"] or kind == "inputs"
    registry[other[name]["kind"]].model_validate(other[name])


def test_rows_without_a_label_and_infinite_numbers_are_seen_to(tmp_path: Path) -> None:
    labels = np.where(np.arange(200) % 10, np.array(WORDS[:2] * 100), "")
    odd = np.where(np.arange(200) == 7, np.inf, np.arange(200) / 3)
    path = table(tmp_path / "a.csv", x=np.arange(200) / 7, odd=odd, y=labels)
    text, config = written(path, tmp_path)
    assert config["data"]["clean"] == {"drop": ["missing"]} and set(config["data"]["inputs"]) == {"x"}
    assert "Left out: `odd`: some of its values are infinite" in " ".join(text.split())
    assert load_splits(from_mapping(config).config.data).spec.targets["y"].classes == tuple(sorted(WORDS[:2]))


def test_the_split_by_time_in_the_comment_is_one(tmp_path: Path) -> None:
    text, config = written(people(tmp_path / "people.csv"), tmp_path)
    line = next(line for line in text.splitlines() if "# splits: {by: time" in line)
    config["data"]["splits"] = yaml.safe_load(line.strip().removeprefix("# "))["splits"]
    splits = load_splits(from_mapping(config).config.data)
    assert splits.validation is not None and splits.test is not None


@pytest.mark.parametrize(
    ("dates", "in_order"),
    [
        ([f"{n % 28 + 1}.12.2020" for n in range(60)], True),
        ([f"2020-12-{n % 28 + 1:02d}T00:00:00+01:00" for n in range(60)], True),
        ([f"{n % 12 + 1}.12.2020" for n in range(60)], False),
        ([f"2020-12-{n % 28 + 1:02d} 00:00{'Z' if n else ''}" for n in range(60)], False),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_split_by_time_is_proposed_where_dates_can_be_put_in_order(
    dates: list[str], in_order: bool, tmp_path: Path
) -> None:
    path = table(tmp_path / "a.csv", x=np.arange(60) / 7, when=dates, y=WORDS[:2] * 30)
    assert ("by: time" in written(path, tmp_path)[0]) is in_order


def test_texts_of_characters_are_counted_in_characters(tmp_path: Path) -> None:
    texts = [f"电影很好看，第{n}次也想再看一遍" if n % 2 else f"太糟糕了我不喜欢，第{n}次" for n in range(60)]
    text = " ".join(written(table(tmp_path / "a.csv", text=texts, y=WORDS[:2] * 30), tmp_path)[0].split())
    assert "text: {kind: text" in text
    assert "60 texts / 14 characters" in text.replace("# ", "")
    names = [f"{'王李张刘陈杨'[n % 6]}{'一二三四五六七八九十'[n // 6]}" for n in range(60)]
    text = written(table(tmp_path / "b.csv", x=np.arange(60) / 7, name=names, y=WORDS[:2] * 30), tmp_path)[0]
    assert "Left out: `name`: a different value in every row" in text


def test_lists_of_unequal_lengths_are_sequences(tmp_path: Path) -> None:
    lists = [np.sin(np.arange(5 + number % 4) + number).tolist() for number in range(60)]
    pyarrow.parquet.write_table(pyarrow.table({"beat": lists, "y": np.arange(60) % 2}), tmp_path / "a.parquet")
    config = written(tmp_path / "a.parquet", tmp_path, target="y")[1]
    assert config["data"]["inputs"] == {"beat": {"kind": "sequence", "length": 8}}
    assert load_splits(from_mapping(config).config.data).spec.inputs["beat"].shape == (8, 1)


def test_dates_of_a_parquet_file_are_dates(tmp_path: Path) -> None:
    days = np.datetime64("2020-12-01") + np.arange(60) % 28
    columns = {"x": np.arange(60) / 7, "when": days, "y": WORDS[:2] * 30}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    text = written(tmp_path / "a.parquet", tmp_path)[0]
    assert "by: time, column: when" in text
    assert "Left out: `when`: dates" in text


@pytest.mark.parametrize(
    ("values", "kind", "doubt"),
    [
        (np.arange(200) % 2, "binary", False),
        (np.arange(200) % 5, "category", True),
        (np.arange(200) % 60, "number", True),
        (np.arange(200) * 7 % 199, "number", False),
        (np.arange(200) / 3, "number", False),
        (["no", "yes"] * 100, "binary", False),
        (["cat", "dog"] * 100, "category", False),
        (["a;b", "b", "a;c", "c", "b;c"] * 40, "multi_label", False),
    ],
)
def test_kind_of_the_target(tmp_path: Path, values: Any, kind: str, doubt: bool) -> None:
    path = table(tmp_path / "a.csv", x=np.random.default_rng(0).normal(size=200), y=values)
    text, config = written(path, tmp_path)
    assert config["data"]["targets"]["y"]["kind"] == kind
    assert ("In doubt: `y`" in text) == doubt


def test_which_column_is_the_target(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(3, 50))
    by_name = table(tmp_path / "a.csv", y=numbers[0], b=numbers[1], c=numbers[2])
    assert list(written(by_name, tmp_path)[1]["data"]["targets"]) == ["y"]
    assert list(written(by_name, tmp_path, target="b")[1]["data"]["targets"]) == ["b"]
    last = table(tmp_path / "b.csv", a=numbers[0], b=numbers[1], c=[f"n-{n}" for n in range(50)])
    assert list(written(last, tmp_path)[1]["data"]["targets"]) == ["b"], "nobody predicts an id"


def test_series_are_forecast_by_their_season(tmp_path: Path) -> None:
    text, config = written(FILES["sales.csv"](tmp_path / "sales.csv"), tmp_path)
    source = config["data"]["source"]
    assert source == {
        "kind": "timeseries", "path": "sales.csv", "time": "month", "targets": "sold", "covariates": ["price"],
        "past": 24, "horizon": 12,
    }  # fmt: skip
    assert config["data"]["splits"] == {"by": "time", "test": "20%", "validation": "off"}
    assert config["model"]["activation"] == "linear"
    assert "# source: {kind: csv" in text
    assert written(tmp_path / "sales.csv", tmp_path, target="price")[1]["data"]["source"]["targets"] == "price"


def test_a_series_out_of_order_or_with_holes_is_sorted_and_filled_and_the_comment_says_so(tmp_path: Path) -> None:
    hours = np.arange("2024-03-01", "2024-05-01", np.timedelta64(1, "h"), "datetime64[m]")
    heat, load = np.random.default_rng(1).normal(size=len(hours)).round(2), np.arange(len(hours)) % 24 + 1.0
    keep = np.random.default_rng(0).permutation(np.delete(np.arange(len(hours)), [50, 51, 600]))
    cells = [f"{value:.2f}" for value in load]
    cells[700] = ""
    path = table(tmp_path / "load.csv", at=hours[keep], heat=heat[keep], load=[cells[n] for n in keep])
    text, config = written(path, tmp_path)
    source = config["data"]["source"]
    assert (source["kind"], source["sort"], source["fill"]) == ("timeseries", True, "forward")
    assert "the rows are sorted, since they do not stand in the order of time" in one_line(text)
    assert "3 missing steps and 1 empty cell repeat what stands before" in one_line(text)
    data = from_mapping({**config, "data": {**config["data"], "source": {**source, "path": str(path)}}}).config.data
    assert load_splits(data).train.size
    at_first = table(tmp_path / "first.csv", at=hours, heat=heat, load=["", *cells[1:]])
    assert written(at_first, tmp_path)[1]["data"]["source"]["kind"] == "csv", "there is nothing before to repeat"
    half = table(tmp_path / "half.csv", at=hours[keep[:700]], heat=heat[:700], load=load[keep[:700]])
    assert written(half, tmp_path)[1]["data"]["source"]["kind"] == "csv", "half of the hours are no series"


def test_series_of_several_shops_are_distinguished_by_the_column_that_names_them(tmp_path: Path) -> None:
    months = [f"{2015 + n // 12}-{n % 12 + 1:02}-01" for n in range(72)]
    shops = ["north", "south"] * 72
    sold = np.arange(144) % 12 + np.arange(144) / 100
    path = table(tmp_path / "shops.csv", month=np.repeat(months, 2), shop=shops, sold=sold)
    text, config = written(path, tmp_path)
    source = config["data"]["source"]
    assert (source["kind"], source["group"], source["time"], source["targets"]) == (
        "timeseries", "shop", "month", "sold",
    )  # fmt: skip
    assert "which `shop` names" in one_line(text)
    splits = load_splits(from_mapping({**config, "data": {**config["data"], "source": {**source, "path": str(path)}}})
                         .config.data)  # fmt: skip
    assert splits.train.size and splits.test is not None
    irregular = table(tmp_path / "visits.csv", month=np.repeat(months, 2), shop=["a", "a", "b"] * 48, sold=sold)
    assert written(irregular, tmp_path)[1]["data"]["source"]["kind"] == "csv"


@pytest.mark.parametrize(("encoding", "words"), [("cp1252", ["Orléans", "Nîmes"]), ("gb18030", ["北京市", "上海市"])])
def test_the_encoding_of_a_table_that_is_not_utf_8_is_written(encoding: str, words: list[str], tmp_path: Path) -> None:
    rows = [f"{n // 2 * 1.5},{words[n % 2]},{n}" for n in range(120)]
    towns = tmp_path / "towns.csv"
    towns.write_bytes("\n".join(["area,town,price", *rows]).encode(encoding))
    text, config = written(towns, tmp_path)
    assert config["data"]["source"] == {"kind": "csv", "path": "towns.csv", "encoding": encoding}
    assert "it is not UTF-8" in one_line(text)
    assert load_splits(from_mapping({**config, "data": {**config["data"], "source": {**config["data"]["source"],
                       "path": str(towns)}}}).config.data).train.size  # fmt: skip
    months = [f"{2015 + n // 12}-{n % 12 + 1:02}-01,{words[0]},{n}" for n in range(120)]
    series = tmp_path / "series.csv"
    series.write_bytes("\n".join(["month,town,price", *months]).encode(encoding))
    source = written(series, tmp_path)[1]["data"]["source"]
    assert (source["kind"], source["encoding"]) == ("timeseries", encoding)


def test_texts_are_read_by_their_number_for_each_word(tmp_path: Path) -> None:
    text, config = written(FILES["texts"](tmp_path / "texts"), tmp_path)
    assert config["data"]["inputs"]["text"]["ngrams"] == 2
    assert "120 texts / 9 words = 13" in text and config["model"]["builder"] == "mlp"
    draw = np.random.default_rng(0)
    many = [f"{' '.join(draw.choice(WORDS, 2))} {n}" for n in range(6_000)]
    path = table(tmp_path / "many.csv", text=many, label=np.arange(6_000) % 2)
    assert written(path, tmp_path)[1]["model"]["builder"] == "rnn"


def test_the_longest_sequence_of_all_splits_decides(tmp_path: Path) -> None:
    _, config = written(FILES["walks"](tmp_path / "walks"), tmp_path)
    assert config["data"]["inputs"]["x"] == {"kind": "sequence", "length": 9}
    assert set(config["data"]["source"]) == {"kind", "train", "test"}


def test_time_changes_the_epochs(tmp_path: Path) -> None:
    path = people(tmp_path / "people.csv")
    epochs = [written(path, tmp_path, time=time)[1]["training"]["epochs"] for time in ("quick", "good", "best")]
    assert epochs == sorted(set(epochs))


def test_a_machine_that_takes_hours_for_images_is_given_fewer_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = FILES["pets"](tmp_path / "pets")
    monkeypatch.setattr(speed, "_rate", lambda: 1e12)
    text, config = written(path, tmp_path)
    wanted = config["training"]["epochs"]
    assert "Less than a minute on this machine." in one_line(text)
    monkeypatch.setattr(speed, "_rate", lambda: 2e7)
    text, config = written(path, tmp_path)
    assert 2 <= config["training"]["epochs"] < wanted
    assert f"on this machine, where {wanted} would take" in one_line(text)


def test_multiply_adds_are_those_of_the_network() -> None:
    proposed = recipe(1_000, 96, 128)
    model = dlkit.cnn((96, 128, 3), 10, **{key: value for key, value in proposed.model.items() if key != "builder"})
    convolutions = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Conv2D)]
    counted = sum(np.prod(layer.output.shape[1:3]) * np.prod(layer.kernel.shape) for layer in convolutions)
    assert proposed.multiply_adds == counted


def test_names_that_yaml_would_read_as_something_else(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    names = ["no", "1e5", "a b: c", "x[0]", "y*", "${z}", "größe", "t"]
    path = table(tmp_path / "a.csv", **{name: draw.normal(size=60) for name in names})
    config = write_config(str(path), tmp_path / "out.yaml").plan
    assert [reading.column.name for reading in config.columns.inputs] == names[:-1]


@pytest.mark.parametrize(("registry", "base"), [(INPUTS, InputSettings), (TARGETS, TargetSettings)])
def test_every_kind_guesses(registry: Any, base: Any) -> None:
    assert all(registry[name].guess.__func__ is not base.guess.__func__ for name in registry.own_names)

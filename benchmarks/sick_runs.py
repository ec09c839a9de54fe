"""Trains runs with one fault planted in each, and prints the fault, the configuration and what dlkit says of it.

    python benchmarks/sick_runs.py [name ...]

The faults are those of tests/training/health/planted.py. Without names six of them are shown, in half a minute.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from dlkit.progress.base import diagnosis
from tests.training.health.planted import PLANTS, Heard, Plant
from tests.training.helpers import train

SHOWN = ("vanishing", "exploding", "dead", "over-fitting", "rate-too-high", "one-class")


def main() -> None:
    """Train, and print."""
    for name in sys.argv[1:] or SHOWN:
        plant, heard = PLANTS[name], Heard()
        with tempfile.TemporaryDirectory() as folder:
            train(plant.config, Path(folder), data=plant.data(), listener=heard)
        print(f"{name}: {plant.fault}\n")
        print(*(f"    {line}\n" for line in words(plant)), sep="")
        for finding in heard.findings:
            print(f"  health: {diagnosis(finding)}")
        print(f"  ({len(heard.looks)} looks)\n", flush=True)


def words(plant: Plant) -> list[str]:
    """The lines of a configuration that matter, in YAML."""
    shown = {"data": {"inputs": plant.config["data"]["inputs"]}}
    shown |= {part: plant.config[part] for part in ("model", "training")}
    return yaml.safe_dump(shown, sort_keys=False, default_flow_style=None, width=110).splitlines()


if __name__ == "__main__":
    main()

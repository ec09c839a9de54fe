"""A small valid configuration, and short ways to load one or to see what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.loader import Loaded, load

VALID = """\
name: mine
seed: 42
data:
  source: {kind: tfds, name: mnist}
  splits: {train: "train[:90%]", validation: "train[90%:]", test: test}
  inputs:
    image:
      kind: image
      preprocess: [rescale]
      augment:
        - {random_translation: {height_factor: 0.1, width_factor: 0.1}}
        - random_flip
  targets: {label: {kind: category}}
model:
  builder: cnn
  blocks:
    - {filters: 32, kernel_size: 3}
    - {filters: 64}
training:
  epochs: 10
  optimizer: {name: adam, learning_rate: 0.001}
  schedule: cosine
runtime: {deterministic: true}
"""


def load_text(tmp_path: Path, text: str, *overrides: str, name: str = "c.yaml", needs_source: bool = True) -> Loaded:
    """Load a text as a file of its own."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load(path, overrides, needs_source=needs_source)


def mistakes(tmp_path: Path, text: str, *overrides: str) -> list[Problem]:
    """What is wrong with a text; empty if nothing is."""
    try:
        load_text(tmp_path, text, *overrides)
    except ConfigError as error:
        return list(error.problems)
    return []

"""Kinds of targets: one file for each `kind` in `data.targets`."""

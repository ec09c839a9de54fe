"""Kinds of inputs: one file for each `kind` in `data.inputs`."""

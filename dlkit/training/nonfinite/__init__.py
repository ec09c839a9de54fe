"""Losses and weights that are no finite number: where they came from, and how to go on."""

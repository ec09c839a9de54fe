"""Configurations and models in other forms: a file in `formats/` for each."""

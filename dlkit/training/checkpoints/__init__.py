"""Checkpoints: their files, and when they are made and kept."""

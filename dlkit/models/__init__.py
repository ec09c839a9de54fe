"""Builders, heads, and saved models."""

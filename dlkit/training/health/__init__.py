"""Watching a run while it trains: what is measured, and what it means in words."""

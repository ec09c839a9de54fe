"""Runs and saves that are killed with SIGKILL at every kind of moment. `make torture` does it at length."""

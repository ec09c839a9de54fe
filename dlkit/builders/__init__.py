"""Builders of networks: one file for each `model.builder`, its settings and the layers that it makes."""

"""Blocks of a convolutional network: one file for each `kind`, its settings and the layers that it makes."""

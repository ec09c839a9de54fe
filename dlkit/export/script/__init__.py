"""A configuration as a script of plain Keras."""

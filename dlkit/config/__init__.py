"""The configuration language: schema, reading with positions, located problems. Imports no TensorFlow."""

"""Steps of preprocessing: one file for each name in `preprocess`."""

"""Sources of examples: one file for each `kind` of `data.source`, its settings and how it is opened."""

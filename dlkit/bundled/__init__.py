"""Real data sets that ship with dlkit, unchanged, each with its licence, and what reads them."""

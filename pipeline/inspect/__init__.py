"""The page of `make inspect`: a run's tables, rows, filters, models and calls, in a browser on this machine."""

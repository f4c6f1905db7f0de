"""Conditions for keeping a sample, one a file. Each answers keep, drop or unverifiable, with a reason and maybe a score."""

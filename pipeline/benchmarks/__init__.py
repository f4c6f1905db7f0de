"""Benchmarks, one a file: where its items lie, how a row becomes a task, and what it measures."""

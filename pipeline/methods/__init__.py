"""Distillation methods, one a file: what the teacher is asked, and what of it the student reads and writes."""

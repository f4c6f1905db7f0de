"""Black-box distillation: a teacher's answers, filtered and accounted for, become a small model that is measurably better."""

__version__ = "0.1.0"

"""All exams by name: those of a skill begin with its name in `pipeline.mini.skills.catalogue`."""

from __future__ import annotations

from bench.exams import answering, judging, knowing, making, reasoning, rewriting
from bench.exams.exam import Exam

FAMILIES: dict[str, dict[str, Exam]] = {
    "answering": answering.EXAMS,
    "reasoning": reasoning.EXAMS,
    "judging": judging.EXAMS,
    "rewriting": rewriting.EXAMS,
    "making tasks": making.EXAMS,
    "knowing": knowing.EXAMS,
}
EXAMS: dict[str, Exam] = {name: exam for exams in FAMILIES.values() for name, exam in exams.items()}

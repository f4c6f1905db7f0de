"""Who is compared: the untouched student, everybody who was trained, and the teacher; each opened as a model of the run.

In: a run whose students are trained. Out: contestants in the order in which they are asked, nothing loaded yet. A recorded
teacher has nothing to say about items it was not asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import UserError
from pipeline.llm.backends.local import LocalModel
from pipeline.llm.prices import FREE
from pipeline.llm.request import Sampling
from pipeline.pupils import Pupil
from pipeline.run import Run
from pipeline.stages.train import chat_template, is_trained

PROBED = ("base", "distilled", "teacher")
"""Those whose faithfulness and speed are looked at."""


@dataclass(frozen=True)
class Contestant:
    """One model that answers the items."""

    model: str
    """What the tables call it."""
    role: str
    """What the run calls it: each seed of a student is a model of its own."""
    seed: int
    """Seed of its training; 0 where nobody trained it."""
    samples: bool
    """Whether it is sampled from, where the recipe wants that: not further seeds, shares of the corpus, or what costs."""
    probed: bool
    """Whether it computes in this process and its faithfulness and speed are of interest."""

    @property
    def is_teacher(self) -> bool:
        return self.role == "teacher"


def contestants(run: Run) -> list[Contestant]:
    """Opens everybody who is compared.

    Raises:
        UserError: a student is not trained on this corpus with these settings.
    """
    found = [_base(run), *(_pupil(run, pupil) for pupil in run.pupils())]
    asked = run.recipe.evaluation.teacher and run.recipe.teacher.backend != "recorded"
    return [*found, _teacher(run)] if asked else found


def greedy(run: Run, role: str) -> Sampling:
    """Temperature 0; a teacher to whom the recipe gives no temperature may know none, and is left to its own.

    A teacher may write as much as it may for the corpus, lest its thoughts cost it the answer.
    """
    longest = run.recipe.evaluation.max_tokens
    if role != "teacher":
        return Sampling(temperature=0, max_tokens=longest)
    own = run.sampling("teacher")
    return Sampling(temperature=None if own.temperature is None else 0, max_tokens=max(longest, own.max_tokens or 0))


def _base(run: Run) -> Contestant:
    """The untouched student, put by the chat template it is trained with."""
    student = run.recipe.student
    model = LocalModel(backend="local", model=student.model, revision=student.revision)
    run.add_model("base", model.open(run.settings, chat_template(student.chat_template)))
    return Contestant("base", "base", 0, samples=True, probed=True)


def _pupil(run: Run, pupil: Pupil) -> Contestant:
    folder = pupil.folder(run.folder)
    if not is_trained(run, pupil):
        raise UserError(
            f"{folder}: there is no student trained on this corpus with these settings",
            f"Run `make train RECIPE={run.recipe.name}`.",
        )
    run.add_model(pupil.name, LocalModel(backend="local", model=str(folder)).open(run.settings))
    first = pupil.first and pupil.share == 1
    return Contestant(pupil.model, pupil.name, pupil.seed, samples=first, probed=first and pupil.model in PROBED)


def _teacher(run: Run) -> Contestant:
    model = run.model("teacher")
    return Contestant("teacher", "teacher", 0, samples=model.price == FREE, probed=model.computes)

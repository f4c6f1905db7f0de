"""The recipe's student while tasks are made: as it is before training, or after it learned what there was so far.

In: samples, and whose learning goes on. Out: the role by which that student can be asked. It is trained by what `train` trains
with, in a child process, in a folder of its own beside the tables; one that learned the same before is not trained again, so
its replies are remembered like any others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.identity import model_hash
from pipeline.llm.backends.local import LocalModel
from pipeline.publication import write_table
from pipeline.records import Sample
from pipeline.run import Run
from pipeline.stages.select import examples
from pipeline.stages.train import chat_template, check_installed, job_of, train_one
from pipeline.student.job import Job

FOLDER = "growth"
"""In a run's folder: what students learned while tasks were made."""
STUDENT = "student"
"""The role of the untrained one."""


@dataclass(frozen=True)
class TrainingSchool:
    """Trains the student of a run.

    Args:
        split: which split the task of an id is of.
        prefix: of the names of trainings, where another entry of the recipe may give the same ones.
    """

    run: Run
    split: Callable[[str], str]
    prefix: str = ""

    def untrained(self) -> str:
        if not self.run.has_model(STUDENT):
            student = self.run.recipe.student
            model = LocalModel(backend="local", model=student.model, revision=student.revision)
            self.run.add_model(STUDENT, model.open(self.run.settings, chat_template(student.chat_template)))
        return STUDENT

    async def train(self, samples: Sequence[Sample], name: str, after: str | None = None) -> str:
        """The student after it learned these samples; see `methods.growth.School`.

        Raises:
            UserError: a library is missing, or an example does not fit the student.
        """
        check_installed()
        name = self.prefix + name
        place = self.run.folder / FOLDER / name
        place.mkdir(parents=True, exist_ok=True)
        student = self.run.recipe.student
        write_table(place, "5_corpus", examples([(each, self.split(each.task_id)) for each in samples], student.model))
        job = self._job(name, after)
        await train_one(job, name, self.run.settings.processes)
        self.run.add_model(name, LocalModel(backend="local", model=str(job.output)).open(self.run.settings))
        return name

    def _job(self, name: str, after: str | None) -> Job:
        """What the training is told; one that goes on begins with the weights of the one before."""
        place = self.run.folder / FOLDER / name
        job = job_of(self.run, place, "5_corpus", place / "student" / name)
        if after is None:
            return job
        folder = self.run.folder / FOLDER / after / "student" / after
        begun = {"model": str(folder.absolute()), "model_revision": model_hash(folder), "chat_template": None}
        return job.model_copy(update=begun)

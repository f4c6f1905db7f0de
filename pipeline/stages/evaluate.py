"""Students to grades: base, distilled, control and teacher answer the same items and are graded by the filters' verifiers.

One harness: the method that covers a kind of task renders the prompt as in training, `ask` puts it to the model, `grade` says
whether the reply is right. `6_evaluation` holds every graded item.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.answers.grading import grade
from pipeline.errors import UserError
from pipeline.llm.backends.local import LocalModel
from pipeline.llm.request import Sampling
from pipeline.progress import Progress
from pipeline.publication import Publication
from pipeline.recipe import Method
from pipeline.records import Grade, Task
from pipeline.run import Run
from pipeline.stages.generate import demonstration_bank, in_order, window
from pipeline.stages.train import STUDENTS, is_trained
from pipeline.tables import read_rows

Job = tuple[str, str, Task]


async def check_items(run: Run) -> None:
    """Makes sure, before an hour of training, that there is something to evaluate on afterwards.

    Raises:
        UserError: there are no tasks of an evaluation split.
    """
    list(_items(run, list(read_rows(run.folder, "1_tasks", Task))))


async def evaluate(run: Run) -> None:
    """Makes `6_evaluation`.

    Raises:
        UserError: there are no tasks of the evaluation splits, or no distilled student.
    """
    tasks = list(read_rows(run.folder, "1_tasks", Task))
    bank = demonstration_bank(tasks)
    items = list(_items(run, tasks))
    models = _models(run)
    missing = dict.fromkeys(models, 0)
    jobs = [(name, benchmark, task) for name in models for benchmark, task in items]

    async def work(job: Job) -> Grade | None:
        return await _grade(run, *job, bank)

    with Publication(run.folder, "6_evaluation") as new:
        async with run.door:
            with Progress("evaluating", len(jobs), lambda: f"{run.door.tally.asked} asked") as progress:
                for name in models:  # one after the other, so that only one is at work at a time
                    mine = [job for job in jobs if job[0] == name]
                    async for row in in_order(mine, work, window(run.model(name).in_flight)):
                        if row is None:
                            missing[name] += 1
                        else:
                            new["6_evaluation"].append(row)
                        progress.advance()
    for name, count in missing.items():
        if count:
            print(f"{name}: no reply to {count} of {len(items)} items, so they are not graded")


def _items(run: Run, tasks: list[Task]) -> Iterator[tuple[str, Task]]:
    """The items of each split, and what the benchmark is called."""
    for split in run.recipe.evaluation.split:
        fitting = [task for task in tasks if task.split == split and _method(run, task)]
        if not fitting:
            raise UserError(
                f"evaluation.split: there are no tasks of the split {split!r} in {run.folder}",
                f"Splits there are: {', '.join(sorted({task.split for task in tasks}))}; evaluation.split may be dev, too.",
            )
        for task in fitting[: run.recipe.evaluation.limit]:
            yield f"{task.source}:{split}", task


def _models(run: Run) -> list[str]:
    """Opens everybody who is compared; a recorded teacher has nothing to say about items it was not asked."""
    student = run.recipe.student
    folders = {"base": student.model} | {
        name: str(run.folder / "student" / name) for name in STUDENTS if name == "distilled" or student.control
    }
    for name in folders.keys() - {"base"}:
        if not is_trained(run, name):
            raise UserError(
                f"{run.folder}/student/{name}: there is no student trained on this corpus with these settings",
                f"Run `make train RECIPE={run.recipe.name}`.",
            )
    for name, folder in folders.items():
        run.add_model(name, LocalModel(backend="local", model=folder).open(run.settings))
    asked = run.recipe.evaluation.teacher and run.recipe.teacher.backend != "recorded"
    return [*folders, "teacher"] if asked else list(folders)


def _method(run: Run, task: Task) -> Method | None:
    """The method whose prompts a task is put in: the first that covers it."""
    return next((method for method in run.recipe.methods if method.covers(task)), None)


def greedy(run: Run, model: str) -> Sampling:
    """Temperature 0; a teacher to whom the recipe gives no temperature may know none, and is left to its own."""
    own = model == "teacher" and run.sampling("teacher").temperature is None
    return Sampling(temperature=None if own else 0, max_tokens=run.recipe.evaluation.max_tokens)


async def _grade(run: Run, model: str, benchmark: str, task: Task, bank: list[Task]) -> Grade | None:
    """One item put to one model; None where no reply could be had."""
    method = _method(run, task)
    assert method is not None
    prompt = (method.teacher_prompt if model == "teacher" else method.student_prompt)(task, bank)
    response = await run.ask(prompt, task=task, sampling=greedy(run, model), role=model)
    if response.finish in ("owed", "missing"):
        return None
    graded = grade(task, response.text or "")
    return Grade(
        benchmark=benchmark, task_id=task.id, kind=task.kind, model=model, mode="greedy", text=response.text or "",
        prediction=graded.prediction, expected=graded.expected, correct=graded.correct, seconds=response.seconds,
    )  # fmt: skip

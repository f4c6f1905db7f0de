"""`distill preview`: the first prompts of every method as the teacher would read them, and as the student will. Asks nobody."""

from __future__ import annotations

from pipeline.prompts import Prompt
from pipeline.run import Run
from pipeline.stages.generate import demonstration_bank, source_tasks
from pipeline.stages.harvest import ASKED_SPLITS


def preview(run: Run, count: int = 2) -> list[str]:
    """Lines with the first `count` prompts of each method.

    Raises:
        UserError: the source or a template is broken.
    """
    tasks = list(source_tasks(run))
    bank = demonstration_bank(tasks)
    asked = [task for task in tasks if task.split in ASKED_SPLITS]
    lines: list[str] = []
    for number, method in enumerate(run.recipe.methods):
        fitting = [task for task in asked if method.covers(task)]
        lines.append(f"methods.{number} {method.method}: {min(len(fitting), method.limit or len(fitting))} tasks")
        for task in fitting[:count]:
            lines += [f"  task {task.id} ({task.kind})", *_prompt("teacher reads", method.teacher_prompt(task, bank))]
            lines += _prompt("student reads", method.student_prompt(task, bank))
    return lines


def _prompt(who: str, prompt: Prompt) -> list[str]:
    lines = [f"    {who} (prompts/{prompt.template}.jinja):"]
    for message in prompt.messages:
        first, *rest = message.content.splitlines() or [""]
        lines += [f"      {message.role}: {first}", *(f"        {line}" for line in rest)]
    return lines

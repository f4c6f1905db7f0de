"""Programs that a teacher or a student writes: run, sent back once with what stopped them, and read for their answer.

In: a reply with a program. Out: of a teacher's, a sample whose target is the program in a block and whose `answer` is what it
computes; of a student's, the reply with a sentence behind it that says the answer, as if it had computed it itself.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline.answers.computed import Computed, computed
from pipeline.answers.sandbox import Limits
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.replies import is_lost, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task
from pipeline.settings import cores

SECONDS = 5.0
"""Running time of a program; those that answer a word problem take some milliseconds."""
REFINE = "program_of_thought/refine"
_runners = ThreadPoolExecutor(cores(), "programs")


@dataclass(frozen=True)
class Written:
    """A program with the replies it comes from."""

    replies: list[Response]
    computed: Computed

    def sample(self, task: Task, method: str, prompt: Prompt, weight: float = 1.0) -> Sample:
        """The sample that teaches it; one that computes nothing has an empty answer, which no right answer equals.

        What the teacher thought while it mended a program speaks of one that the student does not see, and is left out.
        """
        last = self.replies[-1]
        target = last.text or "" if self.computed.code is None else fenced(self.computed.code)
        return sample_of(
            task, method, "program", prompt, target, self.replies, answer=self.computed.answer, weight=weight,
            reasoning=last.reasoning if len(self.replies) == 1 else None,
        )  # fmt: skip


def fenced(code: str) -> str:
    """The program in a block of Python."""
    return f"```python\n{code.strip()}\n```"


async def run(text: str) -> Computed:
    """What the program in a text computes. It runs beside the calls under way, which one that never ends would hold up.

    No more run at once than there are cores: their time is that of the clock.
    """
    return await asyncio.get_running_loop().run_in_executor(_runners, computed, text, Limits(seconds=SECONDS))


async def written(reply: Response, task: Task, ask: Ask, sampling: Sampling, refine: str | None) -> Written | None:
    """The program a teacher wrote, mended once if it computes nothing; None where a reply did not come yet.

    Args:
        refine: the template by which a program is sent back; None sends none back.
    """
    if is_lost(reply):
        return None
    first = Written([reply], await run(reply.text or ""))
    if refine is None or not first.computed.error or reply.finish != "stop":
        return first
    prompt = render(refine, task, program=(first.computed.code or "").strip(), error=first.computed.error)
    again = await ask(prompt, task=task, sample=reply.sample, sampling=sampling)
    if again.finish == "owed":
        return None
    return first if is_lost(again) else Written([reply, again], await run(again.text or ""))


async def answered(reply: Response) -> tuple[Response, str | None]:
    """A student's reply with its program's answer said behind it, and that answer; as it is, and None, without a program."""
    ran = await run(reply.text or "")
    if ran.code is None:
        return reply, None
    return reply.model_copy(update={"text": f"{reply.text}\nThe answer is {ran.answer or 'unknown'}."}), ran.answer

"""distilabel: a pipeline of one `TextGeneration` task over an in-memory data set. What is in flight at once is one batch."""

from __future__ import annotations

import openai  # noqa: F401  # its worker processes import it late; forked after this, they have it
from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

from bench.peers.clock import MAX_TOKENS, MODEL, SYSTEM, TEMPERATURE, Job, run


def work(job: Job, prompts: list[str]):
    with Pipeline(name="bench") as pipeline:
        load = LoadDataFromDicts(data=[{"instruction": prompt} for prompt in prompts], batch_size=job.in_flight)
        sampling = {"temperature": TEMPERATURE, "max_new_tokens": MAX_TOKENS}
        teacher = OpenAILLM(model=MODEL, base_url=job.url, api_key="none", generation_kwargs=sampling)
        load >> TextGeneration(llm=teacher, system_prompt=SYSTEM, input_batch_size=job.in_flight)
    return pipeline.run(use_cache=False)


if __name__ == "__main__":
    run("distilabel", work, lambda answers: sum(map(bool, answers["default"]["train"]["generation"])))

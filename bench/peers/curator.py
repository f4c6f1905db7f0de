"""bespokelabs-curator: an `LLM` with prompt and parse, called on a list. Its own limits a minute are raised out of the way."""

from __future__ import annotations

from bespokelabs import curator

from bench.peers.clock import MAX_TOKENS, MODEL, SYSTEM, TEMPERATURE, Job, run

NO_LIMIT = 10_000_000


class Teacher(curator.LLM):
    def prompt(self, row):
        return row["prompt"]

    def parse(self, row, response):
        return {"answer": response}


def work(job: Job, prompts: list[str]):
    teacher = Teacher(
        model_name=MODEL,
        backend="openai",
        system_prompt=SYSTEM,
        generation_params={"temperature": TEMPERATURE, "max_tokens": MAX_TOKENS},
        backend_params={
            "base_url": job.url,
            "api_key": "none",
            "max_concurrent_requests": job.in_flight,
            "max_requests_per_minute": NO_LIMIT,
            "max_tokens_per_minute": NO_LIMIT * 1000,
        },
    )
    return teacher([{"prompt": prompt} for prompt in prompts])


if __name__ == "__main__":
    run("bespokelabs-curator", work, lambda answers: sum(map(bool, answers.dataset["answer"])))

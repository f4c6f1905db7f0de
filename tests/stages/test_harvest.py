"""One task through its methods: quotas by the recipe's own filters, cut replies asked once more, everything remembered."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.identity import short_id
from pipeline.llm.request import Sampling
from pipeline.prompts import Prompt
from pipeline.recipe import parse_recipe
from pipeline.records import Example, Response, Sample, Task, Verdict
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import generate
from pipeline.stages.harvest import Harvest, Plan, check_methods, harvest
from pipeline.stages.select import select
from pipeline.tables import read_rows
from tests.rows import make_response, make_task
from tests.servers import ChatServer

TASKS, RECORDED = 24, 16
FIELDS = {"prompt": "question", "text": [f"a{number}" for number in range(RECORDED)]}
TASK = make_task(prompt="How much is 2 + 3?", answer="5")
RIGHT, WRONG = "That is {}. The answer is 5.", "That is {}. The answer is 6."


def make_run(folder: Path, samples: Any = 1, **parts: Any) -> Run:
    given = {
        "source": {"kind": "mini"}, "teacher": {"backend": "openai", "model": "small-1"},
        "methods": [{"method": "chain_of_thought", "samples": samples}],
        "filters": ["finished", "answer_matches", "no_duplicates"], "selection": {"per_task": 2},
    }  # fmt: skip
    run = Run(parse_recipe(given | parts, "run", "run"), load_settings(data=str(folder / "data")))
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def recorded_run(folder: Path, samples: Any, answers: int = RECORDED, **parts: Any) -> Run:
    """A run over tasks of which some have many right answers, some few, some none, some the same one all over."""
    draw, rows = random.Random(7), []
    for task in range(TASKS):
        share = draw.choice([0.0, 0.1, 0.3, 0.9])
        said = [f"By way {draw.randrange(6)}. The answer is {task if draw.random() < share else 'x'}." for _ in range(answers)]
        rows.append({"question": f"Which is {task}?", "answer": str(task)} | {f"a{n}": text for n, text in enumerate(said)})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"kind": "jsonl", "path": str(folder / "rows.jsonl"), "fields": {"prompt": "question", "answer": "answer"}}
    teacher = {"backend": "recorded", "fields": FIELDS | {"text": FIELDS["text"][:answers]}}
    return make_run(folder, samples, source=source | {"dev_share": 0.0, "test_share": 0.0}, teacher=teacher, **parts)


def worked(run: Run) -> tuple[list[Response], list[Sample], list[Example]]:
    """The tables after all stages up to the corpus."""

    async def all_stages() -> None:
        for stage in (generate, filter_samples, select):
            await stage(run)

    asyncio.run(all_stages())
    tables = {"2_responses": Response, "3_samples": Sample, "5_corpus": Example}
    return tuple(list(read_rows(run.folder, name, row)) for name, row in tables.items())  # type: ignore[return-value, type-var]


@dataclass
class Scripted:
    """An `Ask` that says what the script has for a sample, after as long as it likes, and notes the order of the calls."""

    script: Callable[[int, Sampling | None], tuple[str | None, str]]
    delay: Callable[[int], float] = lambda number: 0.0
    asked: list[int] = field(default_factory=list)

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        self.asked.append(sample)
        await asyncio.sleep(self.delay(sample))
        text, finish = self.script(sample, sampling)
        key = short_id(prompt.template_hash, sample, sampling.model_dump() if sampling else None)
        return make_response(text, key=key, task_id=task.id, sample=sample, finish=finish)


def says(*texts: str) -> Scripted:
    """Says these in turn, the last one ever after."""
    return Scripted(lambda sample, sampling: (texts[min(sample, len(texts) - 1)].format(sample), "stop"))


def reaped(run: Run, ask: Scripted, task: Task = TASK) -> Harvest:
    return asyncio.run(harvest(run, task, list(range(len(run.recipe.methods))), [], ask))


def test_the_memory_of_a_fixed_number_serves_a_quota(tmp_path: Path) -> None:
    fixed = worked(recorded_run(tmp_path, RECORDED))
    run = recorded_run(tmp_path, {"accept": 2, "at_most": RECORDED})
    responses, samples, corpus = worked(run)
    assert run.door.tally.asked == 0
    assert {each.key for each in responses} < {each.key for each in fixed[0]}
    assert len(responses) == len(samples) < len(fixed[0]) == TASKS * RECORDED
    assert corpus == fixed[2], "the first two of a task that pass are the same, whoever stops there"


def test_raising_a_quota_asks_only_what_is_new(tmp_path: Path) -> None:
    before, *_ = worked(recorded_run(tmp_path, {"accept": 1, "at_most": 4}))
    raised = recorded_run(tmp_path, {"accept": 2, "at_most": 16})
    after, *_ = worked(raised)
    assert raised.door.tally.asked == len({each.key for each in after} - {each.key for each in before}) > 0
    again = recorded_run(tmp_path, {"accept": 2, "at_most": 16})
    assert worked(again)[0] == after and again.door.tally.asked == 0


def test_all_that_was_asked_has_its_row_and_its_verdicts(tmp_path: Path) -> None:
    run = recorded_run(tmp_path, {"accept": 1, "at_most": 8})
    responses, samples, _ = worked(run)
    assert {each.key for each in responses} == {key for sample in samples for key in sample.response_keys}
    verdicts = {each.sample_id for each in read_rows(run.folder, "4_verdicts", Verdict) if each.filter == "answer_matches"}
    assert verdicts == {sample.id for sample in samples}


def test_recorded_answers_end_where_there_are_no_more(tmp_path: Path) -> None:
    responses, samples, _ = worked(recorded_run(tmp_path, {"accept": 2, "at_most": 16}, answers=3))
    last = {each.task_id: each for each in responses}
    assert {each.sample for each in responses if each.finish == "missing"} == {3}
    assert {each.sample for each in last.values()} <= {1, 2, 3} and len(samples) <= 3 * TASKS


def test_it_asks_until_enough_are_right(tmp_path: Path) -> None:
    ask = says(WRONG, RIGHT, WRONG, WRONG, RIGHT, RIGHT)
    brought = reaped(make_run(tmp_path, {"accept": 2, "at_most": 16}), ask)
    assert ask.asked == [0, 1, 2, 3, 4] == [each.sample for each in brought.responses]
    assert (len(brought.samples), brought.passed) == (5, 2)


def test_a_repeat_counts_only_where_repeats_are_kept(tmp_path: Path) -> None:
    quota = {"accept": 2, "at_most": 8}
    same = says("So it is. The answer is 5.")
    assert reaped(make_run(tmp_path, quota), same).passed == 8 == len(same.asked)
    assert reaped(make_run(tmp_path, quota, filters=["finished"]), kept := says("Five")).passed == 2 == len(kept.asked)


def test_what_nobody_can_decide_counts_as_selection_takes_it(tmp_path: Path) -> None:
    unanswered = make_task(prompt="Which is best?")
    quota = {"accept": 1, "at_most": 4}
    reaped(make_run(tmp_path, quota), strict := says(RIGHT), unanswered)
    reaped(make_run(tmp_path, quota, selection={"unverifiable": "keep"}), lenient := says(RIGHT), unanswered)
    assert (len(strict.asked), len(lenient.asked)) == (4, 1)


def test_filters_for_other_kinds_say_nothing(tmp_path: Path) -> None:
    filters = ["finished", {"filter": "answer_matches", "kinds": ["other"]}]
    reaped(make_run(tmp_path, {"accept": 2, "at_most": 8}, filters=filters), ask := says(WRONG))
    assert len(ask.asked) == 2


def test_the_clock_decides_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"accept": 3, "at_most": 16})
    texts = [WRONG, RIGHT, WRONG, WRONG, RIGHT, WRONG, WRONG, RIGHT, RIGHT]
    harvests = []
    for delay in (lambda number: 0.0, lambda number: 0.002 * number, lambda number: 0.002 * (16 - number)):
        ask = says(*texts)
        ask.delay = delay
        harvests.append((reaped(run, ask), sorted(ask.asked)))
    assert harvests[0] == harvests[1] == harvests[2]


def test_a_quota_does_not_spin_where_calls_are_owed(tmp_path: Path) -> None:
    ask = Scripted(lambda sample, sampling: (None, "owed"))
    assert reaped(make_run(tmp_path, {"accept": 2, "at_most": 8}), ask).samples == [] and len(ask.asked) == 8


def cut_off(sample: int, sampling: Sampling | None) -> tuple[str, str]:
    """Ends by itself where there is room for 64 tokens, or where its number is odd."""
    room = bool(sampling and sampling.max_tokens and sampling.max_tokens >= 64)
    return (RIGHT.format(sample), "stop") if room or sample % 2 else ("That is", "length")


def longer_run(folder: Path, samples: Any = 2, longer: int | None = 64, max_tokens: int = 4, **teacher: Any) -> Run:
    method = {"method": "chain_of_thought", "samples": samples, "longer": longer}
    sampling = {"max_tokens": max_tokens, "temperature": 0.7, "seed": 1}
    return make_run(folder, methods=[method], teacher={"backend": "openai", "model": "m", "sampling": sampling} | teacher)


def test_a_cut_reply_is_asked_once_more(tmp_path: Path) -> None:
    brought = reaped(longer_run(tmp_path), ask := Scripted(cut_off))
    assert sorted(ask.asked) == [0, 0, 1]
    assert [(each.sample, each.finish) for each in brought.responses] == [(0, "length"), (0, "stop"), (1, "stop")]
    assert [sample.finish for sample in brought.samples] == ["stop", "stop"]
    assert brought.samples[0].response_keys == [brought.responses[1].key]


def test_a_cut_reply_stays_where_nobody_asks_for_longer(tmp_path: Path) -> None:
    brought = reaped(longer_run(tmp_path, longer=None), ask := Scripted(cut_off))
    assert sorted(ask.asked) == [0, 1] and [sample.finish for sample in brought.samples] == ["length", "stop"]


def test_still_cut_is_not_asked_a_third_time(tmp_path: Path) -> None:
    brought = reaped(longer_run(tmp_path, samples=1), ask := Scripted(lambda sample, sampling: ("That is", "length")))
    assert ask.asked == [0, 0] and [sample.finish for sample in brought.samples] == ["length"]


@pytest.mark.parametrize(("finish", "samples"), [("owed", 0), ("error", 1)])
def test_a_second_try_that_fails(tmp_path: Path, finish: str, samples: int) -> None:
    def script(sample: int, sampling: Sampling | None) -> tuple[str | None, str]:
        return (None, finish) if sampling and sampling.max_tokens == 64 else ("That is", "length")

    brought = reaped(longer_run(tmp_path, samples=1), Scripted(script))
    assert [each.finish for each in brought.responses] == ["length", finish]
    assert len(brought.samples) == samples, "refused for good, the cut reply is all there is; owed, it may still come"


def test_both_tries_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

    async def asked(run: Run) -> Harvest:
        async with run.door:
            return await harvest(run, TASK, [0], [])

    with ChatServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        first, again = (asyncio.run(asked(longer_run(tmp_path))) for _ in range(2))
        assert sorted(body["max_tokens"] for body in server.bodies) == [4, 4, 64, 64]
    assert first == again and first.passed == 2
    assert [(each.sample, each.finish) for each in first.responses] == [(n, f) for n in (0, 1) for f in ("length", "stop")]


@pytest.mark.parametrize(("longer", "fits"), [(4, False), (3, False), (5, True), (None, True)])
def test_longer_must_be_longer(tmp_path: Path, longer: int | None, fits: bool) -> None:
    run = longer_run(tmp_path, longer=longer)
    if fits:
        check_methods(run)
        return
    with pytest.raises(UserError, match=rf"methods\.0\.longer: {longer} is not above max_tokens, which is 4"):
        check_methods(run)


def test_a_methods_own_limit_counts(tmp_path: Path) -> None:
    own = {"method": "chain_of_thought", "longer": 64, "sampling": {"max_tokens": 128}}
    with pytest.raises(UserError, match=r"methods\.1\.longer: 64 .* 128"):
        check_methods(make_run(tmp_path, methods=[{"method": "instruction_following"}, own]))


def test_generate_refuses_before_anything_else(tmp_path: Path) -> None:
    source = {"kind": "jsonl", "path": str(tmp_path / "nosuch.jsonl"), "fields": {"prompt": "q"}}
    method = {"method": "chain_of_thought", "longer": 2}
    teacher = {"backend": "openai", "model": "m", "sampling": {"max_tokens": 4}}
    run = make_run(tmp_path, source=source, teacher=teacher, methods=[method])
    with pytest.raises(UserError, match=r"methods\.0\.longer: 2"):
        asyncio.run(generate(run))


def test_each_task_goes_to_the_methods_that_are_for_it(tmp_path: Path) -> None:
    methods = [{"method": "chain_of_thought", "kinds": ["question"]}, {"method": "instruction_following", "limit": 2}]
    run = make_run(tmp_path, methods=methods)
    tasks = [make_task(id=f"t{number}", kind="question" if number % 2 else "other") for number in range(5)]
    planned = Plan(run.recipe)
    assert [planned.methods_for(task) for task in tasks] == [[1], [0, 1], [], [0], []]

"""Self-Instruct against a scripted endpoint: a pool without likeness, what is shown, its instances, and replays for nothing."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.request import Sampling
from pipeline.methods.novelty import Novelty
from pipeline.methods.self_instruct import SelfInstruct
from pipeline.records import Sample, Task
from pipeline.tables import read_rows
from pipeline.texts.rouge import rouge_l, rouge_words
from tests.methods.growing import grown, last_messages, open_run, scripted, shown_in
from tests.servers import ChatServer, closed_url

WORDS = (
    "amber", "bridge", "candle", "desert", "engine", "forest", "garden", "harbor", "island", "jungle", "kettle", "lantern",
    "meadow", "needle", "orchard", "pepper",
)  # fmt: skip
SEEDS = [f"Explain how the {a} of a {b} changes each {c}." for a, b, c in zip(WORDS, WORDS[3:], WORDS[6:], strict=False)]
ROWS = [{"prompt": text} for text in SEEDS]
BAD = ("Draw a picture of the sea.", "Write a program that counts words.", "Go.", "! Say what you want to say.")
METHOD: dict[str, Any] = {"method": "self_instruct", "tasks": 60, "at_once": 3}
LISTED = re.compile(r"^\d+\. (.*)$", flags=re.MULTILINE)


def instruction(draw: random.Random) -> str:
    one, two, three, four = draw.sample(WORDS, 4)
    return draw.choice((
        f"Sort {one} {two} {three} into old or new.",
        f"Describe {one} near {two} while {three} meets {four} today.",
        f"Name reasons why {one} beats {two}.",
    ))  # fmt: skip


def teacher(prompt: str) -> str | None:
    """Continues lists with new, repeated and bad instructions; sorts what says so; gives two instances."""
    draw = random.Random(prompt)
    if "Continue it with" in prompt:
        shown = LISTED.findall(prompt)
        choices = [instruction(draw) for _ in range(6)] + [draw.choice(shown), draw.choice(BAD)]
        return "\n".join(f"{number}. {text}" for number, text in enumerate(choices, len(shown) + 1))
    text = shown_in(prompt)
    if "Is this a classification task" in prompt:
        return "yes" if text.startswith("Sort") else "no"
    if "first the label" in prompt:
        return "Output: old\nInput: It was long ago.\nOutput: new\nInput: It is today."
    if text.startswith("Name"):
        return f"Input: <noinput>\nOutput: Because of {draw.choice(WORDS)}."
    return f"Input: a {draw.choice(WORDS)}\nOutput: It shines.\nInput: one {draw.choice(WORDS)} more\nOutput: It rusts."


def undisturbed(folder: Path, script: Callable[[str], str | None] = teacher, **method: Any) -> tuple[ChatServer, Any]:
    with scripted(script) as server:
        return server, grown(open_run(folder, server.url, ROWS, METHOD | method))


def pool_of(tasks: list[Task]) -> list[str]:
    return SEEDS + list(dict.fromkeys(task.prompt for task in tasks))


def test_defaults_are_those_of_the_paper() -> None:
    method = SelfInstruct(method="self_instruct")
    assert (method.demonstrations, method.demonstrations_made, method.demonstrations + method.added) == (8, 2, 16)
    assert (method.rouge, method.instances) == (0.7, 5)
    assert method.sampling == Sampling(temperature=0.7, top_p=0.5, presence_penalty=2)
    assert method.instance_sampling == Sampling(temperature=0, presence_penalty=1.5)


def test_no_two_instructions_are_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, (tasks, _) = undisturbed(tmp_path)
    made = set(pool_of(tasks)) - set(SEEDS)
    words = {text: rouge_words(text, 100) for text in pool_of(tasks)}
    pairs = [pair for pair in combinations(words, 2) if made & set(pair)]
    assert len(made) > 20 and max(rouge_l(words[one], words[other]) for one, other in pairs) <= 0.7
    assert " too like an earlier one" in capsys.readouterr().err, "or the test shows nothing"
    _, (loose, _) = undisturbed(tmp_path / "loose", rouge=1.0)
    words = {text: rouge_words(text, 100) for text in pool_of(loose)}
    assert max(rouge_l(words[one], words[other]) for one, other in combinations(words, 2)) > 0.7


def test_as_alike_as_may_be_is_not_too_like() -> None:
    """Of ten words each, five are common: F is 0.5."""
    known = Novelty(["one two three four five six seven eight nine ten"], rouge=0.5)
    assert known.refusal("one two three four five a b c d e", about_form=False) == ""
    assert known.refusal("one two three four five six f g h i", about_form=False) == "too like an earlier one"


@pytest.mark.parametrize(("finish", "last"), [("stop", 16), ("length", 15)])
def test_a_list_ends_at_item_sixteen_and_before_the_torn_one(tmp_path: Path, finish: str, last: int) -> None:
    items = {number: " ".join(f"{chr(97 + number)}{each}" for each in ("one", "two", "six", "ten")) for number in range(9, 21)}

    def lengthy(prompt: str) -> str | None:
        some = items if finish == "stop" else {number: items[number] for number in range(9, 17)}
        lines = "\n".join(f"{number}. {text}" for number, text in some.items())
        return lines if "Continue it with" in prompt else teacher(prompt)

    with scripted(lengthy, finish=lambda text: finish if text.startswith("9. ") else "stop") as server:
        tasks, _ = grown(open_run(tmp_path, server.url, ROWS, METHOD | {"at_once": 1}))
    assert set(pool_of(tasks)) - set(SEEDS) == {items[number] for number in range(9, last + 1)}


def test_what_the_rules_forbid_is_not_taken(tmp_path: Path) -> None:
    server, (tasks, _) = undisturbed(tmp_path)
    assert any(text in prompt for prompt in map(teacher, last_messages(server)) for text in BAD if prompt)
    assert not set(BAD) & {task.prompt for task in tasks}


def test_six_instructions_of_the_source_and_two_that_were_made(tmp_path: Path) -> None:
    server, (tasks, _) = undisturbed(tmp_path)
    lists = [LISTED.findall(prompt) for prompt in last_messages(server) if "Continue it with" in prompt]
    made = {task.prompt for task in tasks}
    ours = [len(made & set(shown)) for shown in lists]
    assert all(len(shown) == len(set(shown)) == 8 and set(shown) <= made | set(SEEDS) for shown in lists)
    assert sorted(ours)[:3] == [0, 0, 0] and set(ours[3:]) == {2} and len(lists) > 3
    by_id = {task.id: task.prompt for task in tasks}
    later = [task for task in tasks if set(task.extra["parents"]) & set(by_id)]
    assert later and all(len(task.extra["parents"]) == 8 for task in tasks)


def test_classifications_get_their_label_first(tmp_path: Path) -> None:
    server, (tasks, samples) = undisturbed(tmp_path)
    by_id = {task.id: task for task in tasks}
    pairs = {(by_id[each.task_id].prompt.split()[0], by_id[each.task_id].context, each.target) for each in samples}
    assert {pair for pair in pairs if pair[0] == "Sort"} == {
        ("Sort", "It was long ago.", "old"), ("Sort", "It is today.", "new"),
    }  # fmt: skip
    assert all(task.extra["classification"] == task.prompt.startswith("Sort") for task in tasks)
    assert {context for name, context, _ in pairs if name == "Name"} == {""}
    label_first = [shown_in(prompt) for prompt in last_messages(server) if "first the label" in prompt]
    assert label_first and all(text.startswith("Sort") for text in label_first)


def test_each_task_is_an_instance_of_which_the_student_reads_all_and_writes_the_output(tmp_path: Path) -> None:
    _, (tasks, samples) = undisturbed(tmp_path)
    by_id = {task.id: task for task in tasks}
    assert len(tasks) == len(samples) == 60 and [each.task_id for each in samples] == list(by_id)
    method, forms = SelfInstruct(method="self_instruct"), set()
    for sample in samples:
        task = by_id[sample.task_id]
        [message] = sample.messages
        assert task.prompt in message.content and task.context in message.content
        assert sample.messages == list(method.student_prompt(task, ()).messages) and len(sample.response_keys) == 3
        forms.add(message.content.replace(task.prompt, "P").replace(task.context or "?", "C"))
    assert len(forms) >= 4, "templates are drawn"


def test_an_instruction_with_two_outputs_for_one_input_is_none(tmp_path: Path) -> None:
    def contradicting(prompt: str) -> str | None:
        said = teacher(prompt)
        return "Input: x y\nOutput: one\nInput: x y\nOutput: two" if said and said.startswith("Input: a") else said

    _, (tasks, _) = undisturbed(tmp_path, contradicting, tasks=30)
    assert tasks and not any(task.prompt.startswith("Describe") for task in tasks)


def test_it_is_replayed_for_nothing(tmp_path: Path) -> None:
    _, first = undisturbed(tmp_path)
    assert grown(open_run(tmp_path, closed_url(), ROWS, METHOD)) == first


def test_stopped_by_a_ceiling_it_asks_only_for_the_rest(tmp_path: Path) -> None:
    whole, first = undisturbed(tmp_path / "whole")
    with scripted(teacher) as server:
        with pytest.raises(BudgetReached):
            grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD, max_calls=20))
        assert 0 < server.hits < whole.hits
        assert grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD)) == first
        assert server.hits == whole.hits and server.by_body.keys() == whole.by_body.keys()


@pytest.mark.parametrize("which", ["Continue it with", "Is this a classification task"])
def test_behind_a_call_that_is_owed_nothing_is_asked(tmp_path: Path, which: str) -> None:
    whole, first = undisturbed(tmp_path / "whole")
    lost = [prompt for prompt in last_messages(whole) if which in prompt][4]
    with scripted(lambda prompt: None if prompt == lost else teacher(prompt)) as server:
        tasks, _ = grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD))
        before = server.hits
        assert 0 < len(tasks) < len(first[0])
    with scripted(teacher) as server:
        assert grown(open_run(tmp_path / "cut", server.url, ROWS, METHOD)) == first
        assert before - 1 + server.hits == whole.hits, "only the one that was owed is asked twice"


def test_it_ends_where_nobody_answers_and_where_nothing_is_new(tmp_path: Path) -> None:
    same = "\n".join(f"{number}. {SEEDS[number]}" for number in range(9, 17) if number < len(SEEDS)) or f"9. {SEEDS[0]}"
    with scripted(lambda prompt: same) as server, pytest.raises(Exception, match="none of"):
        grown(open_run(tmp_path / "same", server.url, ROWS, METHOD))
    assert server.hits == 30, "ten rounds of three lists"
    with scripted(lambda prompt: None) as server, pytest.raises(Exception, match="none of"):
        grown(open_run(tmp_path / "owed", server.url, ROWS, METHOD))
    assert server.hits == 3


def test_a_made_task_is_no_sample_of_the_source(tmp_path: Path) -> None:
    _, (tasks, samples) = undisturbed(tmp_path, tasks=7)
    assert len(tasks) == 7 and all(isinstance(each, Sample) for each in samples)
    assert {task.source for task in tasks} == {"made:self_instruct"} and {task.split for task in tasks} == {"train"}


def test_only_training_tasks_are_shown(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, METHOD | {"tasks": 10})
        source = run.recipe.source
        run.recipe = run.recipe.model_copy(update={"source": source.model_copy(update={"dev_share": 0.5})})
        grown(run)
        tasks = {task.prompt: task.split for task in read_rows(run.folder, "1_tasks", Task)}
        shown = {text for prompt in last_messages(server) if "Continue it with" in prompt for text in LISTED.findall(prompt)}
        assert {tasks[text] for text in shown} == {"train"} and "dev" in tasks.values()
        run.recipe = run.recipe.model_copy(update={"source": source.model_copy(update={"dev_share": 0.999})})
        with pytest.raises(UserError, match="none of the tasks to begin with is for training"):
            grown(run)

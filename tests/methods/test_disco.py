"""DISCO against a scripted endpoint: minimal edits that turn the label, kept by its rise in the teacher's votes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.methods.growing import grown, last_messages, open_run, scripted
from tests.servers import ChatServer, closed_url

LABELS = ("entailment", "neutral", "contradiction")
METHOD: dict[str, Any] = {"method": "disco", "demonstrations": 2, "samples": 2}


DEMONSTRATION = re.compile(r"Premise: (.*)\nHypothesis: .*\nLabel: (.*)\nBlank: (.+)")


def row(color: str, label: str, name: str, thing: str) -> dict[str, Any]:
    """A pair about the color of a thing, with the color as the blank."""
    return {
        "prompt": f"The {thing} is red.", "context": f"{name} carries the {color} {thing} at the park.", "answer": label,
        "blanked": f"{name} carries the [blank] {thing} at the park.", "replaced": color,
    }  # fmt: skip


ROWS = [
    row("red", "entailment", "Tom", "box"), row("blue", "contradiction", "Mia", "hat"), row("small", "neutral", "Ben", "cup"),
    row("red", "entailment", "Ann", "key"), row("white", "contradiction", "Leo", "lamp"), row("old", "neutral", "Sue", "bell"),
]  # fmt: skip


def right(premise: str) -> str:
    color = premise.split()[3]
    return "entailment" if color == "red" else "contradiction" if color in ("blue", "white") else "neutral"


def teacher(prompt: str) -> str | None:
    """Fills blanks as asked, except that it takes `old` for a contradiction; labels rightly."""
    if "Fill the blank" in prompt:
        label = re.findall(r"^Label: (.*)$", prompt, flags=re.MULTILINE)[-1]
        return {"entailment": "red", "neutral": "small", "contradiction": "old"}[label]
    found = re.search(r"^Premise: (.*)$", prompt, flags=re.MULTILINE)
    assert found is not None
    return right(found[1])


def run(folder: Path, script: Any = teacher, rows: Any = ROWS, **method: Any) -> tuple[ChatServer, Any]:
    with scripted(script) as server:
        return server, grown(open_run(folder, server.url, rows, METHOD | method))


def test_counterfactuals_are_minimal_edits_with_another_label(tmp_path: Path) -> None:
    _, (tasks, samples) = run(tmp_path)
    sources = {row["context"]: row for row in ROWS}
    assert len(tasks) == 8  # entailment and contradiction become neutral, contradiction and neutral entailment
    for task in tasks:
        old = next(row for row in sources.values() if row["prompt"] == task.prompt)
        changed = [pair for pair in zip(old["context"].split(), task.context.split(), strict=True) if pair[0] != pair[1]]
        assert len(changed) == 1 and task.answer == right(task.context) != old["answer"]
        assert task.source == "made:disco" and task.extra["rise"] == 1.0 and len(task.extra["parents"]) == 1
    assert not any("old" in task.context for task in tasks if task.answer == "contradiction")
    made = {task.id: task for task in tasks}
    assert {each.task_id: each.target for each in samples if each.task_id in made} == {
        name: task.answer for name, task in made.items()
    }
    assert all(len(each.response_keys) == 4 for each in samples if each.task_id in made)  # a filling and three votes


def test_the_student_learns_original_and_counterfactual_pairs(tmp_path: Path) -> None:
    _, (tasks, samples) = run(tmp_path)
    assert len(samples) == len(tasks) + len(ROWS)
    originals = [each for each in samples if not each.response_keys]
    assert sorted(each.target for each in originals) == sorted(row["answer"] for row in ROWS)
    assert "Premise: Tom carries the red box" in originals[0].messages[-1].content
    assert len(run(tmp_path / "other", source_pairs=False)[1][1]) == len(tasks)


def test_each_vote_is_asked_in_another_order_of_labels_without_the_wanted_one(tmp_path: Path) -> None:
    server, _ = run(tmp_path, rows=ROWS[:1])
    votes = [each for each in last_messages(server) if "Does the hypothesis follow" in each]
    orders = {re.search(r"nothing else: (.*)\.", each)[1] for each in votes}  # type: ignore[index]
    assert len(votes) == 3 + 2 * 3 and len(orders) == 3  # the pair, and its two rewritings
    assert all(each.rstrip().endswith("Label:") for each in votes)


def test_the_label_must_rise_by_more_than_half_the_threshold(tmp_path: Path) -> None:
    def wavering(prompt: str) -> str | None:
        """Gives the new premise its label in one order of three."""
        if "Fill the blank" in prompt or "red" in prompt.partition("Premise: ")[2].partition("\n")[0]:
            return teacher(prompt)
        return "neutral" if "else: entailment, neutral" in prompt else "entailment"

    one = run(tmp_path / "a", wavering, ROWS[:1])[1][0]
    assert {task.extra["rise"] for task in one} == {round(1 / 3, 4)} and {task.answer for task in one} == {"neutral"}
    assert not run(tmp_path / "b", wavering, ROWS[:1], threshold=0.7)[1][0]
    assert run(tmp_path / "c", wavering, ROWS[:1], threshold=0.6)[1][0], "half of it is enough"
    assert not run(tmp_path / "d", wavering, ROWS[:1], threshold=2 / 3)[1][0], "as much as half is not more"


def test_a_label_the_old_premise_has_as_often_does_not_rise(tmp_path: Path) -> None:
    def undecided(prompt: str) -> str | None:
        """Calls every premise neutral in one order of three."""
        if "Fill the blank" in prompt:
            return teacher(prompt)
        return "neutral" if "else: entailment, neutral" in prompt else "entailment"

    assert not run(tmp_path, undecided, ROWS[:1])[1][0]


def test_fillings_that_the_heuristics_drop_are_not_put_to_the_vote(tmp_path: Path) -> None:
    def echoing(prompt: str) -> str | None:
        return "box is red" if "Fill the blank" in prompt else teacher(prompt)

    server, (tasks, _) = run(tmp_path, echoing, ROWS[:1])
    assert not tasks and sum("Does the hypothesis" in each for each in last_messages(server)) == 3


def test_demonstrations_have_the_wanted_label_and_are_of_other_pairs(tmp_path: Path) -> None:
    server, _ = run(tmp_path)
    for prompt in last_messages(server):
        if "Fill the blank" not in prompt:
            continue
        premises = re.findall(r"^Premise: (.*)$", prompt, flags=re.MULTILINE)
        assert len(set(re.findall(r"^Label: (.*)$", prompt, flags=re.MULTILINE))) == 1
        for premise, label, filling in DEMONSTRATION.findall(prompt):
            assert right(premise.replace("[blank]", filling)) == label, "it has the label it shows"
        assert len(premises) >= 2 and premises[-1] not in premises[:-1]
        name = premises[-1].split()[0]
        assert prompt.count(name) == 1


def test_no_demonstration_has_the_premise_or_the_hypothesis_of_the_pair(tmp_path: Path) -> None:
    """The same premise with another hypothesis, and so another label, would tell what to write."""
    same = ROWS[0] | {"prompt": "The box is blue.", "answer": "contradiction"}
    server, _ = run(tmp_path, rows=[ROWS[0], same, *ROWS[1:]], demonstrations=8)
    flips = [each for each in last_messages(server) if "Fill the blank" in each]
    assert len(flips) == 2 * 7 * 2 and all(each.count("Premise: Tom") <= 1 for each in flips)


def test_a_pair_without_a_blank_is_left_as_it_is(tmp_path: Path) -> None:
    _, (tasks, samples) = run(tmp_path, rows=[*ROWS[:1], {"prompt": "It rains.", "context": "It pours.", "answer": "neutral"}])
    assert {task.prompt for task in tasks} == {"The box is red."} and len(samples) == len(tasks) + 2


def test_what_is_owed_is_all_that_a_second_start_asks(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")[1]

    def failing(prompt: str) -> str | None:
        return None if "Does the hypothesis" in prompt and "Tom carries the small box" in prompt else teacher(prompt)

    _, (tasks, _) = run(tmp_path / "broken", failing)
    assert len(tasks) == 7
    server, again = run(tmp_path / "broken")
    assert server.hits == 3 and again == whole
    assert grown(open_run(tmp_path / "broken", closed_url(), ROWS, METHOD)) == whole

"""What is evaluated: splits, benchmarks and changes; nothing that anybody trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.publication import write_table
from pipeline.stages.items import evaluation_items, level, prompt_for
from tests.rows import make_task
from tests.stages.contests import example, make_run, story


def svamp(folder: Path, *questions: str) -> dict[str, str]:
    """A benchmark of questions in SVAMP's format, each to be answered by 3."""
    row = {"Body": "Tom has 2 nuts and 1 egg.", "Answer": 3.0, "Equation": "( 2.0 + 1.0 )", "Type": "Addition"}
    path = folder / "svamp.json"
    path.write_text(json.dumps([row | {"ID": f"chal-{n}", "Question": each} for n, each in enumerate(questions)]))
    return {"benchmark": "svamp", "path": str(path)}


def test_splits_each_as_far_as_the_limit_goes(tmp_path: Path) -> None:
    tasks = [story(0), story(1, split="ood"), story(2), story(1, id="1" * 16)]
    run = make_run(tmp_path, tasks, evaluation={"split": ["test", "ood"], "limit": 2})
    items, bank = evaluation_items(run)
    assert [(item.benchmark, item.id) for item in items] == [
        ("mini:test", tasks[0].id), ("mini:test", tasks[2].id), ("mini:ood", tasks[1].id),
    ]  # fmt: skip
    assert [(item.original, item.change) for item in items] == [(None, None)] * 3
    assert [task.id for task in bank] == ["f" * 16]


def test_an_empty_split_is_refused_with_those_there_are(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)], evaluation={"split": ["test", "ood"]})
    with pytest.raises(UserError, match=r"no tasks of the split 'ood'[\s\S]*Splits there are: test, train"):
        evaluation_items(run)


def test_tasks_that_no_method_covers_are_no_items(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0, kind="riddle")])
    with pytest.raises(UserError, match="no tasks of the split 'test'"):
        evaluation_items(run)


def test_a_benchmark_is_read_from_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path, [story(0)], evaluation={"benchmarks": [svamp(tmp_path, "How many things?", "And now?")]})
    items, _ = evaluation_items(run)
    assert [item.benchmark for item in items] == ["mini:test", "svamp", "svamp"]
    assert {item.split for item in items[1:]} == {"svamp"}
    assert "note: 2 of 2 items of svamp were not known when the corpus was made" in capsys.readouterr().err


def test_a_benchmark_known_when_the_corpus_was_made_needs_no_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = {"benchmarks": [svamp(tmp_path, "How many things?")]}
    stranger, _ = evaluation_items(make_run(tmp_path, [story(0)], evaluation=evaluation))
    known = make_task(id=stranger[1].id, split="svamp")
    capsys.readouterr()
    evaluation_items(make_run(tmp_path, [story(0), known], evaluation=evaluation))
    assert capsys.readouterr().err == ""


def test_a_benchmark_item_that_is_a_training_example_is_refused(tmp_path: Path) -> None:
    evaluation = {"benchmarks": [svamp(tmp_path, "How many things?", "And now?")]}
    items, _ = evaluation_items(make_run(tmp_path, [story(0)], evaluation=evaluation))
    run = make_run(tmp_path, [story(0)], trained=[items[2].id], evaluation=evaluation)
    with pytest.raises(UserError, match=rf"svamp: 1 of its items are training examples of contest: {items[2].id}\n.*generate"):
        evaluation_items(run)


def test_a_benchmark_item_trained_on_as_another_kind_is_refused(tmp_path: Path) -> None:
    evaluation = {"benchmarks": [svamp(tmp_path, "How many things?", "And now?")]}
    items, _ = evaluation_items(make_run(tmp_path, [story(0)], evaluation=evaluation))
    twin = make_task(id="d" * 16, kind="riddle", split="train", prompt=items[2].prompt)
    stranger = twin.model_copy(update={"context": "Of another story."})
    assert len(evaluation_items(make_run(tmp_path, [story(0), stranger], trained=[twin.id], evaluation=evaluation))[0]) == 3
    assert len(evaluation_items(make_run(tmp_path, [story(0), twin], evaluation=evaluation))[0]) == 3
    with pytest.raises(UserError, match=rf"svamp: 1 of its items are training examples of contest: {items[2].id}\n"):
        evaluation_items(make_run(tmp_path, [story(0), twin], trained=[twin.id], evaluation=evaluation))


def test_a_plus_in_a_source_s_name_is_no_change(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0, source="gsm8k+svamp")], evaluation={"changes": ["distractor"]})
    assert [item.benchmark for item in evaluation_items(run)[0]] == ["gsm8k_svamp:test", "gsm8k_svamp:test+distractor"]


def test_baselines_count_as_training_and_dev_does_not(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0), story(1)])
    write_table(run.folder, "5_gold_labels", [example(story(0).id, "dev")])
    assert len(evaluation_items(run)[0]) == 2
    write_table(run.folder, "5_gold_labels", [example(story(0).id)])
    with pytest.raises(UserError, match="mini:test: 1 of its items are training examples"):
        evaluation_items(run)


def test_changed_items_follow_the_originals(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0), story(1)], evaluation={"changes": ["distractor"]})
    *originals, first, second = evaluation_items(run)[0]
    assert [first.original, second.original] == [each.id for each in originals]
    assert {first.benchmark, second.benchmark} == {"mini:test+distractor"}
    assert (first.change, first.answer) == ("distractor", "40")
    assert first.id != originals[0].id and first.prompt != originals[0].prompt


def test_a_changed_item_that_is_a_training_example_is_left_out(tmp_path: Path) -> None:
    evaluation = {"changes": ["distractor"]}
    items, _ = evaluation_items(make_run(tmp_path, [story(0), story(1)], evaluation=evaluation))
    run = make_run(tmp_path, [story(0), story(1)], trained=[items[2].id], evaluation=evaluation)
    assert [item.id for item in evaluation_items(run)[0]] == [items[0].id, items[1].id, items[3].id]


def test_the_level_is_a_field_of_the_task(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0), story(1, extra={})], evaluation={"by": "steps"})
    items, _ = evaluation_items(run)
    assert [level(run, item) for item in items] == ["1", None]


def test_a_field_that_no_item_has_is_refused_with_those_there_are(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)], evaluation={"by": "depth"})
    with pytest.raises(UserError, match=r"evaluation.by: no item has a field 'depth'\n.*Fields there are: steps"):
        evaluation_items(run)


def test_an_item_is_put_as_the_student_was_trained_and_as_the_teacher_was_asked(tmp_path: Path) -> None:
    run = make_run(tmp_path, [story(0)])
    (item,), bank = evaluation_items(run)
    assert [each.content for each in prompt_for(run, item, bank, of_teacher=False).messages] == [item.prompt]
    assert "Think step by step" in prompt_for(run, item, bank, of_teacher=True).messages[-1].content


def test_a_benchmark_that_no_method_covers_is_put_by_its_template_to_all_alike(tmp_path: Path) -> None:
    methods = [{"method": "chain_of_thought", "kinds": ["riddle"]}]
    evaluation = {"benchmarks": [svamp(tmp_path, "How many things?")]}
    run = make_run(tmp_path, [story(0, kind="riddle")], methods=methods, evaluation=evaluation)
    items, bank = evaluation_items(run)
    prompts = [prompt_for(run, items[1], bank, of_teacher) for of_teacher in (False, True)]
    assert prompts[0] == prompts[1]
    assert "How many things?" in prompts[0].messages[-1].content


def test_a_benchmark_with_a_template_of_its_own_is_not_put_by_a_method_for_all_kinds(tmp_path: Path) -> None:
    row = {"key": 1, "prompt": "Say hello.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    (tmp_path / "ifeval.jsonl").write_text(json.dumps(row) + "\n")
    evaluation = {"benchmarks": [{"benchmark": "ifeval", "path": str(tmp_path / "ifeval.jsonl")}]}
    run = make_run(tmp_path, [story(0)], methods=[{"method": "chain_of_thought"}], evaluation=evaluation)
    items, bank = evaluation_items(run)
    assert prompt_for(run, items[1], bank, of_teacher=True).messages[-1].content == "Say hello."
    named = [{"method": "chain_of_thought", "kinds": ["word_problem", "instruction"]}]
    run = make_run(tmp_path, [story(0)], methods=named, evaluation=evaluation)
    assert "Solve the problem" in prompt_for(run, items[1], bank, of_teacher=True).messages[-1].content

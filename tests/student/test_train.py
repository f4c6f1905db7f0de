"""The trainer on the mini student: every field of the recipe does what it says, and what cannot be done is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from pipeline.errors import UserError
from pipeline.pupils import Pupil
from pipeline.recipe import load_recipe
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.train import is_trained, training_job
from pipeline.student.job import Job, LowRank, mark_trained, trained_by, training_of
from pipeline.student.loading import load_tokenizer
from pipeline.student.saving import last_checkpoint
from pipeline.student.train import lessons, train
from pipeline.student.trainer import without_gain
from tests.student.corpora import STUDENT, example, losses, said, span_of, write_job

ADAPTER = LowRank(rank=4, alpha=8.0, dropout=0.0, targets=("all-linear",), quantized=False)
ROWS = [example(number) for number in range(40)]
DEV = [example(number, "dev") for number in range(100, 111)]


@pytest.fixture
def trained(capfd: pytest.CaptureFixture[str]) -> Callable[[Job], list[dict[str, Any]]]:
    def run(job: Job) -> list[dict[str, Any]]:
        capfd.readouterr()
        train(job)
        return said(capfd.readouterr().out)

    return run


def test_a_step_is_the_same_in_one_part_or_four_packed_or_not(tmp_path: Path, trained: Any) -> None:
    curves = [
        losses(trained(write_job(tmp_path, ROWS, f"student{number}", **given)))
        for number, given in enumerate(
            ({}, {"accumulate": 4}, {"packing": True, "max_tokens": 100}, {"gradient_checkpointing": True})
        )
    ]
    assert len(curves[0]) == 5 and curves[0][0] != curves[0][1]
    for other in curves[1:]:
        assert other == pytest.approx(curves[0], abs=1e-5)


def test_the_loss_of_a_step_is_the_weighted_mean_over_its_tokens(tmp_path: Path, trained: Any) -> None:
    rows = [example(number, weight=1.0 if number % 2 else 0.25) for number in range(6)]
    job = write_job(tmp_path, rows, batch_size=8, accumulate=2)
    by_hand = mean_loss(AutoModelForCausalLM.from_pretrained(STUDENT), job, "train")
    assert losses(trained(job)) == [pytest.approx(by_hand, rel=1e-5)]


def mean_loss(model: Any, job: Job, split: str) -> float:
    """sum_i w_i sum_t ce_it / sum_i w_i n_i, an example at a time, by the model's own cross-entropy."""
    above, below = 0.0, 0.0
    for unit in lessons(job, AutoTokenizer.from_pretrained(STUDENT), model)[split]:
        for row in unit["examples"]:
            count = sum(label != -100 for label in row["labels"])
            loss = model(input_ids=torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]])).loss.item()
            above, below = above + row["weight"] * count * loss, below + row["weight"] * count
    return above / below


def test_the_dev_loss_is_exact_and_the_student_of_the_lowest_is_kept(tmp_path: Path, trained: Any) -> None:
    job = write_job(tmp_path, ROWS + DEV, epochs=12, learning_rate=0.02, early_stop=1)
    lines = trained(job)
    watched = losses(lines, "eval_loss")
    assert len(watched) < 12 and watched[-1] > min(watched)
    assert lines[-1]["steps"] < lines[0]["of"]
    assert mean_loss(AutoModelForCausalLM.from_pretrained(job.output), job, "dev") == pytest.approx(min(watched), rel=1e-5)


def test_what_a_training_says(tmp_path: Path, trained: Any) -> None:
    job = write_job(tmp_path, ROWS)
    lines = trained(job)
    assert training_of(job.output) == {"fingerprint": job.fingerprint} | {k: v for k, v in lines[-1].items() if k != "done"}
    assert lines[0]["step"] == 1 and lines[0]["of"] == 5
    assert all(line["grad_norm"] > 0 and line["tokens_per_second"] > 0 and line["learning_rate"] > 0 for line in lines[:5])
    tokens = sum(len(row["input_ids"]) for row in rows_of(write_job(tmp_path, ROWS)))
    assert lines[-1]["done"] and lines[-1]["tokens"] == tokens
    assert lines[-1]["seconds"] > 0 and lines[-1]["peak_bytes"] > 1e7


def rows_of(job: Job) -> list[dict[str, Any]]:
    model = AutoModelForCausalLM.from_pretrained(STUDENT)
    return [row for unit in lessons(job, load_tokenizer(job), model)["train"] for row in unit["examples"]]


def test_adapters_are_merged_into_a_plain_model_and_kept_beside_it(tmp_path: Path, trained: Any) -> None:
    job = write_job(tmp_path, ROWS, adapter=ADAPTER, learning_rate=0.01)
    trained(job)
    merged, told = AutoModelForCausalLM.from_pretrained(job.output, output_loading_info=True)
    assert type(merged) is LlamaForCausalLM and not told["missing_keys"] and not told["unexpected_keys"]
    base = AutoModelForCausalLM.from_pretrained(STUDENT)
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(STUDENT), job.output / "adapter")
    tokens = torch.arange(5, 30)[None]
    assert torch.allclose(merged(tokens).logits, adapted(tokens).logits, atol=1e-4)
    assert not torch.allclose(merged(tokens).logits, base(tokens).logits, atol=1e-2)


def test_the_student_is_a_whole_model_folder(tmp_path: Path, trained: Any) -> None:
    template = (Path(STUDENT) / "chat_template.jinja").read_text() + "{# of the recipe #}"
    job = write_job(tmp_path, ROWS).model_copy(update={"chat_template": template})
    trained(job)
    assert AutoTokenizer.from_pretrained(job.output).chat_template == template
    generation = json.loads((job.output / "generation_config.json").read_text())
    assert trained_by(job.output) == job.fingerprint
    assert (generation["eos_token_id"], generation["pad_token_id"], generation["do_sample"]) == (1, 0, True)
    assert {path.name for path in tmp_path.iterdir()} == {"5_corpus.parquet", "student"}
    assert not {"training_args.bin", "README.md"} & {path.name for path in job.output.iterdir()}
    tokenizer = json.loads((job.output / "tokenizer_config.json").read_text())
    assert not {"is_local", "local_files_only"} & set(tokenizer)  # with or without the hub it is the same student


def test_smaller_shares_lie_in_larger_ones(tmp_path: Path) -> None:
    rows = [example(number, task_id=f"t{number // 2}") for number in range(80)] + DEV
    job = write_job(tmp_path, rows)
    taken = [
        {str(row["input_ids"]) for row in rows_of(job.model_copy(update={"share": share}))} for share in (0.1, 0.3, 0.6, 1.0)
    ]
    assert 0 < len(taken[0]) < len(taken[1]) < len(taken[2]) < len(taken[3]) == 80
    assert all(smaller < larger for smaller, larger in pairwise(taken))
    assert all(len(each) % 2 == 0 for each in taken)


def test_negatives_are_left_out_or_made_unlikely(tmp_path: Path, trained: Any) -> None:
    rows = ROWS[:6] + [example(number, negative=True) for number in (6, 7)]
    left = trained(write_job(tmp_path, rows))
    assert losses(left) == pytest.approx(losses(trained(write_job(tmp_path, ROWS[:6]))), abs=1e-6)
    unlikely = trained(write_job(tmp_path, rows, negatives="unlikelihood"))
    assert losses(unlikely, "unlikelihood")[0] > 0 and losses(unlikely) != pytest.approx(losses(left), abs=1e-3)
    learned = trained(write_job(tmp_path, rows, negatives="likelihood"))
    assert losses(learned) == pytest.approx(losses(trained(write_job(tmp_path, [*ROWS[:6], example(6), example(7)]))), abs=1e-6)


def test_pairs_agree(tmp_path: Path, trained: Any) -> None:
    rows = [example(number, pair=f"p{number // 2}", answer_span=span_of(number)) for number in range(40)]
    lines = trained(write_job(tmp_path, rows, agreement=0.5))
    assert losses(lines, "agreement")[0] > 0
    assert lines[0]["of"] == 5  # batch_size counts examples, of which a pair has two
    assert "agreement" not in trained(write_job(tmp_path, rows, agreement=0.0))[0]


def test_a_loss_that_is_no_number_stops_the_training_and_saves_nothing(tmp_path: Path) -> None:
    job = write_job(tmp_path, ROWS, learning_rate=1e30)
    job.output.mkdir()
    (job.output / "config.json").write_text("of before")
    with pytest.raises(UserError, match=r"no number any more .* at step 2 of 5, learning rate") as raised:
        train(job)
    assert "student.learning_rate" in raised.value.remedy
    assert [path.name for path in job.output.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("given", "what", "remedy"),
    [
        (
            {"adapter": ADAPTER.model_copy(update={"targets": ("q_proj", "query")})},
            "no layer 'query'",
            "k_proj, o_proj, q_proj",
        ),
        ({"adapter": ADAPTER.model_copy(update={"targets": ("mlp.q_proj",)})}, "no layer 'mlp.q_proj'", "q_proj"),
        ({"adapter": ADAPTER.model_copy(update={"quantized": True})}, "quantized: bitsandbytes needs a GPU", "false"),
        ({"early_stop": 2}, "early_stop: 5_corpus has no dev examples", "leave it out"),
        ({"negatives": "leave"}, "all training examples show what is wrong", "unlikelihood"),
    ],
    ids=["no such layer", "none of that name there", "no GPU", "no dev examples", "nothing left"],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, given: dict[str, Any], what: str, remedy: str) -> None:
    rows = [example(number, negative="negatives" in given) for number in range(8)]
    with pytest.raises(UserError, match=what) as raised:
        train(write_job(tmp_path, rows, **given))
    assert remedy in raised.value.remedy and not (tmp_path / "student").exists()


def test_a_single_step_changes_the_student(tmp_path: Path, trained: Any) -> None:
    job = write_job(tmp_path, ROWS[:8])
    assert trained(job)[0]["of"] == 1
    of_before, of_now = (AutoModelForCausalLM.from_pretrained(place) for place in (STUDENT, job.output))
    assert not torch.equal(of_before.lm_head.weight, of_now.lm_head.weight)


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UserError, match=r"DISTILL_PROCESSES=3: .* does not divide student.batch_size, 8"):
        train(write_job(tmp_path, ROWS))


def test_trackers_are_those_of_transformers(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="DISTILL_TRACKERS=scoreboard: scoreboard is not supported"):
        train(write_job(tmp_path, ROWS).model_copy(update={"trackers": ("scoreboard",)}))
    assert load_settings(trackers="tensorboard, wandb").trackers == ("tensorboard", "wandb")


def test_without_gain_counts_evaluations_since_the_lowest_loss() -> None:
    assert without_gain([]) == 0
    assert without_gain([{"eval_loss": 2.0}, {"loss": 1.0}, {"eval_loss": 1.5}]) == 0
    assert without_gain([{"eval_loss": 1.5}, {"eval_loss": 1.6}, {"eval_loss": 1.5}]) == 2


def test_a_checkpoint_that_was_not_finished_is_dropped(tmp_path: Path) -> None:
    for number, state in ((20, '{"global_step": 20}'), (40, '{"global_'), (60, None)):
        (tmp_path / f"checkpoint-{number}").mkdir()
        if state:
            (tmp_path / f"checkpoint-{number}/trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-20"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-20"]
    assert last_checkpoint(tmp_path / "nowhere") is None


def test_a_student_of_another_corpus_is_not_taken_for_this_one(tmp_path: Path) -> None:
    run = Run(load_recipe("mini"), load_settings(data=str(tmp_path)))
    run.folder.mkdir(parents=True)
    write_job(run.folder, ROWS)
    pupil = Pupil("distilled", "5_corpus", 0, True)
    (run.folder / "student/distilled").mkdir(parents=True)
    assert not is_trained(run, pupil)
    mark_trained(pupil.folder(run.folder), training_job(run, pupil).fingerprint)
    assert is_trained(run, pupil)
    write_job(run.folder, ROWS[:9])
    assert not is_trained(run, pupil)

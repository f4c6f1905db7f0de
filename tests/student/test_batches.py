"""How examples become a batch, and that packed ones see only themselves."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, Lfm2Config, Lfm2ForCausalLM

from pipeline.errors import UserError
from pipeline.student.batches import LEAVES_OUT, Collator, check_packing, kept_logits, pack, units
from pipeline.student.proof import IGNORED

STUDENT = Path(__file__).resolve().parents[2] / "data/mini/student"


def row(
    input_ids: list[int], trained: int, answer: int = 0, weight: float = 1.0, pair: int = -1, negative: int = 0
) -> dict[str, Any]:
    """An example whose last tokens are trained, and the last of those its answer."""
    prompt = len(input_ids) - trained
    return {
        "input_ids": input_ids,
        "labels": [IGNORED] * prompt + input_ids[prompt:],
        "answer": [0] * (len(input_ids) - answer) + [1] * answer,
        "weight": weight,
        "pair": pair,
        "negative": negative,
    }


def random_rows(lengths: list[int]) -> list[dict[str, Any]]:
    """Examples of which half is trained."""
    draw = random.Random(0)
    return [row([draw.randrange(2, 800) for _ in range(length)], trained=length // 2) for length in lengths]


def alone(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return units(rows, "unlikelihood")


def test_examples_are_padded_at_the_end_and_padding_is_nobodys() -> None:
    batch = Collator(pad=0)(alone(row([5, 6, 7], trained=2, answer=1), row([8, 9], trained=1, weight=0.5, negative=1)))
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 0]]
    assert batch["labels"].tolist() == [[-100, 6, 7], [-100, 9, -100]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["example"].tolist() == [[0, 0, 0], [1, 1, -1]]
    assert batch["answer"].tolist() == [[0, 0, 1], [0, 0, 0]]
    assert batch["keep"].tolist() == [[True, True, False], [True, False, False]]
    assert batch["weight"].tolist() == [1.0, 0.5]
    assert batch["negative"].tolist() == [False, True]
    assert "position_ids" not in batch


def test_packed_examples_start_at_position_nothing_and_have_no_mask() -> None:
    batch = Collator(pad=0, room=5)(alone(row([1, 2], trained=1), row([3, 4, 5, 6], trained=3), row([7, 8, 9], trained=2)))
    assert batch["input_ids"].tolist() == [[3, 4, 5, 6, 0], [7, 8, 9, 1, 2]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 0], [0, 1, 2, 0, 1]]
    assert batch["example"].tolist() == [[1, 1, 1, 1, -1], [2, 2, 2, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 4, 5, 6, -100], [-100, 8, 9, -100, 2]]
    assert batch["keep"].tolist() == [[True, True, True, False, False], [True, True, False, True, False]]
    assert "attention_mask" not in batch


@pytest.mark.parametrize("room", [None, 8])
def test_nothing_predicts_the_first_token_of_an_example(room: int | None) -> None:
    batch = Collator(pad=0, room=room)(alone(row([1, 2], trained=2, answer=2), row([3, 4], trained=2, answer=2)))
    assert int((batch["labels"] != IGNORED).sum()) == 2
    assert int(batch["answer"].sum()) == 2
    assert not ({1, 3} & set(batch["labels"].flatten().tolist()))


def test_an_answer_that_is_not_trained_still_gets_its_logits() -> None:
    example = row([1, 2, 3], trained=0, answer=1)
    assert Collator(pad=0)(alone(example))["keep"].tolist() == [[False, True, False]]


def test_pairs_are_one_unit_and_negatives_are_left_out() -> None:
    rows = [row([1], 1, pair=4), row([2], 1), row([3], 1, negative=1), row([4], 1, pair=4), row([5], 1)]

    def ids(grouped: list[Any]) -> list[list[int]]:
        return [[example["input_ids"][0] for example in unit["examples"]] for unit in grouped]

    assert ids(units(rows, "leave")) == [[1, 4], [2], [5]]
    assert ids(units(rows, "unlikelihood")) == [[1, 4], [2], [3], [5]]
    assert ids(units(rows, "likelihood")) == [[1, 4], [2], [3], [5]]


def test_negatives_that_are_to_be_learned_are_none_any_more() -> None:
    rows = [row([1], 1), row([2], 1, negative=1, weight=0.5)]
    for negatives, marks in (("likelihood", [0, 0]), ("unlikelihood", [0, 1])):
        made = units(rows, negatives)  # type: ignore[arg-type]
        assert [unit["examples"][0]["negative"] for unit in made] == marks
    assert rows[1]["negative"] == 1 and units(rows, "likelihood")[1]["examples"][0]["weight"] == 0.5


def test_rows_are_few_and_even() -> None:
    assert pack([5, 3, 3, 2, 2, 1], room=8) == [[0, 3, 5], [1, 2, 4]]
    assert pack([3, 3, 3], room=5) == [[0], [1], [2]]  # nine tokens would go into two rows, three threes do not
    assert pack([10, 2, 2, 2, 2, 2], room=12) == [[0], [1, 2, 3, 4, 5]]  # ten columns and no padding; best fit needs twelve
    assert pack([9, 1], room=4) == [[0], [1]]
    assert pack([], room=4) == []


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(50, 200))
def test_packing_loses_nothing_and_keeps_to_the_room(lengths: list[int], room: int) -> None:
    rows = pack(lengths, room)
    assert sorted(number for packed in rows for number in packed) == list(range(len(lengths)))
    assert all(0 < sum(lengths[number] for number in packed) <= room for packed in rows)
    assert len(rows) <= 2 * -(-sum(lengths) // room)
    assert rows == pack(lengths, room)


@pytest.fixture(scope="module")
def student() -> Any:
    return AutoModelForCausalLM.from_pretrained(STUDENT, dtype=torch.float64).eval()  # so that 1e-5 is far above rounding


def logits_by_example(model: Any, batch: dict[str, torch.Tensor]) -> dict[int, torch.Tensor]:
    """Logits at each example's kept places, by its number."""
    with torch.no_grad():
        logits = kept_logits(model, batch)
    owners = batch["example"][batch["keep"]]
    return {number: logits[owners == number] for number in range(len(batch["weight"]))}


def test_packed_examples_see_only_themselves(student: Any) -> None:
    rows = random_rows([30, 12, 21, 7, 2, 16])
    packed = logits_by_example(student, Collator(pad=0, room=40)(alone(*rows)))
    for number, example in enumerate(rows):
        by_itself = student(input_ids=torch.tensor([example["input_ids"]])).logits[0]
        trained = len(example["input_ids"]) // 2
        assert torch.allclose(packed[number], by_itself[-trained - 1 : -1], atol=1e-5, rtol=0)


def test_padding_changes_no_logits(student: Any) -> None:
    rows = random_rows([30, 12, 2])
    together = logits_by_example(student, Collator(pad=0)(alone(*rows)))
    for number, example in enumerate(rows):
        by_itself = logits_by_example(student, Collator(pad=0)(alone(example)))
        assert torch.allclose(together[number], by_itself[0], atol=1e-5, rtol=0)


@pytest.mark.skipif(not LEAVES_OUT, reason="this version of transformers computes all logits")
def test_the_output_layer_is_spared_what_no_objective_needs(student: Any) -> None:
    batch = Collator(pad=0)(alone(*random_rows([30, 12])))
    places: list[int] = []
    hook = student.lm_head.register_forward_hook(lambda _, given, __: places.append(given[0].shape[:-1].numel()))
    kept_logits(student, batch)
    hook.remove()
    assert places == [int(batch["keep"].sum())] == [15 + 6]


def test_a_library_that_computes_all_logits_gives_the_same(student: Any) -> None:
    batch = Collator(pad=0)(alone(*random_rows([30, 12])))

    def all_logits(logits_to_keep: Any = None, **given: Any) -> Any:
        return student(**given)

    assert torch.allclose(kept_logits(all_logits, batch), kept_logits(student, batch), atol=1e-9, rtol=0)


class ApartInOneRowOnly(torch.nn.Module):
    """A model whose packed examples see each other as soon as there are several rows, as with some flash attentions."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.device = model.device

    def forward(self, input_ids: torch.Tensor, **given: Any) -> Any:
        if len(input_ids) > 1 and given.pop("position_ids", None) is not None:
            given["attention_mask"] = torch.ones_like(input_ids)
        return self.model(input_ids=input_ids, **given)


def test_packing_is_tried_in_several_rows(student: Any) -> None:
    with pytest.raises(UserError, match="ApartInOneRowOnly lets examples of one row see each other"):
        check_packing(ApartInOneRowOnly(student).eval())


def test_an_architecture_that_carries_state_across_examples_is_refused(student: Any) -> None:
    check_packing(student)
    assert not student.training, "it leaves the model as it was"
    torch.manual_seed(0)
    convolution = Lfm2Config(
        vocab_size=90, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, layer_types=["conv", "full_attention"], initializer_range=0.2,
    )  # fmt: skip
    with pytest.raises(UserError, match="Lfm2ForCausalLM lets examples of one row see each other"):
        check_packing(Lfm2ForCausalLM(convolution).train())

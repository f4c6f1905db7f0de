"""Prices: found by host and name, a recipe's own before the user's before those that ship, and unknown is never 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.prices import PRICES, ListedPrice, bill, listed_prices, price_of
from pipeline.llm.request import Price, Reply
from pipeline.settings import REPOSITORY, Settings, load_settings

HOST = "api.openai.com"
ENTRY = "{input: 1, output: 2, date: 2026-01-02, source: here}"


def settings(folder: Path, text: str) -> Settings:
    """Settings with prices of one's own."""
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(prices=path)


def test_those_that_ship_are_whole() -> None:
    prices = listed_prices(load_settings())
    assert (HOST, "gpt-5-mini") in prices
    for (host, model), price in prices.items():
        assert host and model and 0 < price.input < price.output
        assert price.cached_input is None or price.cached_input < price.input
        assert price.source.startswith("https://")


def test_the_head_of_the_file_names_every_field() -> None:
    head = (REPOSITORY / PRICES).read_text().split("api.openai.com:")[0]
    assert all(f"#   {name} " in head for name in ListedPrice.model_fields)


@pytest.mark.parametrize(
    ("model", "entry"),
    [
        ("gpt-5-mini", "gpt-5-mini"),
        ("gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("gpt-5-mini-20250807", "gpt-5-mini"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-5-mini-preview", None),
        ("gpt-5-min", None),
        ("gpt-5-mini-2025-08-07-x", None),
    ],
)
def test_a_dated_name_falls_back_to_its_base(model: str, entry: str | None) -> None:
    prices = listed_prices(load_settings())
    assert price_of(HOST, model, load_settings()) == (prices[HOST, entry] if entry else None)


def test_the_same_name_elsewhere_has_no_price() -> None:
    assert price_of("127.0.0.1", "gpt-5-mini", load_settings()) is None


def test_ones_own_prices_win(tmp_path: Path) -> None:
    mine = settings(tmp_path, f"127.0.0.1:\n  small-1: {ENTRY}\n{HOST}:\n  gpt-5-mini: {ENTRY}\n")
    found = [price_of("127.0.0.1", "small-1", mine), price_of(HOST, "gpt-5-mini", mine), price_of(HOST, "gpt-5", mine)]
    assert [each.input if each else None for each in found] == [1, 1, 1.25]


def test_a_recipes_price_wins(tmp_path: Path) -> None:
    known = settings(tmp_path, f"127.0.0.1: {{small-1: {ENTRY}}}").model_copy(update={"openai_base_url": "http://127.0.0.1/v1"})
    priced = OpenAIModel(backend="openai", model="small-1", price=Price(input=0, output=0))
    assert priced.open(known).price == Price(input=0, output=0)
    listed = OpenAIModel(backend="openai", model="small-1").open(known).price
    assert listed is not None and listed.output == 2
    assert OpenAIModel(backend="openai", model="small-2").open(known).price is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {b: {input: 1, date: 2026-01-02, source: here}}", "mine.yaml: a: b: output is missing"),
        ("a: {b: {input: -1, output: 2, date: 2026-01-02, source: here}}", "mine.yaml: a: b: input: -1: Input should be"),
        ("a: {b: {input: x, output: 2, date: 2026-01-02, source: here}}", "mine.yaml: a: b: input: 'x': Input should be"),
        ("a: {b: {input: 1, output: .nan, date: 2026-01-02, source: x}}", "mine.yaml: a: b: output: nan: Input should be"),
        ("a: {b: {input: 1, output: 2, date: soon, source: here}}", "mine.yaml: a: b: date: 'soon': Input should be"),
        ("a: {b: {input: 1, output: 2, date: 2026-01-02, source: ''}}", "mine.yaml: a: b: source: '': String should"),
        ("a: {b: {in: 1, output: 2, date: 2026-01-02, source: x}}", "mine.yaml: a: b: in: unknown key; known keys: input,"),
        ("a: {b: {input: 1, output: 2, batch_discount: 50, date: 2026-01-02, source: x}}", "b: batch_discount: 50: Input"),
        ("a: {b: 3}", "mine.yaml: a: b: 3: Input should be"),
        ("a: 3", "mine.yaml: a: 3 holds no models"),
        ("a: {4.1: {}}", "mine.yaml: a: 4.1 is read as a float, not as a name"),
        ("- a", "mine.yaml: ['a'] holds no hosts"),
        ("a: {b", "mine.yaml, line 1: not YAML"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as refused:
        listed_prices(settings(tmp_path, text))
    assert words in refused.value.what and refused.value.remedy


def test_every_problem_of_an_entry_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        listed_prices(settings(tmp_path, "a: {b: {input: -1}}"))
    assert len(refused.value.what.splitlines()) == 4


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^DISTILL_PRICES=.*nowhere.yaml: No such file"):
        listed_prices(load_settings(prices=tmp_path / "nowhere.yaml"))


def test_an_empty_file_prices_nothing(tmp_path: Path) -> None:
    assert listed_prices(settings(tmp_path, "# nothing yet\n")) == listed_prices(load_settings())


def test_cached_tokens_and_batch_files_cost_less() -> None:
    price = Price(input=1.0, cached_input=0.25, output=8.0, batch_discount=0.5)
    assert price.of(1_000_000, 500_000) == pytest.approx(5.0)
    assert price.of(1_000_000, 500_000, 400_000) == pytest.approx(4.7)
    assert price.discounted().of(1_000_000, 500_000, 400_000) == pytest.approx(2.35)
    assert price.discounted().discounted() == price.discounted()
    assert Price(input=1.0, output=8.0).of(1_000_000, 0, 1_000_000) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("reply", "price", "cost"),
    [
        (Reply(tokens_in=1000, tokens_out=10), Price(input=1, output=10), 0.0011),
        (Reply(tokens_in=1000, tokens_out=10, tokens_cached=500), Price(input=1, cached_input=0.1, output=10), 0.00065),
        (Reply(tokens_in=1000, tokens_out=10, cost=0.5), Price(input=1, output=10), 0.5),
        (Reply(tokens_in=1000, tokens_out=10), None, None),
        (Reply(tokens_in=1000), Price(input=1, output=10), None),
        (Reply(tokens_out=10), Price(input=1, output=10), None),
    ],
)
def test_a_bill_needs_a_price_and_the_usage(reply: Reply, price: Price | None, cost: float | None) -> None:
    assert bill(reply, price).cost == (None if cost is None else pytest.approx(cost))

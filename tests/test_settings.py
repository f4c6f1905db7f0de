"""Settings: flags before environment before `.env`, and a refusal that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.settings import REPOSITORY, load_settings, project_path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder without `.env`, and an environment without our variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "STORE", "CONCURRENCY", "DEVICE", "MAX_TOKENS", "MAX_COST"):
        monkeypatch.delenv(f"DISTILL_{name}", raising=False)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_defaults() -> None:
    settings = load_settings()
    assert (settings.runs, settings.store_path) == (Path("data/runs"), Path("data/responses.sqlite"))
    assert settings.max_cost is None and settings.openai_api_key is None


def test_flags_win_over_environment_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DISTILL_DATA=file\nDISTILL_MAX_TOKENS=1\nDISTILL_CONCURRENCY=1\nOPENAI_API_KEY=secret\nOTHER=x\n")
    monkeypatch.setenv("DISTILL_DATA", "environment")
    monkeypatch.setenv("DISTILL_MAX_TOKENS", "2")
    settings = load_settings(data="flag", store=None)
    assert (settings.data, settings.max_tokens, settings.concurrency) == (Path("flag"), 2, 1)
    assert settings.store_path == Path("flag/responses.sqlite")
    assert "secret" not in repr(settings)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILL_MAX_COST", "")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    settings = load_settings()
    assert (settings.max_cost, settings.openai_base_url) == (None, "http://localhost:1/v1")
    assert load_settings(openai_base_url="http://other/v1").openai_base_url == "http://other/v1"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DISTILL_MAX_TOKENS", "many"), ("DISTILL_CONCURRENCY", "0"), ("DISTILL_DEVICE", "gpu"), ("DISTILL_MAX_COST", "-1")],
)
def test_a_value_that_does_not_fit(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=f"^{variable}='{value}'"):
        load_settings()


def test_a_flag_that_does_not_fit_is_named_like_its_variable() -> None:
    with pytest.raises(UserError, match=r"^DISTILL_MAX_TOKENS='x'"):
        load_settings(max_tokens="x")


def test_project_path(tmp_path: Path) -> None:
    assert project_path("recipes") == REPOSITORY / "recipes"
    assert project_path("not/there") == Path("not/there")
    (tmp_path / "recipes").mkdir()
    assert project_path("recipes") == Path("recipes")


def test_a_slip_in_the_name_of_a_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ceiling that nobody knows would hold nothing."""
    monkeypatch.setenv("DISTILL_MAX_CALS", "5")
    with pytest.raises(UserError, match="DISTILL_MAX_CALS: no setting of this name") as raised:
        load_settings()
    assert raised.value.remedy == "Did you mean DISTILL_MAX_CALLS?"

"""Where and how fast: folders, endpoints, concurrency, ceilings. Another value here never makes other data.

Read from the environment or `.env`; a flag of the command line wins. What decides the data is in the recipe instead.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.errors import UserError

REPOSITORY = Path(__file__).resolve().parent.parent


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def project_path(name: str | Path) -> Path:
    """`name` from the working folder if it is there, else from the project's own: recipes, prompts and shipped models."""
    try:
        here = Path(name).expanduser()
    except RuntimeError:
        raise UserError(f"{name}: there is no such home", "Write the whole path.") from None
    if len(str(name)) > 4096 or any(len(part) > 255 for part in here.parts):
        raise UserError(f"{str(name)[:80]}…: too long for a path", "Name a file or folder that is there.")
    return here if here.exists() or here.is_absolute() or not (REPOSITORY / here).exists() else REPOSITORY / here


def _at_home(path: Path) -> Path:
    if any(len(part.encode("utf-8", "replace")) > 255 for part in path.parts):
        raise ValueError("too long for the name of a file")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("there is no such home; write the whole path") from None


HomePath = Annotated[Path, AfterValidator(_at_home)]
"""A path in which `~` is the user's home."""


def _secret_address(value: object) -> object:
    """A path, or an address, which may hold a password and is therefore never shown."""
    if not isinstance(value, str):
        return value
    return SecretStr(value) if ":/" in value else Path(value)


def _names(value: object) -> object:
    """Names with commas between them, as a tuple."""
    return tuple(filter(None, (name.strip() for name in value.split(",")))) if isinstance(value, str) else value


class Settings(BaseSettings):
    """Settings of this machine and this user."""

    model_config = SettingsConfigDict(
        env_prefix="DISTILL_", env_file=".env", extra="ignore", populate_by_name=True, frozen=True,
        use_attribute_docstrings=True, env_ignore_empty=True,
    )  # fmt: skip

    data: HomePath = Path("data")
    """Folder of the runs and of the response store."""
    store: Annotated[HomePath | SecretStr | None, BeforeValidator(_secret_address)] = None
    """Where every reply is remembered: the path of an SQLite file, `<data>/responses.sqlite` unless said, or the address of a
    PostgreSQL database that several machines share, `postgresql://user:password@host/database`."""
    concurrency: PositiveInt | None = None
    """Calls in flight at once; unless said, as many as suit the backend."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where local models run and students train."""
    processes: PositiveInt = 1
    """Processes that train a student together, one a GPU (or several on a CPU); `accelerate launch` starts them."""
    trackers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    """Trackers that are told of the losses, by the names `transformers` knows: tensorboard, wandb, mlflow, …"""
    max_tokens: PositiveInt | None = None
    """Ceiling on the tokens one command may use, in and out together; remembered replies are free."""
    max_cost: NonNegativeFloat | None = None
    """Ceiling in US dollars on what one command may spend; needs a known price (data/prices.yaml or teacher.price)."""
    max_calls: PositiveInt | None = None
    """Ceiling on the calls one command may send."""
    prices: HomePath | None = None
    """File of prices that win over those of `data/prices.yaml`, of the same form."""
    requests_per_minute: PositiveFloat | None = None
    """Ceiling on the calls a minute; what the endpoint tells in its headers is held anyway."""
    input_tokens_per_minute: PositiveFloat | None = None
    """Ceiling on the prompt tokens a minute."""
    output_tokens_per_minute: PositiveFloat | None = None
    """Ceiling on the reply tokens a minute."""
    connect_seconds: PositiveFloat = 10.0
    """Longest time to reach an endpoint."""
    read_seconds: PositiveFloat = 300.0
    """Longest silence of an endpoint within a call."""
    total_seconds: PositiveFloat = 900.0
    """Longest time of a call."""
    tensor_parallel: PositiveInt = 1
    """GPUs one copy of an in-process vLLM model is spread over."""
    data_parallel: PositiveInt = 1
    """Copies of an in-process vLLM model, each on GPUs of its own."""
    gpu_memory: float | None = Field(None, gt=0, le=1)
    """Share of a GPU's memory vLLM may take; on a CPU, of the machine's."""
    context: PositiveInt | None = None
    """Longest prompt and reply together, in tokens, that vLLM makes room for; the model's own unless said."""
    patience_seconds: PositiveFloat = 600.0
    """Longest time for which a call that fails is tried again; then it is owed to the next start."""
    openai_api_key: SecretStr | None = Field(None, validation_alias=AliasChoices("openai_api_key", "OPENAI_API_KEY"))
    """Key of the OpenAI-compatible endpoint; a local server needs none."""
    openai_base_url: str | None = Field(None, validation_alias=AliasChoices("openai_base_url", "OPENAI_BASE_URL"))
    """Address of the OpenAI-compatible endpoint, up to and with `/v1`."""

    @property
    def runs(self) -> Path:
        return self.data / "runs"

    @property
    def store_path(self) -> Path | str:
        """The file of the response store, or its address with the password in it: not to be shown."""
        if isinstance(self.store, SecretStr):
            return self.store.get_secret_value()
        return self.store or self.data / "responses.sqlite"


def _check_names() -> None:
    """Refuses a variable that is no setting: a ceiling with a slip in its name would be none."""
    known = {f"DISTILL_{name.upper()}" for name in Settings.model_fields if not name.startswith("openai")}
    for name in (*os.environ, *dotenv_values(".env")):
        if name.upper().startswith("DISTILL_") and name.upper() not in known:
            near = get_close_matches(name.upper(), known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(sorted(known))}."
            raise UserError(f"{name}: no setting of this name, in the environment or in .env", hint)


def load_settings(**flags: object) -> Settings:
    """Settings from flags, environment and `.env`, in this order.

    Raises:
        UserError: a value does not fit; the message names it and where it comes from.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        _check_names()
        return Settings(**given)  # type: ignore[arg-type]
    except UnicodeDecodeError as error:
        raise UserError(f".env: not UTF-8 text ({error.reason})", "Save it as UTF-8.") from None
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        variable = name.upper() if name.lower().startswith("openai") else f"DISTILL_{name.upper()}"
        raise UserError(
            f"{variable}={problem['input']!r}: {problem['msg']}",
            f"Set {variable} in the environment or in .env to a value that fits, or leave it out.",
        ) from None

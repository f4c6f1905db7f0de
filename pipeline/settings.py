"""Where and how fast: folders, endpoints, concurrency, ceilings. Another value here never makes other data.

Read from the environment or `.env`; a flag of the command line wins. What decides the data is in the recipe instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, NonNegativeFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.errors import UserError

REPOSITORY = Path(__file__).resolve().parent.parent


def project_path(name: str | Path) -> Path:
    """`name` from the working folder if it is there, else from the project's own: recipes, prompts and shipped models."""
    here = Path(name).expanduser()
    if len(str(name)) > 4096 or any(len(part) > 255 for part in here.parts):
        raise UserError(f"{str(name)[:80]}…: too long for a path", "Name a file or folder that is there.")
    return here if here.exists() or here.is_absolute() or not (REPOSITORY / here).exists() else REPOSITORY / here


HomePath = Annotated[Path, AfterValidator(Path.expanduser)]
"""A path in which `~` is the user's home."""


class Settings(BaseSettings):
    """Settings of this machine and this user."""

    model_config = SettingsConfigDict(
        env_prefix="DISTILL_", env_file=".env", extra="ignore", populate_by_name=True, frozen=True,
        use_attribute_docstrings=True, env_ignore_empty=True,
    )  # fmt: skip

    data: HomePath = Path("data")
    """Folder of the runs and of the response store."""
    store: HomePath | None = None
    """SQLite file that remembers every reply; `<data>/responses.sqlite` unless said."""
    concurrency: PositiveInt | None = None
    """Calls in flight at once; unless said, as many as suit the backend."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where local models run and students train."""
    max_tokens: PositiveInt | None = None
    """Ceiling on the tokens one command may use, in and out together; remembered replies are free."""
    max_cost: NonNegativeFloat | None = None
    """Ceiling in US dollars on what one command may spend; needs a price in the recipe."""
    openai_api_key: SecretStr | None = Field(None, validation_alias=AliasChoices("openai_api_key", "OPENAI_API_KEY"))
    """Key of the OpenAI-compatible endpoint; a local server needs none."""
    openai_base_url: str | None = Field(None, validation_alias=AliasChoices("openai_base_url", "OPENAI_BASE_URL"))
    """Address of the OpenAI-compatible endpoint, up to and with `/v1`."""

    @property
    def runs(self) -> Path:
        return self.data / "runs"

    @property
    def store_path(self) -> Path:
        return self.store or self.data / "responses.sqlite"


def load_settings(**flags: object) -> Settings:
    """Settings from flags, environment and `.env`, in this order.

    Raises:
        UserError: a value does not fit; the message names it and where it comes from.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
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

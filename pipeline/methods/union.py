"""All methods there are, chosen in a recipe by name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.methods.chain_of_thought import ChainOfThought
from pipeline.methods.in_context import InContext
from pipeline.methods.instruction_following import InstructionFollowing

Method = Annotated[
    ChainOfThought
    | InContext
    | InstructionFollowing,
    Field(discriminator="method"),
]  # fmt: skip

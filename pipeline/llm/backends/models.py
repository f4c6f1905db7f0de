"""Every model that can be named in a recipe: the teacher's, a judge's, a scorer's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.backends.local import LocalModel
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.backends.recorded import RecordedModel
from pipeline.llm.backends.vllm import VLLMModel

AnyModel = Annotated[OpenAIModel | BatchModel | VLLMModel | LocalModel | RecordedModel, Field(discriminator="backend")]

"""NeMo DataDesigner: one text column over a seed data frame; early shutdown and metrics port off, its cap raised."""

from __future__ import annotations

import pandas
from data_designer.config import (
    ChatCompletionInferenceParams,
    DataDesignerConfigBuilder,
    DataFrameSeedSource,
    LLMTextColumnConfig,
    ModelConfig,
    ModelProvider,
    RunConfig,
)
from data_designer.interface import DataDesigner

from bench.peers.clock import MAX_TOKENS, MODEL, SYSTEM, TEMPERATURE, Job, run


def work(job: Job, prompts: list[str]):
    sampling = ChatCompletionInferenceParams(
        temperature=TEMPERATURE, max_tokens=MAX_TOKENS, max_parallel_requests=job.in_flight
    )
    teacher = ModelConfig(alias="teacher", model=MODEL, provider="bench", inference_parameters=sampling, skip_health_check=True)
    builder = DataDesignerConfigBuilder(model_configs=[teacher])
    builder.with_seed_dataset(DataFrameSeedSource(df=pandas.DataFrame({"prompt": prompts})))
    builder.add_column(LLMTextColumnConfig(name="answer", model_alias="teacher", system_prompt=SYSTEM, prompt="{{ prompt }}"))
    designer = DataDesigner(
        artifact_path="artifacts", model_providers=[ModelProvider(name="bench", endpoint=job.url, api_key="none")]
    )
    designer.set_run_config(RunConfig(otel_metrics_port=None, disable_early_shutdown=True))
    return designer.create(builder, num_records=len(prompts)).load_dataset()


if __name__ == "__main__":
    run("data-designer", work, lambda answers: int(answers["answer"].astype(bool).sum()))

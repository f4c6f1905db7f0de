"""A request's sampling in vLLM's words, and vLLM's log-probabilities in ours. Loaded by name, since it needs vLLM."""

from __future__ import annotations

from typing import Any

from vllm.exceptions import VLLMError
from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

from pipeline.errors import UserError
from pipeline.llm.request import Request

OWN = {"n", "output_kind", "detokenize", "skip_clone", "stream_interval", "logprobs", "prompt_logprobs", "extra_args"}
"""Fields that `extra_body` may not set, since the reading of the reply rests on them."""
SAME = ("temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "max_tokens")
"""Fields both sides call the same."""


def sampling_params(request: Request, defaults: dict[str, Any], keep_special: bool) -> SamplingParams:
    """All that was asked for, over the model's own defaults.

    Args:
        defaults: what the model's generation configuration says.
        keep_special: whether special tokens belong into the text, because thoughts are marked by them.

    Raises:
        UserError: vLLM has no such field, or not with this value.
    """
    sampling = request.sampling
    given = {name: value for name in SAME if (value := getattr(sampling, name)) is not None}
    fields: dict[str, Any] = {"max_tokens": None} | defaults | given
    fields |= _extra(sampling.extra_body or {})
    fields |= {"output_kind": RequestOutputKind.FINAL_ONLY, "logprobs": sampling.top_logprobs}
    fields["skip_clone"] = True  # nobody else has it, and a copy costs 0.2 ms
    if keep_special:
        fields |= {"skip_special_tokens": False, "spaces_between_special_tokens": False}
    if sampling.stop is not None:
        fields["stop"] = list(sampling.stop)
    if sampling.seed is not None:
        fields["seed"] = sampling.seed + request.sample
    if request.response_format is not None:
        fields["structured_outputs"] = _structured(request.response_format)
    try:
        return SamplingParams(**fields)
    except (VLLMError, ValueError, TypeError) as error:
        raise UserError(f"sampling: {error}", "Change or leave out that field.") from None


def _extra(extra: dict[str, Any]) -> dict[str, Any]:
    known = {name for name in SamplingParams.__struct_fields__ if not name.startswith("_")} - OWN
    for name in extra.keys() - known:
        raise UserError(
            f"sampling.extra_body.{name}: vLLM's sampling has no such field, or it is set by the pipeline",
            "Leave it out; arguments of the chat template go into sampling.chat_template_kwargs.",
        )
    if isinstance(wanted := extra.get("structured_outputs"), dict):
        return extra | {"structured_outputs": StructuredOutputsParams(**wanted)}
    return extra


def _structured(response_format: dict[str, Any]) -> StructuredOutputsParams | None:
    """The response format of the OpenAI protocol."""
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema}}:
            return StructuredOutputsParams(json=schema)
        case {"type": "json_object"}:
            return StructuredOutputsParams(json_object=True)
        case {"type": "text"}:
            return None
    raise UserError(f"response_format: {response_format!r:.200}: not one vLLM knows", "Use json_schema, json_object or text.")


def read_logprobs(written: Any, top: int | None) -> list[dict[str, Any]] | None:
    """For each token of the reply itself and its likeliest rivals; None where they were not asked for."""
    if top is None or written.logprobs is None:
        return None
    return [
        {**_one(at[token]), "top": [_one(each) for each in sorted(at.values(), key=lambda each: each.rank) if each.rank <= top]}
        for token, at in zip(written.token_ids, written.logprobs, strict=True)
    ]


def _one(entry: Any) -> dict[str, Any]:
    return {"token": entry.decoded_token, "logprob": entry.logprob}

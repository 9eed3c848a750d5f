"""Attention of a model, and the stock architecture under a publisher's own modelling code.

Code of a repository is never run. What some publishers' classes change of the stock architecture
is known: they attend in both directions. Any other class is refused by name.
"""

from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError

# Classes of repositories that are a stock architecture with attention in both directions: the
# name of the class in auto_map, with its module where other repositories use the name otherwise.
_BIDIRECTIONAL = {
    "modeling_qwen.Qwen2Model",  # gte-Qwen2
    "modeling_gritlm7b.MistralModel",
    "modeling_gritlm7b.MistralForCausalLM",
    "modeling_llama_encoder.LlamaEncoderModel",  # LLM2Vec
    "modeling_mistral_encoder.MistralEncoderModel",
    "modeling_qwen2_encoder.Qwen2EncoderModel",
    "llama_bidirectional_model.LlamaBidirectionalModel",  # llama-embed-nemotron
    "modeling_reasonir_8b.ReasonIRModel",  # Llama; its class pools, too
    "splade.Qwen3ForCausalLM",  # splade-code
}
_STOCK_TYPES = {"llama_bidirec": "llama"}
"""``model_type`` of repositories' own configurations to that of Transformers."""
_MODEL_KEYS = ("AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM")
_BERT_TYPES = (
    *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie"),
    *("modernbert", "mpnet", "new", "nomic_bert", "roberta", "roformer", "xlm-roberta", "xlnet"),
)
_DECODER_TYPES = {
    *("apertus", "arcee", "bloom", "codegen", "cohere", "cohere2", "deepseek_v3", "ernie4_5"),
    *("exaone4", "falcon", "gemma", "gemma2", "gemma3_text", "glm", "glm4", "gpt2", "gpt_neo"),
    *("gpt_neox", "gpt_oss", "gptj", "granite", "helium", "llama", "llama_bidirec", "ministral"),
    *("ministral3", "mistral", "mixtral", "mpt", "nemotron", "olmo", "olmo2", "olmo3"),
    *("opt", "persimmon", "phi", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "smollm3"),
    *("stablelm", "starcoder2"),
}
"""``model_type`` of decoder-only language models. The list need not be complete: a model of another
type is loaded by its name with an option, but is not taken for a decoder unasked."""
_ENCODER_DECODER_TYPES = ("t5", "mt5", "umt5", "bart", "mbart", "t5gemma")


def attention_of(config: dict[str, Any], path: Path) -> str:
    """``"bidirectional"`` or ``"causal"``, as the configuration of a model says.

    Args:
        config: of the model, ``config.json``.
        path: where it stands, for errors.

    Raises:
        UsageError: the model runs code of its own that is not known.
    """
    if config.get("use_bidirectional_attention"):
        return "bidirectional"
    if (own := _own_class(config)) is not None:
        if own in _BIDIRECTIONAL:
            return "bidirectional"
        raise UsageError(
            f"{path}: the model runs code of its own ({own}), which is not executed here, so its "
            "vectors cannot be had. Use a checkpoint whose architecture is in Transformers, "
            f"e.g. Qwen/Qwen3-Embedding-0.6B.{_known_reason(config)}"
        )
    if config.get("is_causal") is False:
        return "bidirectional"
    return "causal"


def stock_type(config: dict[str, Any]) -> str | None:
    """The ``model_type`` in Transformers of a configuration that has a name of its own."""
    return _STOCK_TYPES.get(str(config.get("model_type")))


def is_known_decoder(config: dict[str, Any]) -> bool:
    """Whether a configuration is that of a decoder-only language model for certain."""
    return config.get("model_type") in _DECODER_TYPES


def is_encoder_only(config: dict[str, Any]) -> bool:
    """Whether a configuration is that of an encoder like BERT for certain."""
    return config.get("model_type") in _BERT_TYPES


def require_decoder(config: dict[str, Any], name: str) -> None:
    """Refuse models that are no decoders.

    Raises:
        UsageError: names what Pyserini has for them.
    """
    kind = str(config.get("model_type"))
    if kind in _BERT_TYPES:
        raise UsageError(
            f"{name} is of the type {kind}, an encoder like BERT and no decoder-only model. "
            "Pyserini has classes of its own for those: leave our options out, and give "
            "--encoder-class (splade for sparse ones, auto for dense ones)."
        )
    if kind in _ENCODER_DECODER_TYPES:
        raise UsageError(
            f"{name} is of the type {kind}, an encoder-decoder and no decoder-only model; "
            "Pyserini's --encoder-class auto may load it."
        )


def _own_class(config: dict[str, Any]) -> str | None:
    """``module.Class`` of the code that ``auto_map`` names for the model, if any."""
    mapping = config.get("auto_map")
    if not isinstance(mapping, dict):
        return None
    named = next((mapping[key] for key in _MODEL_KEYS if key in mapping), None)
    if isinstance(named, list):  # slow and fast variants
        named = next((one for one in named if one), None)
    return None if named is None else str(named).rpartition("--")[2]


def _known_reason(config: dict[str, Any]) -> str:
    if "latent_attention_config" in config:
        return " (It pools by latent attention, which no contract expresses.)"
    return ""

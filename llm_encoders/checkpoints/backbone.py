"""Any decoder-only language model as a backbone: attention switched, adapter merged, 4/8-bit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llm_encoders.checkpoints.adapter import apply_adapter
from llm_encoders.checkpoints.checkpoint import Checkpoint
from llm_encoders.errors import EncoderError, UsageError

QUANTIZATIONS = ("4bit", "8bit")
_LARGE = 2**30  # bytes
_LOGIT_CHANGES = ("final_logit_softcapping", "logits_scaling", "logit_scale")


@dataclass
class Backbone:
    """A loaded decoder and what the heads need of it."""

    decoder: Any
    """A Transformers model: token ids to last hidden states, final norm included."""
    head: Tensor | None
    """[vocabulary, hidden] weight of the LM head; ``None`` where only the decoder was loaded."""
    tokenizer: Any
    device: torch.device

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        sizes = self.decoder.config.to_dict()
        if "hidden_size" in sizes:
            return int(sizes["hidden_size"])
        return int(self.decoder.get_input_embeddings().weight.shape[1])

    def hidden_states(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Last hidden states of a padded batch, padding on either side.

        Args:
            token_ids: int64 [batch, length].
            attention_mask: [batch, length], 1 for real tokens. Positions count real tokens only.

        Returns:
            [batch, length, hidden] in the backbone's dtype; rows of padding are meaningless.
        """
        positions = (attention_mask.long().cumsum(1) - 1).clamp(min=0)
        return self.decoder(
            input_ids=token_ids,
            attention_mask=attention_mask,
            position_ids=positions,
            use_cache=False,
        ).last_hidden_state


def open_model(
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None = None,
    attention_implementation: str | None = None,
) -> Any:
    """Load the Transformers model under a checkpoint's adapter, its attention as the contract says.

    Arguments and errors as for :func:`load_backbone`. With its LM head if the contract is sparse.
    """
    import transformers

    if quantization is not None and quantization not in QUANTIZATIONS:
        raise UsageError(f"Unknown quantization '{quantization}'; use 4bit or 8bit.")
    contract = checkpoint.contract
    local = {"local_files_only": True, "trust_remote_code": False}
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True, **local}
    if quantization is not None:
        options["quantization_config"] = _quantization_config(quantization, dtype)
        options["device_map"] = {"": device}
    if attention_implementation is not None:
        options["attn_implementation"] = attention_implementation
    sparse = contract.paradigm == "sparse"
    auto_class = transformers.AutoModelForCausalLM if sparse else transformers.AutoModel
    try:
        config = transformers.AutoConfig.from_pretrained(checkpoint.backbone, **local)
        config.is_causal = contract.attention == "causal"
        with _progress_bar_for_large(checkpoint.backbone):
            loaded: Any = auto_class.from_pretrained(
                checkpoint.backbone, config=config, output_loading_info=True, **options
            )
        model, report = loaded
    except Exception as error:  # configuration and weights raise a dozen classes
        raise _cannot_load(checkpoint.backbone, error) from error
    if report["missing_keys"]:
        raise EncoderError(
            f"{checkpoint.backbone} lacks weights that a {contract.paradigm} encoder needs: "
            f"{', '.join(sorted(report['missing_keys'])[:3])}."
        )
    if quantization is None:
        try:
            model = model.to(device)
        except torch.OutOfMemoryError:
            raise EncoderError(
                f"{device} has too little memory for {checkpoint.backbone} in {dtype}; give "
                "quantization 8bit or 4bit."
            ) from None
    return model


def _cannot_load(folder: Path, error: Exception) -> EncoderError:
    reason = " ".join(str(error).split())
    return EncoderError(f"Cannot load {folder}: {type(error).__name__}: {reason}")


def load_backbone(
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None = None,
    attention_implementation: str | None = None,
) -> Backbone:
    """Load the backbone of a checkpoint and merge its adapter.

    Args:
        checkpoint: local files and contract.
        device: where the weights go.
        dtype: of weights and activations (of the unquantised ones under quantisation).
        quantization: ``"4bit"`` (NF4, double quantisation; QLoRA, arXiv 2305.14314) or ``"8bit"``
            (LLM.int8(), arXiv 2208.07339), by bitsandbytes; the adapter then stays unmerged.
        attention_implementation: ``"sdpa"``, ``"eager"``, ``"flash_attention_2"``; ``None`` lets
            Transformers choose.

    Raises:
        EncoderError: the model cannot be loaded, or its attention does not obey the contract.
    """
    model = open_model(checkpoint, device, dtype, quantization, attention_implementation)
    try:
        tokenizer = load_tokenizer(checkpoint)
    except Exception as error:  # Transformers raises a dozen classes
        raise _cannot_load(checkpoint.backbone, error) from error
    if checkpoint.adapter is not None:
        model = apply_adapter(model, checkpoint.adapter, merge=quantization is None)
    model = model.eval().requires_grad_(False)
    bare = model if quantization is None or checkpoint.adapter is None else model.get_base_model()
    sparse = checkpoint.contract.paradigm == "sparse"
    head = head_weight(bare, checkpoint.backbone).detach() if sparse else None
    backbone = Backbone(bare.base_model if sparse else bare, head, tokenizer, device)
    check_attention(backbone, checkpoint.contract.attention, str(checkpoint.backbone))
    return backbone


@contextmanager
def _progress_bar_for_large(folder: Path) -> Iterator[None]:
    """Show Transformers' loading bar only where there is time to watch it."""
    from transformers.utils import logging

    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if size >= _LARGE or not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The adapter's own tokenizer where it brings one, else the backbone's."""
    from transformers import AutoTokenizer

    adapter = checkpoint.adapter
    own = adapter is not None and (adapter / "tokenizer.json").is_file()
    return AutoTokenizer.from_pretrained(
        adapter if own else checkpoint.backbone, local_files_only=True, trust_remote_code=False
    )


def _quantization_config(quantization: str, dtype: torch.dtype) -> Any:
    from transformers import BitsAndBytesConfig

    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def head_weight(model: Any, source: Path) -> Tensor:
    """The LM head's weight, [vocabulary, hidden].

    Raises:
        EncoderError: no head, or one whose logits are not the plain product with the states.
    """
    head = model.get_output_embeddings()
    if head is None or getattr(head, "bias", None) is not None:
        raise EncoderError(
            f"{source}: the sparse head needs an LM head without bias; "
            f"{type(model).__name__} has {'none' if head is None else 'one with bias'}."
        )
    for name in _LOGIT_CHANGES:
        if getattr(model.config, name, None) not in (None, 1, 1.0):
            raise EncoderError(
                f"{source}: its logits pass through '{name}', which the sparse head "
                "does not apply; use it as a dense encoder."
            )
    return head.weight


@torch.inference_mode()
def check_attention(backbone: Backbone, attention: str, source: str) -> None:
    """Refuse a backbone whose attention is not what the contract says.

    Two sequences that differ in their second half must give different states in the first half
    under bidirectional attention, and the same under causal attention.
    """
    embeddings = backbone.decoder.get_input_embeddings().weight
    # Tokens that training hardly touched say nothing, so the twelve of largest norm speak.
    norms = torch.linalg.vector_norm(embeddings, dim=1).nan_to_num(0, posinf=0)
    loudest = norms.topk(12).indices.to(backbone.device)
    common, ending, other = loudest.split(4)
    ids = torch.stack([torch.cat([common, ending]), torch.cat([common, other])])
    states = backbone.hidden_states(ids, torch.ones_like(ids))[:, :4].float()
    change = (states[0] - states[1]).norm() / states[0].norm()
    sees_later_tokens = bool(change > 1e-4)
    if attention == "bidirectional" and not sees_later_tokens:
        raise EncoderError(
            f"{source}: bidirectional attention was asked for, but "
            f"{type(backbone.decoder).__name__} stays causal "
            "(a later token does not change an earlier state). Use a backbone whose implementation "
            "honours is_causal=False, such as Llama, Qwen or Mistral, or a contract "
            "with attention 'causal'."
        )
    if attention == "causal" and sees_later_tokens:
        raise EncoderError(
            f"{source}: causal attention was asked for, but {type(backbone.decoder).__name__} sees "
            "later tokens."
        )

"""What a loaded backbone must be to encode as its contract says."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llm_encoders.devices import dtype_name
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object

SEES_LATER_TOKENS = 1e-4
"""Change of earlier states by later tokens, relative, beyond which attention is bidirectional."""
_PADDING_CHANGE, _PADDING_CHANGE_HALF = 1e-3, 5e-2
_MOST_LAYERS = 10_000
_LOGIT_CHANGES = ("final_logit_softcapping", "logits_scaling", "logit_scale")


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
    weight: Tensor = head.weight
    return weight


def check_model_type(kind: object, path: Path) -> None:
    """Refuse an architecture that the installed Transformers does not have.

    Args:
        kind: ``model_type`` of the configuration.
        path: where it stands.

    Raises:
        EncoderError: names the type and the version.
    """
    import transformers

    if isinstance(kind, str) and kind not in transformers.CONFIG_MAPPING:
        raise EncoderError(
            f"{path}: model_type is '{kind}', which Transformers {transformers.__version__} does "
            "not know. Install a newer version, or use a checkpoint whose architecture it has."
        )


def check_size(folder: Path) -> None:
    """Refuse a number of layers that building the model would not survive.

    Raises:
        EncoderError: names the key of ``config.json``.
    """
    values = read_object(folder / "config.json")
    for section in (values, values.get("text_config")):
        layers = section.get("num_hidden_layers") if isinstance(section, dict) else None
        if isinstance(layers, int | float) and not 1 <= layers <= _MOST_LAYERS:
            raise EncoderError(
                f"{folder / 'config.json'}: num_hidden_layers is {str(layers)[:20]}; expected a "
                f"number from 1 to {_MOST_LAYERS:,}."
            )


def check_embeddings(model: Any, source: str) -> None:
    """Refuse a model that reads no tokens, such as one of images.

    Raises:
        EncoderError: it has no table of embeddings.
    """
    try:
        dimensions = model.get_input_embeddings().weight.dim()
    except (AttributeError, NotImplementedError):
        dimensions = None
    if dimensions != 2:
        raise EncoderError(
            f"{source}: {type(model).__name__} has no embeddings of tokens, so it reads no text. "
            "Use a language model."
        )


@torch.no_grad()
def check_weights(decoder: Any, source: str) -> None:
    """Refuse NaN and infinite weights, which an attention kernel may turn into finite states.

    The embeddings are left out: a fault in one row concerns only the texts that have its token.

    Raises:
        EncoderError: names the weight.
    """
    embeddings = decoder.get_input_embeddings().weight
    for name, weight in decoder.named_parameters():
        floating = weight.is_floating_point() and weight is not embeddings
        if floating and not bool(weight.isfinite().all()):
            raise EncoderError(
                f"{source}: the weight {name} holds NaN or infinite numbers in "
                f"{dtype_name(weight.dtype)}. {not_finite_cure(weight.dtype)}"
            )


def not_finite_cure(dtype: torch.dtype) -> str:
    """What to do about NaN or infinite numbers."""
    if dtype == torch.float32:
        return "The weights are damaged, or too large."
    return "Try bfloat16 or float32." if dtype == torch.float16 else "Try float32."


@torch.inference_mode()
def check_attention(backbone: Any, attention: str, source: str) -> None:
    """Refuse a backbone whose attention is not what the contract says.

    Two sequences that differ in their second half must give different states in the first half
    under bidirectional attention, and the same under causal attention.

    Args:
        backbone: a :class:`llm_encoders.checkpoints.backbone.Backbone`.
        attention: ``"bidirectional"`` or ``"causal"``.
        source: names the backbone in errors.

    Raises:
        EncoderError: it is of the other kind, cannot be run on token ids, mask and positions
            alone, or its states are not finite.
    """
    try:
        states, change = later_token_change(backbone)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of any architecture
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise EncoderError(
            f"{source}: {type(backbone.decoder).__name__} gives no states for token ids, attention "
            f"mask and positions ({type(error).__name__}: {reason}). Use a decoder-only model, or "
            "an encoder like BERT."
        ) from error
    if not bool(states.isfinite().all()):
        raise EncoderError(
            f"{source} gives NaN or infinite activations in {dtype_name(states.dtype)}. "
            f"{not_finite_cure(states.dtype)}"
        )
    sees_later_tokens = change > SEES_LATER_TOKENS
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
            "later tokens. Use a contract with attention 'bidirectional', or another backbone."
        )


@torch.inference_mode()
def check_padding(backbone: Any, source: str) -> None:
    """Refuse a model in which padding, or the way positions are given, changes a text's states.

    Decoders take the positions that they are given; other families count in ways of their own.

    Args:
        backbone: a :class:`llm_encoders.checkpoints.backbone.Backbone`.
        source: names the backbone in errors.

    Raises:
        EncoderError: it changes them.
    """
    decoder = backbone.decoder
    norms = torch.linalg.vector_norm(decoder.get_input_embeddings().weight.float(), dim=1)
    if (padding := getattr(decoder.config, "pad_token_id", None)) is not None:
        norms[padding] = -1
    ids = norms.topk(4).indices.to(backbone.device)
    alone = decoder(input_ids=ids[None]).last_hidden_state[0].float()
    batch = torch.zeros(2, 7, dtype=ids.dtype, device=ids.device)
    batch[0, :4], batch[1, 3:] = ids, ids
    mask = torch.zeros_like(batch)
    mask[0, :4] = mask[1, 3:] = 1
    states = backbone.hidden_states(batch, mask).float()
    worst = max(float((one - alone).norm()) for one in (states[0, :4], states[1, 3:]))
    whole = decoder.dtype == torch.float32
    tolerance = _PADDING_CHANGE if whole else _PADDING_CHANGE_HALF
    if not worst <= tolerance * float(alone.norm()):
        raise EncoderError(
            f"{source}: a text's states depend on padding beside it in "
            f"{type(decoder).__name__}, so its vectors would depend on the batch. Use another kind "
            "of model."
        )


@torch.inference_mode()
def later_token_change(backbone: Any) -> tuple[Tensor, float]:
    """How far a sequence's later tokens change its earlier states.

    Args:
        backbone: a :class:`llm_encoders.checkpoints.backbone.Backbone`.

    Returns:
        States of two sequences that differ in their second half, [2, 8, hidden]; the norm of the
        difference in the first half relative to that of the states, 0 under causal attention.
    """
    embeddings = backbone.decoder.get_input_embeddings().weight
    # The tokens of largest norm, for those that training hardly touched change nothing.
    norms = torch.linalg.vector_norm(embeddings, dim=1).nan_to_num(0, posinf=0)
    chosen = norms.topk(12).indices.to(backbone.device)
    common, ending, other = chosen.split(4)
    ids = torch.stack([torch.cat([common, ending]), torch.cat([common, other])])
    states = backbone.hidden_states(ids, torch.ones_like(ids))
    beginnings = states[:, :4].float()
    return states, float((beginnings[0] - beginnings[1]).norm() / beginnings[0].norm())

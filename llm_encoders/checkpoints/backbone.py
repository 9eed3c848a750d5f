"""Any decoder-only language model as a backbone: attention switched, adapter merged, 4/8-bit.

Query towers of ours may also be encoders like BERT, which attend in both directions by themselves.
"""

import functools
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from llm_encoders.checkpoints.backbone_checks import (
    check_attention,
    check_embeddings,
    check_model_type,
    check_padding,
    check_size,
    check_weights,
    head_weight,
)
from llm_encoders.checkpoints.layouts.architecture import (
    is_encoder_only,
    is_known_decoder,
    stock_type,
)
from llm_encoders.checkpoints.lora_adapter import apply_adapter
from llm_encoders.checkpoints.remote_code import keep_remote_code_out
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.tokenizer import (
    check_special_tokens,
    check_tokenizer,
    load_tokenizer,
)
from llm_encoders.checkpoints.weight_files import (
    check_report,
    damaged_weights,
    weights_options,
)
from llm_encoders.config import QUANTIZATIONS
from llm_encoders.devices import dtype_name
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object

_LARGE = 2**30  # bytes


@dataclass
class Backbone:
    """A loaded model and what the heads need of it."""

    decoder: Any
    """A Transformers model: token ids to last hidden states, final norm included."""
    head: Tensor | None
    """[vocabulary, hidden] weight of the head; ``None`` for dense encoders."""
    tokenizer: Any
    device: torch.device
    projections: Sequence[Any] = ()
    """Layers behind the pooling of a dense encoder."""
    model: Any = None
    """What was loaded: the decoder, or the language model that decoder and head belong to."""
    head_bias: Tensor | None = None
    """float32 [vocabulary], of a head that has one."""
    terms: list[str] | None = None
    """The index terms of a head over another vocabulary than the tokenizer's."""

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        sizes = self.decoder.config.to_dict()
        if "hidden_size" in sizes:
            return int(sizes["hidden_size"])
        return int(self.decoder.get_input_embeddings().weight.shape[1])

    @functools.cached_property
    def first_position(self) -> int:
        """Position of a text's first token: 0, or in models like RoBERTa that after padding's."""
        modules = self.decoder.named_modules() if hasattr(self.decoder, "named_modules") else ()
        for name, module in modules:
            padding = getattr(module, "padding_idx", None)
            if name.endswith("position_embeddings") and padding is not None:
                return int(padding) + 1
        return 0

    @property
    def positions(self) -> int | None:
        """How many tokens the model reads, if it says so."""
        most = getattr(self.decoder.config, "max_position_embeddings", None)
        return None if most is None else most - self.first_position

    def hidden_states(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Last hidden states of a padded batch, padding on either side.

        Args:
            token_ids: int64 [batch, length].
            attention_mask: [batch, length], 1 for real tokens. Positions count real tokens only.

        Returns:
            [batch, length, hidden] in the backbone's dtype; rows of padding are meaningless.
        """
        positions = (attention_mask.long().cumsum(1) - 1).clamp(min=0)
        states: Tensor = self.decoder(
            input_ids=token_ids,
            attention_mask=attention_mask,
            position_ids=positions + self.first_position,
            use_cache=False,
        ).last_hidden_state
        return states


def open_model(
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None = None,
    attention_implementation: str | None = None,
    layers: int | None = None,
) -> Any:
    """Load the Transformers model under a checkpoint's adapter, its attention as the contract says.

    Arguments and errors as for :func:`load_backbone`. With its LM head if the contract is sparse
    and names no other head.
    """
    import transformers

    if quantization is not None and quantization not in QUANTIZATIONS:
        raise UsageError(f"Unknown quantization '{quantization}'; use 4bit or 8bit.")
    keep_remote_code_out(checkpoint.backbone, attention_implementation)
    check_size(checkpoint.backbone)
    contract = checkpoint.contract
    local = {"local_files_only": True, "trust_remote_code": False}
    options: dict[str, Any] = {"dtype": dtype, **weights_options(checkpoint.backbone), **local}
    if quantization is not None:
        options["quantization_config"] = _quantization_config(quantization, dtype)
        options["device_map"] = {"": device}
    if attention_implementation is not None:
        options["attn_implementation"] = attention_implementation
    headed = _needs_lm_head(checkpoint)
    auto_class = transformers.AutoModelForCausalLM if headed else transformers.AutoModel
    try:
        config = _config(checkpoint.backbone, contract.attention, layers)
        if not headed and _has_pooler(config):
            options["add_pooling_layer"] = False  # its weights may be absent, and are not used
        with _quiet_unless_large(checkpoint.backbone):
            loaded: Any = auto_class.from_pretrained(
                checkpoint.backbone, config=config, output_loading_info=True, **options
            )
        model, report = loaded
    except EncoderError:
        raise
    except Exception as error:  # configuration and weights raise a dozen classes
        raise _cannot_load(checkpoint.backbone, error) from error
    check_report(report, model, checkpoint.backbone, contract.paradigm)
    if quantization is None:
        try:
            model = model.to(device)
        except torch.OutOfMemoryError:
            raise EncoderError(
                f"{device} has too little memory for {checkpoint.backbone} in "
                f"{dtype_name(dtype)}; give quantization 8bit or 4bit."
            ) from None
    return model


def _needs_lm_head(checkpoint: Checkpoint) -> bool:
    """Whether the model's own head gives the term weights.

    Raises:
        EncoderError: an encoder like BERT has none that could.
    """
    contract = checkpoint.contract
    headed = contract.paradigm == "sparse" and contract.vocabulary_head is None
    values = read_object(checkpoint.backbone / "config.json")
    if headed and is_encoder_only(values):
        raise EncoderError(
            f"{checkpoint.backbone}: a sparse encoder of the type {values['model_type']} needs a "
            "head over index terms, and the contract names no vocabulary_head."
        )
    return headed


def _has_pooler(config: Any) -> bool:
    """Whether the bare model has a layer of its own behind the states, as BERT has."""
    import transformers

    found: Any = transformers.MODEL_MAPPING.get(type(config), None)
    kind = found[0] if isinstance(found, tuple) else found
    return kind is not None and "add_pooling_layer" in inspect.signature(kind).parameters


def _config(folder: Path, attention: str, layers: int | None = None) -> Any:
    """The model's configuration with its attention switched to ``attention``, and its first
    ``layers`` only.

    Where the implementation attends in both directions by itself, its own masks stay: its sliding
    window would become one token wider otherwise.
    """
    import transformers

    values = read_object(folder / "config.json")
    if is_encoder_only(values) and attention != "bidirectional":
        raise EncoderError(
            f"{folder}: a model of the type {values['model_type']} attends in both directions, but "
            f"the contract says attention '{attention}'."
        )
    stock = stock_type(values)
    check_model_type(stock or values.get("model_type"), folder / "config.json")
    if stock is not None:
        values = {key: value for key, value in values.items() if key != "auto_map"}
        config = transformers.AutoConfig.for_model(stock, **(values | {"model_type": stock}))
    else:
        config = transformers.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    if not getattr(config, "use_bidirectional_attention", False):
        config.is_causal = attention == "causal"
    if layers is not None:
        sizes = config.get_text_config()
        sizes.num_hidden_layers = min(layers, sizes.num_hidden_layers)
        if getattr(sizes, "layer_types", None) is not None:
            sizes.layer_types = sizes.layer_types[: sizes.num_hidden_layers]
    return config


def _cannot_load(folder: Path, error: Exception) -> EncoderError:
    if (damaged := damaged_weights(folder)) is not None:
        return EncoderError(f"Cannot load {damaged}: it is damaged or cut short; fetch it again.")
    if "ignore_mismatched_sizes" in str(error):  # Transformers names an option that is not ours
        return EncoderError(
            f"Cannot load {folder}: its weights have other sizes than config.json says. Fetch both "
            "again, from the same revision."
        )
    reason = shorten(str(error), 300, placeholder=" …").rstrip(".")
    return EncoderError(
        f"Cannot load {folder}: {type(error).__name__}: {reason}. Fetch its files again if "
        "they are not whole."
    )


def load_backbone(
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None = None,
    attention_implementation: str | None = None,
    layers: int | None = None,
    own_adapter: bool = True,
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
        layers: the first so many layers only; the others are not read.
        own_adapter: whether the checkpoint's own adapter is merged, not only those below.

    Raises:
        EncoderError: the model cannot be loaded, or its attention does not obey the contract.
    """
    model = open_model(checkpoint, device, dtype, quantization, attention_implementation, layers)
    check_embeddings(model, str(checkpoint.backbone))
    adapter = checkpoint.adapter if own_adapter else None
    tokenizer = load_tokenizer(checkpoint)
    check_tokenizer(tokenizer, model, checkpoint.name)
    check_special_tokens(tokenizer, checkpoint)
    if checkpoint.below and quantization is not None:
        raise UsageError(
            f"{checkpoint.name}: its adapters are stacked, which quantised weights cannot merge; "
            "load it without quantization."
        )
    for folder in checkpoint.below:
        model = apply_adapter(model, folder, layers=layers)
    if adapter is not None:
        model = apply_adapter(model, adapter, merge=quantization is None, layers=layers)
    model = model.eval().requires_grad_(False)
    bare = model if quantization is None or adapter is None else model.get_base_model()
    headed = _needs_lm_head(checkpoint)
    head = head_weight(bare, checkpoint.backbone).detach() if headed else None
    decoder = bare.base_model if headed else bare
    backbone = Backbone(decoder, head, tokenizer, device, model=bare)
    check_weights(backbone.decoder, str(checkpoint.backbone))
    check_attention(backbone, checkpoint.contract.attention, str(checkpoint.backbone))
    own_contract = checkpoint.derived is None and checkpoint.preset is None
    if own_contract and not is_known_decoder(read_object(checkpoint.backbone / "config.json")):
        check_padding(backbone, str(checkpoint.backbone))
    return backbone


@contextmanager
def _quiet_unless_large(folder: Path) -> Iterator[None]:
    """Show Transformers' loading bar only where there is time to watch it, and never its report.

    What matters of the report, weights that are missing, is an error here.
    """
    from transformers.utils import logging

    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    hide = size < _LARGE and logging.is_progress_bar_enabled()
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    if hide:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if hide:
            logging.enable_progress_bar()


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

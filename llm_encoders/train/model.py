"""The module that is trained: token ids in, one vector a text out."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from llm_encoders.checkpoints.backbone import Backbone, open_model
from llm_encoders.checkpoints.backbone_checks import (
    check_attention,
    head_weight,
)
from llm_encoders.checkpoints.lora_adapter import apply_adapter
from llm_encoders.checkpoints.lora_peft import quiet_peft
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.tokenizer import check_tokenizer, load_tokenizer
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.dense_encoder import DenseEncoder
from llm_encoders.encoding.sparse_encoder import SparseEncoder
from llm_encoders.encoding.tokens import require_room
from llm_encoders.errors import UsageError
from llm_encoders.heads.representation import pooled_tokens, represent
from llm_encoders.train.recipe.sections import Adapter


class RetrievalModel(nn.Module):
    """A language model, adapter included, with the head that its contract names.

    Args:
        language_model: a Transformers or PEFT model; with its LM head if the contract is sparse.
        config: the encode contract.
        tokenizer: knows BOS and EOS.
        source: where the backbone came from, for errors.
    """

    def __init__(
        self, language_model: Any, config: EncoderConfig, tokenizer: Any, source: Any
    ) -> None:
        super().__init__()
        self.language_model = language_model
        self.contract = config
        self.tokenizer = tokenizer
        self.source = source

    @property
    def towers(self) -> "dict[str, RetrievalModel]":
        """The towers by their folder in the finished encoder's; here one, for both sides."""
        return {"": self}

    @property
    def bare(self) -> Any:
        """The Transformers model without PEFT's wrapper; LoRA layers stay in it."""
        model = self.language_model
        return model.get_base_model() if hasattr(model, "peft_config") else model

    @property
    def adapted_modules(self) -> set[str]:
        """Names in :attr:`bare` of the modules that carry an adapter."""
        names = (name for name, module in self.bare.named_modules() if hasattr(module, "lora_A"))
        return set(names)

    @property
    def _no_split_modules(self) -> list[str]:
        """The layers that FSDP shards one by one; Accelerate looks for this name."""
        return list(getattr(self.bare, "_no_split_modules", None) or [])

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Recompute activations in the backward pass; the Transformers trainer calls this."""
        self.bare.enable_input_require_grads()  # or frozen embeddings would cut the graph
        name = "activation_checkpointing_enable"
        getattr(self.bare, name, self.bare.gradient_checkpointing_enable)(**options)

    gradient_checkpointing_enable = activation_checkpointing_enable  # before Transformers 5.23

    def backbone(self) -> Backbone:
        """Decoder and head as the encoders use them; they share the weights."""
        sparse = self.contract.paradigm == "sparse"
        decoder = self.bare.base_model if sparse else self.bare
        head = head_weight(self.bare, self.source) if sparse else None
        device = next(self.parameters()).device
        return Backbone(decoder, head, self.tokenizer, device)

    def encoder(self, name: str) -> SparseEncoder | DenseEncoder:
        """An encoder over the present weights, for evaluation while training."""
        backbone = self.backbone()
        if backbone.head is not None:
            backbone.head = backbone.head.detach()
            return SparseEncoder(name, self.contract, backbone)
        return DenseEncoder(name, self.contract, backbone)

    def forward(
        self, token_ids: Tensor, attention_mask: Tensor, unpooled: Tensor | None = None
    ) -> Tensor:
        """Represent a padded batch.

        Args:
            token_ids: int64 [batch, length].
            attention_mask: int64 [batch, length], 1 for real tokens.
            unpooled: int64 [batch], leading tokens of each text that take no part in pooling.

        Returns:
            float32 [batch, vocabulary] or [batch, hidden].
        """
        backbone = self.backbone()
        states = backbone.hidden_states(token_ids, attention_mask)
        pooled = pooled_tokens(token_ids, attention_mask, self.contract, self.tokenizer, unpooled)
        return represent(states, pooled, self.contract, backbone.head)


def _keep_differentiable(model: nn.Module) -> None:
    """Keep bitsandbytes from repacking 4-bit weights for inference on a CPU.

    A forward pass in evaluation mode would do it, for good, and the product with repacked weights
    has no gradient with respect to the activations: layers below would silently learn nothing.
    """
    modules: Iterator[Any] = model.modules()
    for module in modules:
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _require_plain_head(model: Any) -> None:
    """Refuse an adapter of the LM head, whose weights are used without the layer around them."""
    head = model.get_output_embeddings()
    if hasattr(head, "lora_A"):
        raise UsageError(
            "adapter: it adapts the LM head, which would not be trained; leave the head out of "
            "adapter.targets, or start from an adapter without it."
        )


def with_adapter(model: Any, adaptation: Adapter) -> Any:
    """A PEFT model with a new adapter around a Transformers model.

    Raises:
        UsageError: it cannot be put there.
    """
    with quiet_peft():
        from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=adaptation.rank,
        lora_alpha=adaptation.alpha,
        lora_dropout=adaptation.dropout,
        target_modules=adaptation.targets,
    )
    try:
        with quiet_peft():
            return get_peft_model(model, config)
    except ValueError as error:
        raise UsageError(f"adapter: {' '.join(str(error).split())}") from None


def load_model(
    checkpoint: Checkpoint,
    adaptation: Adapter | None,
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None = None,
    attention_implementation: str | None = None,
    kind: type[RetrievalModel] = RetrievalModel,
) -> RetrievalModel:
    """Load a model for training.

    Args:
        checkpoint: backbone, contract, and the adapter that training continues with, if any.
        adaptation: a new adapter, where the checkpoint has none; ``None`` trains all weights.
        device: where the weights go.
        dtype: of the frozen weights; those that are trained are float32.
        quantization: ``"4bit"`` or ``"8bit"`` frozen weights (QLoRA, arXiv 2305.14314); the LM
            head, the embeddings and the norms are then float32.
        attention_implementation: as for :func:`llm_encoders.load_encoder`.
        kind: what to make of the language model.

    Raises:
        UsageError: quantised weights without an adapter, or lengths without room for text.
        EncoderError: files that do not fit together.
    """
    with quiet_peft():
        from peft import prepare_model_for_kbit_training

    adapted = adaptation is not None or checkpoint.adapter is not None
    if quantization is not None and not adapted:
        raise UsageError("Quantised weights cannot be trained; add an adapter (QLoRA).")
    tokenizer = load_tokenizer(checkpoint)
    model = open_model(
        checkpoint,
        device,
        dtype if adapted else torch.float32,
        quantization,
        attention_implementation,
    )
    check_tokenizer(tokenizer, model, str(checkpoint.backbone))
    positions = getattr(model.base_model.config, "max_position_embeddings", None)
    require_room(tokenizer, checkpoint.contract, positions, "encoder")
    if quantization is not None:
        _keep_differentiable(model)
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if checkpoint.adapter is not None:
        model = apply_adapter(model, checkpoint.adapter, trainable=True)
    elif adaptation is not None:
        model = with_adapter(model, adaptation)
    _require_plain_head(model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    trained = kind(model, checkpoint.contract, tokenizer, checkpoint.backbone)
    trained.eval()  # dropout would look like later tokens seen
    check_attention(trained.backbone(), checkpoint.contract.attention, str(checkpoint.backbone))
    return trained.train()

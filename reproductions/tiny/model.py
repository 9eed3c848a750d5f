"""The tiny Llama backbone, its bidirectional encoder and the LoRA adapters."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def backbone_config(
    tokenizer: PreTrainedTokenizerFast, layers: int = 4, intermediate: int = 768
) -> LlamaConfig:
    """A Llama of width 256 with tied embeddings; 7.6 M parameters by default."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def new_backbone(
    tokenizer: PreTrainedTokenizerFast, vectors: torch.Tensor, gain: torch.Tensor
) -> LlamaForCausalLM:
    """A fresh backbone that starts from embeddings ``vectors`` ``[vocabulary, hidden]``.

    ``gain`` ``[hidden]`` is the first weight of the final norm. The layers start small, so
    that the first final states are nearly the normalised embeddings.
    """
    model = LlamaForCausalLM(backbone_config(tokenizer))
    depth = 16 * model.config.num_hidden_layers
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(vectors)
        model.model.norm.weight.copy_(gain)
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.div_(depth**0.5)
    return make_bidirectional(model)


def load_backbone(folder: Path) -> LlamaForCausalLM:
    """A saved backbone in float32, reading in both directions."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return make_bidirectional(model)


def make_bidirectional(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """Let every token attend to every real token (transformers reads ``is_causal``)."""
    model.config.is_causal = False
    return model


def save_backbone(model: LlamaForCausalLM, folder: Path) -> None:
    """Write the backbone as a plain float16 causal-LM checkpoint."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict({k: v.float() for k, v in model.state_dict().items()})
    if hasattr(copy.config, "is_causal"):
        del copy.config.is_causal
    copy.half().save_pretrained(folder)
    model.config.is_causal = False


def add_lora(model: LlamaForCausalLM, dropout: float = 0.0) -> PeftModel:
    """Rank-16 adapters on all linear layers; everything else is frozen."""
    config = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=16,
        lora_alpha=32,
        lora_dropout=dropout,
        target_modules=LORA_TARGETS,
    )
    return get_peft_model(model, config, autocast_adapter_dtype=False)


class MasterAdamW:
    """AdamW on float32 copies of bfloat16 parameters, with a warm-up and a cosine decay."""

    def __init__(
        self, model: nn.Module, rate: float, steps: int, warmup: int, decay: float = 0.01
    ) -> None:
        self.names = [n for n, p in model.named_parameters() if p.requires_grad]
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.masters = [p.detach().float().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.masters,
            lr=rate,
            betas=(0.9, 0.98),
            eps=1e-8,
            weight_decay=decay,
        )
        self.rate, self.steps, self.warmup = rate, steps, warmup

    def rate_at(self, step: int) -> float:
        """The learning rate of one step."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.rate * (0.02 + 0.49 * (1 + torch.cos(torch.tensor(done * torch.pi)).item()))

    def step(self, step: int, clip: float = 1.0) -> float:
        """One update; returns the norm of the gradient."""
        for master, parameter in zip(self.masters, self.parameters, strict=True):
            if parameter.grad is None:
                master.grad = torch.zeros_like(master)
            else:
                master.grad = parameter.grad.float()
            parameter.grad = None
        norm = torch.nn.utils.clip_grad_norm_(self.masters, clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate_at(step)
        self.optimizer.step()
        with torch.no_grad():
            for master, parameter in zip(self.masters, self.parameters, strict=True):
                parameter.copy_(master)
        return float(norm)

    def state(self) -> dict[str, torch.Tensor]:
        """Master weights and moments by name, for a safetensors file."""
        tensors: dict[str, torch.Tensor] = {}
        for name, master in zip(self.names, self.masters, strict=True):
            tensors[f"master.{name}"] = master
            for key, value in self.optimizer.state.get(master, {}).items():
                tensors[f"{key}.{name}"] = value
        return tensors

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take back what :meth:`state` gave."""
        with torch.no_grad():
            for name, master, parameter in zip(
                self.names, self.masters, self.parameters, strict=True
            ):
                master.copy_(tensors[f"master.{name}"])
                parameter.copy_(master)
                keys = ("step", "exp_avg", "exp_avg_sq")
                state = {k: tensors[f"{k}.{name}"] for k in keys if f"{k}.{name}" in tensors}
                if state:
                    self.optimizer.state[master] = state

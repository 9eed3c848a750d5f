"""Grow a tiny encoder into one of twice the width and depth that computes the same.

python reproductions/scalingnote/grow.py --encoder llm-dense-tiny --output runs/scalingnote/start

Every channel, attention head and inner unit is doubled, and what reads a doubled input is halved
(Net2Net, arXiv 1511.05641, eq. 3). RMS norms divide by the same number as before, since the mean
square of a doubled state is that of the state. New layers add zero to the residual stream. Small
noise then makes the copies differ, so that training can pull them apart. Dense vectors keep their
cosines; the logits of a tied sparse head double, which its contract's ``logit_scale`` undoes.
"""

import argparse
import dataclasses
import shutil
from pathlib import Path

import torch
from torch import Tensor
from transformers import LlamaForCausalLM, LlamaModel

from llm_encoders import load_encoder

NOISE = 0.01  # relative to the standard deviation of a matrix
SILENT = ("self_attn.o_proj.weight", "mlp.down_proj.weight")


def doubled(name: str, weight: Tensor) -> Tensor:
    """The weight of this name for a model of twice the width, float32."""
    weight = weight.float()
    if name.endswith("norm.weight"):
        return torch.cat([weight, weight])
    if name.endswith("embed_tokens.weight"):
        return torch.cat([weight, weight], dim=1)
    half = torch.cat([weight, weight], dim=1) / 2  # reads a doubled input
    return torch.cat([half, half])


def layer_of(name: str) -> int | None:
    """The number of the layer that a weight belongs to, if to any."""
    parts = name.split(".")
    return int(parts[parts.index("layers") + 1]) if "layers" in parts else None


def grown(small: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """A model of twice the width and depth with the states of ``small``, but for the noise."""
    config = small.config.__class__(**small.config.to_dict())
    for name in ("hidden_size", "intermediate_size", "num_hidden_layers"):
        setattr(config, name, 2 * getattr(small.config, name))
    for name in ("num_attention_heads", "num_key_value_heads"):
        setattr(config, name, 2 * getattr(small.config, name))
    torch.manual_seed(seed)
    kind = LlamaForCausalLM if hasattr(small, "lm_head") else LlamaModel
    large = kind(config)
    weights = small.state_dict()
    with torch.no_grad():
        for name, weight in large.named_parameters():
            layer = layer_of(name)
            if layer is None:
                weight.copy_(doubled(name, weights[name]))
            elif layer % 2 == 0:
                source = name.replace(f"layers.{layer}.", f"layers.{layer // 2}.")
                weight.copy_(doubled(name, weights[source]))
            elif name.endswith(SILENT):
                weight.zero_()
                continue
            if weight.dim() == 2 and not name.endswith("embed_tokens.weight"):
                weight.add_(torch.randn_like(weight) * NOISE * weight.std())
    return large


def main() -> None:
    """Parse the command line and write the encoder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", required=True, help="a Llama encoder with tied embeddings")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    encoder = load_encoder(args.encoder, device="cpu", dtype="float32")
    large = grown(encoder.backbone.model)
    large.config.is_causal = None
    contract = encoder.config
    if contract.paradigm == "sparse":
        scale = contract.scale_of_logits(encoder.backbone.hidden_size) / 2
        contract = dataclasses.replace(contract, logit_scale=scale)
    shutil.rmtree(args.output, ignore_errors=True)
    large.save_pretrained(args.output)
    encoder.backbone.tokenizer.save_pretrained(args.output)
    contract.save(args.output)


if __name__ == "__main__":
    main()

"""The head and whole encoding at Llama-3 shapes with random weights, on a GPU.

head-*: batch 128, length 192 (ragged), vocabulary 128,256, hidden 2,048, bfloat16; full-* without
padding. sparse-*, dense-*: encoding of random tokens; the share is of the rate that a large matrix
product reaches on the same device. Needs llm_encoders, but neither Java nor Pyserini.
``--device cpu --small`` shows that it runs.
"""

import argparse
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
import transformers

from llm_encoders import EncoderConfig
from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.encoding.dense_encoder import DenseEncoder
from llm_encoders.encoding.sparse_encoder import SparseEncoder
from llm_encoders.heads.vocabulary_head import term_weights

BATCH, LENGTH, VOCABULARY, HIDDEN = 128, 192, 128_256, 2048
# hidden, intermediate, layers, heads, key-value heads of Llama 3.2 1B and Llama 3.1 8B
SHAPES = {"1b": (2048, 8192, 16, 32, 8), "8b": (4096, 14336, 32, 32, 8)}
SMALL = (64, 128, 2, 4, 2)


def main() -> None:
    """Measure one form and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    options, _ = parser.parse_known_args()
    device = torch.device(options.device)
    torch.manual_seed(0)
    kind, _, rest = options.form.partition("-")
    if kind in ("head", "full"):
        result = head(rest, kind == "full", device, options.small)
    else:
        result = encode(kind, rest, device, options.small)
    if device.type == "cuda":
        result["device"] = torch.cuda.get_device_name(device)
    print(json.dumps(result))


def head(implementation: str, full: bool, device: torch.device, small: bool) -> dict[str, Any]:
    """Forward of the head alone."""
    batch, vocabulary, hidden = (4, 1000, 64) if small else (BATCH, VOCABULARY, HIDDEN)
    lengths = torch.randint(LENGTH // 4, LENGTH + 1, (batch,), device=device)
    if full:
        lengths[:] = LENGTH
    mask = torch.arange(LENGTH, device=device) < lengths[:, None]
    states = torch.randn(batch, LENGTH, hidden, device=device, dtype=torch.bfloat16)
    weight = torch.randn(vocabulary, hidden, device=device, dtype=torch.bfloat16) * 0.02

    def work() -> None:
        with torch.inference_mode():
            term_weights(states, mask, weight, hidden**-0.25, implementation)

    seconds = median_seconds(work, device, 2 if small else 20)
    tokens = int(mask.sum())
    rate = 2 * tokens * vocabulary * hidden / seconds / 1e12
    return {
        "setting": f"{batch}x{LENGTH} ({tokens} real tokens), {hidden}, {vocabulary}, bfloat16",
        "seconds": round(seconds, 6),
        "rate": round(rate, 3),
        "unit": "TFLOP/s on real tokens",
        "peak_mib": extra_mib(work, device),
        "detail": f"{rate / peak_rate(device, small):.0%} of a large matrix product",
    }


def encode(paradigm: str, size: str, device: torch.device, small: bool) -> dict[str, Any]:
    """Encoding of tokenised documents."""
    width, inner, layers, heads, groups = SMALL if small else SHAPES[size]
    vocabulary = 1000 if small else VOCABULARY
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    config.is_causal = False
    with torch.device(device):
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16)
        model = transformers.LlamaForCausalLM(config).eval().requires_grad_(False)
        torch.set_default_dtype(default)
    weight = model.get_output_embeddings().weight.detach() if paradigm == "sparse" else None
    backbone = Backbone(model.base_model, weight, Tokenizer(vocabulary), device)
    contract = EncoderConfig(paradigm=paradigm, passage_top_k=200 if paradigm == "sparse" else None)
    encoder_class = SparseEncoder if paradigm == "sparse" else DenseEncoder
    encoder: Any = encoder_class(f"random-{size}", contract, backbone)
    encoder.batch_size = 256
    count = 16 if small else 2048
    lengths = torch.randint(LENGTH // 4, LENGTH + 1, (count,)).tolist()
    documents = [torch.randint(0, vocabulary, (length,)).tolist() for length in lengths]
    encoder.encode_document_tokens(documents[: count // 4])
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = median_seconds(lambda: encoder.encode_document_tokens(documents), device, 1)
    tokens = sum(lengths)
    body = sum(p.numel() for n, p in model.named_parameters() if "embed" not in n)
    operations = 2 * tokens * body
    operations += sum(4 * length**2 * width * layers for length in lengths)
    operations += 2 * tokens * vocabulary * width if paradigm == "sparse" else 0
    rate = operations / seconds / 1e12
    used = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0
    return {
        "setting": f"{count} documents, {tokens} tokens, Llama-3 {size} shape, bfloat16",
        "seconds": round(seconds, 3),
        "rate": round(tokens / seconds, 1),
        "unit": "tokens/s",
        "peak_mib": round(used),
        "detail": f"{rate:.1f} TFLOP/s, {rate / peak_rate(device, small):.0%} of a large matrix "
        f"product; at most {encoder.batch_tokens} tokens a batch",
    }


class Tokenizer(SimpleNamespace):
    """As much of a tokenizer as encoding tokens needs."""

    def __init__(self, size: int) -> None:
        super().__init__(size=size, bos_token_id=0, eos_token_id=1)

    def __len__(self) -> int:
        return self.size

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        """BOS and one token."""
        return {"input_ids": [self.bos_token_id, 2]}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """A name an id."""
        return [f"t{i}" for i in ids]


def peak_rate(device: torch.device, small: bool) -> float:
    """TFLOP/s of a large bfloat16 matrix product of random numbers."""
    size = 256 if small else 8192
    left = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    right = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    return 2 * size**3 / median_seconds(lambda: left @ right, device, 20) / 1e12


def median_seconds(work: Callable[[], object], device: torch.device, times: int) -> float:
    """Median over several runs after one that is not counted."""
    work()
    seconds = []
    for _ in range(times):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2]


def extra_mib(work: Callable[[], object], device: torch.device) -> float:
    """Memory that the work takes beyond its inputs."""
    if device.type != "cuda":
        return 0
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    return round((torch.cuda.max_memory_allocated(device) - before) / 2**20, 1)


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()

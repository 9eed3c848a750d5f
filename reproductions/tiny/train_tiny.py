"""Train the tiny backbone and its two adapters.

python train_tiny.py tokenizer|backbone|sparse|dense|evaluate --pairs DIR --output DIR
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from bpe import save_tokenizer, train_tokenizer
from data import Pair, prepared
from evaluate import evaluate_collection, evaluate_held_out
from model import add_lora, load_backbone, save_backbone
from stages import Settings, Trainer, make_batches
from start import start_backbone
from teacher import default_folder, teacher_vectors
from transformers import AutoTokenizer

from llm_encoders import load_encoder

BACKBONE = Settings(steps=180, rate=8e-5, warmup=20, sparse=1.0, hard=0.5, ramp=60)
SPARSE = Settings(steps=320, rate=2e-4, warmup=20, sparse=1.0, hard=0.5, ramp=1)
DENSE = Settings(steps=480, rate=2e-3, warmup=20, dense=0.5, imitate=2.0)
COMMON = {
    "attention": "bidirectional",
    "pool_bos": True,
    "pool_eos": True,
    "append_eos": False,
    "query_prefix": "",
    "passage_prefix": "",
    "query_max_length": 64,
    "passage_max_length": 256,
}


def write_encoder(folder: Path, paradigm: str, settings: Settings) -> None:
    """Write ``encoder_config.json``."""
    config: dict[str, Any] = {"paradigm": paradigm, **COMMON}
    if paradigm == "sparse":
        config |= {"logit_scale": settings.logit_scale, "impact_scale": 100}
        config |= {"query_top_k": 32, "passage_top_k": 192, "temperature": 1.0}
    else:
        config |= {"pooling": "mean-of-normalised", "normalize": True}
        config |= {"temperature": settings.temperature}
    (folder / "encoder_config.json").write_text(json.dumps(config, indent=2) + "\n")


def train(args: argparse.Namespace, pairs: list[Pair]) -> None:
    """Run one of the three training stages and write its model."""
    torch.manual_seed(17)
    backbone = args.output / "backbone"
    tokenizer = AutoTokenizer.from_pretrained(args.output / "tokenizer")
    teacher_folder = args.teacher or default_folder()
    teacher = teacher_vectors(pairs, args.output, teacher_folder)
    batches = make_batches(pairs, tokenizer, teacher, 256)
    settings = {"backbone": BACKBONE, "sparse": SPARSE, "dense": DENSE}[args.stage]
    if args.steps:
        settings.steps = args.steps
    if args.stage == "backbone":
        model = start_backbone(tokenizer, batches, teacher[1], teacher_folder)
        inner = model = model.bfloat16()
    else:
        inner = load_backbone(backbone).bfloat16()
        model = add_lora(inner)
    weight = inner.get_output_embeddings().weight
    work = args.output / f"state-{args.stage}"
    trainer = Trainer(model, inner.model, weight, batches, settings, work, args.compile)
    trainer.run()
    finish(args, trainer, settings)


def finish(args: argparse.Namespace, trainer: Trainer, settings: Settings) -> None:
    """Save the float32 master weights in the published layout."""
    model = trainer.model.float()
    with torch.no_grad():
        masters = trainer.optimizer.masters
        for parameter, master in zip(trainer.optimizer.parameters, masters, strict=True):
            parameter.copy_(master)
    folder = args.output / args.stage
    if args.stage == "backbone":
        save_backbone(model, folder)
        save_tokenizer(AutoTokenizer.from_pretrained(args.output / "tokenizer"), folder)
        for paradigm, part in (("sparse", SPARSE), ("dense", DENSE)):
            save_adapter(add_lora(load_backbone(folder)), args.output / f"start-{paradigm}")
            write_encoder(args.output / f"start-{paradigm}", paradigm, part)
    else:
        save_adapter(model, folder)
        write_encoder(folder, args.stage, settings)


def save_adapter(model: Any, folder: Path) -> None:
    """Write a float16 LoRA adapter that finds its backbone beside it."""
    model.peft_config["default"].base_model_name_or_path = "../backbone"
    model.half().save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)


def evaluate(args: argparse.Namespace) -> None:
    """Print held-out figures, and those of the collections that were named."""
    for name in args.adapters:
        encoder = load_encoder(str(args.output / name), dtype=args.dtype)
        if not args.collections or args.held_out:
            pairs = prepared(args.pairs, args.output)
            print(name, "held-out", json.dumps(evaluate_held_out(encoder, pairs)), flush=True)
        for folder in args.collections:
            figures = evaluate_collection(encoder, folder, args.split)
            print(name, folder.name, args.split, json.dumps(figures), flush=True)


def main() -> None:
    """Parse the command line and run a stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=["tokenizer", "backbone", "sparse", "dense", "evaluate"])
    parser.add_argument(
        "--pairs", type=Path, default=Path("pairs"), help="folder of *.jsonl.gz pairs"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for all results")
    parser.add_argument("--teacher", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--steps", type=int, help="number of steps, other than the default")
    parser.add_argument("--compile", action="store_true", help="torch.compile (needs a compiler)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--adapters", nargs="+", default=["sparse", "dense"])
    parser.add_argument("--collections", nargs="*", type=Path, default=[], help="BEIR folders")
    parser.add_argument("--split", default="test")
    parser.add_argument("--held-out", action="store_true", help="held-out pairs as well")
    parser.add_argument("--dtype", default="float32", help="evaluate in this number format")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    if args.stage == "evaluate":
        evaluate(args)
        return
    pairs = prepared(args.pairs, args.output)
    if args.stage == "tokenizer":
        save_tokenizer(train_tokenizer(pairs), args.output / "tokenizer")
    else:
        train(args, pairs)


if __name__ == "__main__":
    main()

"""Write a family of Llamas of random weights with one tokenizer.

python reproductions/scaling/family.py --texts runs/scaling/corpus.jsonl \\
    --output runs/scaling/family

``family.yaml`` lists them. The stage ``clm`` of the trainer then teaches them the language.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import yaml
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "reproductions" / "tiny"))

import bpe  # noqa: E402
import study  # noqa: E402


def texts(path: Path) -> Iterator[str]:
    """The texts of a corpus, or the queries and passages of pairs."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield from (record[key] for key in ("text", "query", "passage") if key in record)


def config(size: Mapping[str, int], tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """A Llama of a size, with tied embeddings."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size["hidden"],
        intermediate_size=size["intermediate"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        num_key_value_heads=size["heads"],
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def main() -> None:
    """Parse the command line; write a folder for each size."""
    family = yaml.safe_load(study.FAMILY.read_text())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--texts",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSON lines of passages or pairs, which the tokenizer is trained on",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="takes a folder for each size"
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        metavar="SIZE",
        help=f"which of {', '.join(family['sizes'])} (default: all)",
    )
    args = parser.parse_args()
    sizes = args.sizes or list(family["sizes"])
    if unknown := [name for name in sizes if name not in family["sizes"]]:
        parser.error(f"no size {unknown[0]}; there are {', '.join(family['sizes'])}")
    tokenizer = bpe.train_from(texts(args.texts), family["vocabulary"])
    for name in sizes:
        size = family["sizes"][name]
        torch.manual_seed(family["seed"])
        model = LlamaForCausalLM(config(size, tokenizer))
        model.save_pretrained(args.output / name)
        bpe.save_tokenizer(tokenizer, args.output / name)
        print(f"{args.output / name}: {study.parameters(size):,} non-embedding parameters")


if __name__ == "__main__":
    main()

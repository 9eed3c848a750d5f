"""Begin from nothing: a small Llama of random weights, and medical pairs to train it on.

python reproductions/scratch/begin.py --pairs PAIRS --output runs/scratch
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "reproductions" / "tiny"))

from data import prepare  # noqa: E402  # the cleaning that the tiny models' pairs went through
from start import backbone_config  # noqa: E402

TOKENIZER = REPOSITORY / "llm_encoders" / "models" / "tiny" / "backbone"
MEDICAL = ("medquad", "pubmedqa-labeled")
THRESHOLD, GAIN = 0.3, -2.0


def random_llama(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> LlamaForCausalLM:
    """Two layers of width 256 with tied embeddings, 5.5 M parameters, drawn at random.

    Layers are as Transformers draws them; embeddings have a length of about 1. The last channel
    is the same for all tokens and has a negative gain in the final norm: logits begin lower by a
    constant, as if they had a bias, and a sparse head begins with fewer terms.
    """
    torch.manual_seed(seed)
    config = backbone_config(tokenizer, layers=2, intermediate=512)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        vectors = torch.randn(len(tokenizer), config.hidden_size) / config.hidden_size**0.5
        vectors[:, -1] = THRESHOLD
        model.model.embed_tokens.weight.copy_(vectors)
        model.model.norm.weight[-1] = GAIN
    return model


def main() -> None:
    """Parse the command line; write ``llama`` and ``medical.jsonl``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of *.jsonl.gz pairs")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    random_llama(tokenizer).save_pretrained(args.output / "llama")
    tokenizer.save_pretrained(args.output / "llama")
    count = 0
    with (args.output / "medical.jsonl").open("w", encoding="utf-8") as stream:
        for pair in prepare(args.pairs):
            if pair.source.removesuffix("-crop") in MEDICAL and not pair.held_out:
                record = {"query": pair.query, "passage": pair.passage}
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")
                count += 1
    if not count:
        raise SystemExit(f"{args.pairs} holds no pairs of {' or '.join(MEDICAL)}.")
    print(f"{args.output}: llama of random weights, {count:,} pairs.")


if __name__ == "__main__":
    main()

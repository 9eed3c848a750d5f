"""One way of encoding a corpus with the same random weights: documents per second.

plain: padded batches in the order of the input, log1p(relu(logits)) over all logits, then max.
pyserini: Pyserini's own SPLADE document encoder around the same model.
ours: length-sorted batches under a token budget, the head in slices.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import transformers

from llm_encoders import EncoderConfig, SparseEncoder, load_encoder
from llm_encoders.heads.kernels import plain
from pyserini_ext.encode.options import WINDOW_BATCHES

BATCH, MAX_LENGTH = 32, 192


def main() -> None:
    """Encode the corpus in one way and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=("plain", "pyserini", "ours"))
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--documents", type=int)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    texts = read(options.corpus, 8 if options.small else options.documents)
    with tempfile.TemporaryDirectory() as folder:
        save_model(options.tokenizer, Path(folder))
        encoder = load_encoder(folder)
    assert isinstance(encoder, SparseEncoder)
    encode = {"plain": encode_plain, "pyserini": encode_by_pyserini, "ours": encode_ours}
    encode[options.form](encoder, texts[:BATCH])
    start = time.perf_counter()
    terms = encode[options.form](encoder, texts)
    seconds = time.perf_counter() - start
    result = {
        "setting": f"{len(texts)} documents, 4 layers of 256, vocabulary {len(encoder.vocabulary)},"
        f" at most {MAX_LENGTH} tokens, {BATCH} a batch, float32",
        "seconds": round(seconds, 1),
        "rate": round(len(texts) / seconds, 2),
        "unit": "documents/s",
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "detail": f"{terms / len(texts):.1f} terms a document",
    }
    print(json.dumps(result))


def read(path: Path, count: int | None) -> list[str]:
    """Title and text of the first documents."""
    with path.open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [f"{record.get('title', '')} {record['text']}".strip() for record in records[:count]]


def save_model(tokenizer_folder: Path, folder: Path) -> None:
    """A Llama of random weights over the tokenizer's vocabulary."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.convert_ids_to_tokens(0)
    random_llama(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    EncoderConfig(paradigm="sparse", passage_max_length=MAX_LENGTH, passage_top_k=None).save(folder)


def random_llama(vocabulary: int) -> transformers.LlamaForCausalLM:
    """Four layers of 256 with tied embeddings, the same weights every time."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        tie_word_embeddings=True,
        initializer_range=0.05,
    )
    return transformers.LlamaForCausalLM(config)


def encode_ours(encoder: SparseEncoder, texts: list[str]) -> int:
    """Window by window, as the encode command does it; returns the number of terms."""
    encoder.batch_size = BATCH
    window = WINDOW_BATCHES * BATCH
    parts = (texts[start : start + window] for start in range(0, len(texts), window))
    return sum(int(encoder.quantize(encoder.encode_documents(part)).nnz) for part in parts)


@torch.inference_mode()
def encode_plain(encoder: SparseEncoder, texts: list[str]) -> int:
    """Padded batches in input order, full logits."""
    backbone, terms = encoder.backbone, 0
    scale = encoder.config.scale_of_logits(backbone.hidden_size)
    for start in range(0, len(texts), BATCH):
        batch = tokenize(backbone.tokenizer, texts[start : start + BATCH])
        states = backbone.hidden_states(batch["input_ids"], batch["attention_mask"])
        mask = batch["attention_mask"].bool()
        weights = plain.term_weights(states, mask, backbone.head, scale)
        terms += int((weights * encoder.config.impact_scale).round().count_nonzero())
    return terms


def encode_by_pyserini(encoder: SparseEncoder, texts: list[str]) -> int:
    """Pyserini's class around the same model: it takes whatever answers with logits."""
    from pyserini.encode import SpladeDocumentEncoder

    class Model:
        """The backbone with all logits, as a masked language model answers."""

        @torch.inference_mode()
        def __call__(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
            states = encoder.backbone.hidden_states(input_ids, attention_mask)
            scale = encoder.config.scale_of_logits(encoder.backbone.hidden_size)
            return {"logits": states @ encoder.backbone.head.T * scale}

    stock = object.__new__(SpladeDocumentEncoder)
    stock.device = "cpu"
    stock.model = Model()
    stock.tokenizer = encoder.backbone.tokenizer
    stock.prefix = None
    return sum(
        len(vector)
        for start in range(0, len(texts), BATCH)
        for vector in stock.encode(texts[start : start + BATCH], max_length=MAX_LENGTH)
    )


def tokenize(tokenizer: Any, texts: list[str]) -> Any:
    """Padded to the longest of the batch."""
    return tokenizer(
        texts, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt"
    )


if __name__ == "__main__":
    main()

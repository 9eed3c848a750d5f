"""Whether the tokenizer belongs to the model."""

import dataclasses

from llm_encoders.checkpoints.tokenizer import (
    embedding_rows,
    load_tokenizer,
    tokenizer_folder,
)
from llm_encoders.checks.finding import Finding
from llm_encoders.checks.probes import DOCUMENTS
from llm_encoders.checks.subject import Subject

CHECK = "tokenizer fits"
# Embeddings are padded to round numbers: of the models that we know, Phi-2 uses the smallest
# share of its rows, 50,295 of 51,200.
_SMALLEST_USE = 0.9
_MOST_UNKNOWN = 0.1  # of the tokens of plain English, of which any tokenizer knows all
_FILES = ("tokenizer.json", "tokenizer.model")


def check_tokenizer(subject: Subject) -> Finding:
    """As many tokens as embeddings, none unknown, and an adapter's cuts words as the backbone's."""
    tokenizer, files = subject.tokenizer, subject.files
    rows = embedding_rows(subject.encoder.backbone.decoder)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in DOCUMENTS]
    count = sum(map(len, ids))
    unknown = sum(one.count(tokenizer.unk_token_id) for one in ids)
    figure = f"{len(tokenizer):,} tokens, {rows:,} embeddings; {unknown} of {count} tokens unknown"
    folder = tokenizer_folder(files)
    cure = f"Use the tokenizer that belongs to {files.backbone}, not that in {folder}."
    if len(tokenizer) < _SMALLEST_USE * rows or unknown > _MOST_UNKNOWN * count:
        return Finding(CHECK, figure, cure)
    if folder != files.backbone and any((files.backbone / name).is_file() for name in _FILES):
        other = load_tokenizer(dataclasses.replace(files, adapter=None, below=(), tokenizer=None))
        if [other(text, add_special_tokens=False)["input_ids"] for text in DOCUMENTS] != ids:
            return Finding(CHECK, f"{figure}; the backbone's own gives other tokens", cure)
        figure += "; the adapter's gives the backbone's tokens"
    return Finding(CHECK, figure)

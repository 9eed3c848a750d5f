"""Exporting an encoder: load, check, write, put in place."""

import shutil
import sys
from functools import partial
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints.resolve import Checkpoint, resolve_spec
from llm_encoders.checkpoints.two_sides import require_one_model
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.errors import UsageError
from llm_encoders.export.card import CARD, origin_of, write_card
from llm_encoders.export.contract import remarks, require_expressible
from llm_encoders.export.modules import write_model, write_modules, write_settings
from llm_encoders.export.tokenizer import has_special, require_same_tokens, write_tokenizer
from llm_encoders.jobs.removal import require_apart
from llm_encoders.jobs.whole_folder import require_free, whole_folder
from llm_encoders.sides import SIDES

_LICENCES = ("LICENSE*", "NOTICE*", "USE_POLICY*")


def export(spec: str, output: Path, overwrite: bool = False) -> None:
    """Write an encoder as a folder for sentence-transformers.

    Args:
        spec: name of the encoder, with its written options. Weights are loaded in float32 on the
            CPU unless they say something else.
        output: folder to write, absent or empty.
        overwrite: replace an earlier export in it.

    Raises:
        UsageError: a contract that cannot be expressed, or an output that is not free.
        EncoderError: files that cannot be had, or a tokenizer that cannot be written.
    """
    checkpoint, written = resolve_spec(spec)
    if written.get("quantization"):
        raise UsageError(f"{spec}: quantised weights cannot be exported; leave quantization out.")
    require_one_model(checkpoint, "exported")
    if checkpoint.contract.vocabulary_head is not None:
        raise UsageError(f"{spec}: a head over index terms of its own cannot be exported.")
    require_apart(output, [checkpoint.backbone, checkpoint.adapter, *checkpoint.below])
    require_free(output, overwrite)
    encoder = load_encoder(
        spec, device=written.get("device", "cpu"), dtype=written.get("dtype", "float32")
    )
    contract, tokenizer = encoder.config, encoder.backbone.tokenizer
    require_expressible(checkpoint.name, contract, partial(has_special, tokenizer, contract))
    said = remarks(contract, contract.scale_of_logits(encoder.backbone.hidden_size))
    preset = registry.find(checkpoint.name)
    public = Path(checkpoint.name).name if Path(checkpoint.name).is_dir() else checkpoint.name
    with whole_folder(output, overwrite, {"encoder": public}) as folder:
        lengths = {side: encoder.max_length(side) for side in SIDES}
        write_tokenizer(tokenizer, contract, folder)
        require_same_tokens(encoder, folder, lengths)
        write_model(encoder, folder)
        write_modules(encoder, folder).save(folder)
        write_settings(contract, lengths, folder)
        cards = _copy_licences(checkpoint, folder)
        origin = origin_of(checkpoint, preset)
        write_card(output.resolve().name, contract, origin, said, cards, folder)
    for line in said:
        print(line, file=sys.stderr)
    kind = "SparseEncoder" if contract.paradigm == "sparse" else "SentenceTransformer"
    print(f"Written: {output}. Load it by sentence_transformers.{kind}({str(output)!r}).")


def _copy_licences(checkpoint: Checkpoint, folder: Path) -> list[str]:
    """Licences go with the weights, and the cards, which may name data and their authors.

    Returns:
        Names of the cards.
    """
    adapters = [one for one in (*checkpoint.below, checkpoint.adapter) if one is not None]
    for source in (checkpoint.backbone, *adapters):
        for path in (found for pattern in _LICENCES for found in source.glob(pattern)):
            if path.is_file():
                shutil.copyfile(path, folder / path.name)
    cards = {"ORIGINAL_CARD.md": checkpoint.folder / CARD}
    if checkpoint.adapter is not None:
        cards["BACKBONE_CARD.md"] = checkpoint.backbone / CARD
    present = {name: path for name, path in cards.items() if path.is_file()}
    for name, path in present.items():
        shutil.copyfile(path, folder / name)
    return list(present)

"""What a distillation depends on, noted so that another teacher or other files are noticed."""

import json
from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.fingerprint import folder_fingerprints, weights_digest
from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.tokenizer import tokenizer_folder
from llm_encoders.checkpoints.two_sides import passage_identity
from llm_encoders.data.prepare import FINGERPRINT
from llm_encoders.data.sources import DataSources, corpus_files, source_files
from llm_encoders.distill_query.queries.store import fingerprint_of
from llm_encoders.distill_query.recipe.recipe import DistillRecipe
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.fingerprint import checksum

_TOKENIZER = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")


def note_inputs(recipe: DistillRecipe, folder: Path) -> None:
    """Note what the run depends on, so that another teacher or other files are noticed later."""
    folder.mkdir(parents=True, exist_ok=True)
    noted = {"files": present_files(recipe), "teacher": _teacher_of(recipe)}
    write_atomically(folder / FINGERPRINT, json.dumps(noted))


def _teacher_of(recipe: DistillRecipe) -> dict[str, Any]:
    """What the vectors of both sides of the teacher depend on beside its query side's weights."""
    files, _ = resolve_spec(recipe.teacher)
    side = files.query or files
    contract, weights = passage_identity(files)
    folder = tokenizer_folder(side)
    return {
        "contracts": [contract.text(), side.contract.text()],
        "weights": weights,
        "tokenizer": {
            name: checksum(folder / name) for name in _TOKENIZER if (folder / name).is_file()
        },
    }


def present_files(recipe: DistillRecipe) -> dict[str, str]:
    """What of these is there now, to be compared with what was noted.

    Returns:
        Size and time of modification of every file of queries, candidates and the student's
        beginning; of the teacher, the digest of its weights.
    """
    files, _ = resolve_spec(recipe.teacher)
    found = {f"the teacher {files.name}": weights_digest(files.query or files)}
    student = recipe.student
    if student.backbone is not None and Path(student.backbone).is_dir():
        known = folder_fingerprints(Path(student.backbone))
        found |= {f"{student.backbone}/{name}": one for name, one in known.items()}
    if student.corpus is not None:
        found |= corpus_files(student.corpus)
    if recipe.queries.source is not None:
        found |= fingerprint_of(recipe.queries, 0)["files"]
    if recipe.candidates is not None:
        found |= source_files(sources_of(recipe))
    return found


def sources_of(recipe: DistillRecipe) -> DataSources:
    """The files of mined candidates, of a recipe that has some."""
    assert recipe.candidates is not None
    return DataSources(recipe.candidates.source, recipe.candidates.corpus)

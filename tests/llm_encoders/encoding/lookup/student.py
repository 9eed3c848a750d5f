"""A shipped encoder as teacher, and a random table of weights or vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llm_encoders import EncoderConfig, load_encoder
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.encoding.lookup.files import write_lookup
from llm_encoders.encoding.lookup.from_teacher import lookup_contract, teacher_tokenizer

NAMES = {"sparse": "llm-splade-tiny", "dense": "llm-dense-tiny"}


@dataclass
class Student:
    """What a folder is written from, and a loaded teacher."""

    teacher: Any
    contract: EncoderConfig
    table: np.ndarray

    def write(self, folder: Path, **changes: Any) -> Path:
        """Write the folder, with other arguments of ``write_lookup`` where they are given."""
        given = {
            "config": self.contract,
            "table": self.table,
            "tokenizer": teacher_tokenizer(self.teacher),
            "teacher": Teacher.of(self.teacher),
        }
        write_lookup(folder, **{**given, **changes})
        return folder


def make_student(paradigm: str) -> Student:
    """Every tenth weight is 0."""
    teacher = load_encoder(NAMES[paradigm], device="cpu")
    generator, size = np.random.default_rng(7), len(teacher.backbone.tokenizer)
    if paradigm == "sparse":
        table = generator.random(size, dtype=np.float32)
        table[::10] = 0
    else:
        table = generator.standard_normal((size, teacher.dimension), dtype=np.float32)
    return Student(teacher, lookup_contract(teacher), table)

"""A table in place of a transformer: a learned weight (sparse) or vector (dense) for each token."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize
from tqdm import tqdm

from llm_encoders.config import EncoderConfig
from llm_encoders.corpora import open_corpus
from llm_encoders.data.faults import refuse
from llm_encoders.distill_query.students.student import Student, StudentKind, contract_of
from llm_encoders.distill_query.teacher_side import TeacherSide
from llm_encoders.encoding.lookup.files import write_lookup
from llm_encoders.encoding.lookup.from_teacher import (
    lookup_contract,
    teacher_rows,
    teacher_tokenizer,
)
from llm_encoders.encoding.lookup.initial import idf, ones
from llm_encoders.encoding.lookup.query_encoder import LookupQueryEncoder, special_ids
from llm_encoders.train.recipe.errors import RecipeError, about

if TYPE_CHECKING:
    from llm_encoders.distill_query.recipe.recipe import DistillRecipe


class Table(Student):
    """A lookup table in training.

    Args:
        table: float32 [vocabulary] or [vocabulary, dimension].
        tokenizer: gives the rows.
        contract: how the finished table encodes.
    """

    def __init__(self, table: Tensor, tokenizer: Tokenizer, contract: EncoderConfig) -> None:
        super().__init__()
        self.table = nn.Parameter(table)
        self.tokenizer, self.contract = tokenizer, contract
        self._special = frozenset(special_ids(tokenizer))
        shape = np.broadcast_to(np.float32(0), tuple(table.shape))  # tokenising needs no weights
        self._reader = LookupQueryEncoder("student", contract, shape, tokenizer)

    def query_token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """See :class:`Student`; special tokens are left out."""
        found = self._reader.query_token_ids(texts)
        return [[number for number in ids if number not in self._special] for ids in found]

    def forward(
        self, token_ids: Tensor, attention_mask: Tensor, unpooled: Tensor | None = None
    ) -> Tensor:
        """See :class:`Student`; ``unpooled`` has no meaning here."""
        if self.contract.paradigm == "sparse":
            counts = torch.zeros((len(token_ids), len(self.table)), device=token_ids.device)
            counts = counts.scatter_add(1, token_ids, attention_mask.float())
            if not self.contract.lookup_counts:
                counts = counts.clamp(max=1)
            return counts * self.table.clamp(min=0)  # [queries, vocabulary]
        rows = embedding(token_ids, self.table)  # [queries, length, dimension]
        summed = (rows * attention_mask.unsqueeze(-1)).sum(1)
        return normalize(summed, dim=-1) if self.contract.normalize else summed

    def operations(self, lengths: Iterable[int]) -> float:
        """See :class:`Student`: an addition a number of each token's row, and one of its
        gradient."""
        width = 1 if self.table.dim() == 1 else self.table.shape[1]
        return 2.0 * width * sum(lengths)

    def write(self, folder: Path, teacher: TeacherSide) -> None:
        """See :class:`Student`."""
        table = self.table.detach().cpu()
        if self.contract.paradigm == "sparse":
            table = table.clamp(min=0)
        write_lookup(folder, self.contract, table.numpy(), self.tokenizer, teacher.identity)


class _Lookup(StudentKind):
    name = "lookup"
    citation = "a lookup table as in LightRetriever (arXiv 2505.12260)"

    def build(
        self,
        recipe: "DistillRecipe",
        teacher: TeacherSide,
        device: torch.device,
        dtype: torch.dtype,
        work: Path,
    ) -> Table:
        """See :class:`StudentKind`."""
        self.check(recipe, teacher)
        tower = teacher.query_tower
        initial = recipe.student.initial or "teacher"
        contract = contract_of(recipe, lookup_contract(tower, counts=_counts(recipe, initial)))
        tokenizer = teacher_tokenizer(tower)
        if initial == "teacher":
            table = _of_teacher(tower, work)
        elif initial == "idf":
            assert recipe.student.corpus is not None
            table = idf(tokenizer, teacher.width, _texts(recipe.student.corpus), contract)
        else:
            table = ones(tokenizer, teacher.width)
        teacher.release()
        return Table(torch.from_numpy(table).float().to(device), tokenizer, contract)

    def check(self, recipe: "DistillRecipe", teacher: TeacherSide) -> None:
        """See :class:`StudentKind`."""
        teacher.require_model("a lookup table, which takes the teacher's tokenizer,")
        tower = teacher.query_tower
        if tower.config.vocabulary_head is not None:
            raise RecipeError(
                "student.kind",
                "a lookup table has a row for each token of the teacher's tokenizer, but the terms "
                f"of {teacher.name} are those of its '{tower.config.vocabulary_head}'. Choose "
                "another teacher, or another kind of student.",
            )
        _counts(recipe, recipe.student.initial or "teacher")
        if recipe.student.corpus is not None:
            with about("student.corpus"):
                open_corpus(recipe.student.corpus)

    def describe(self, recipe: "DistillRecipe") -> str:
        """See :class:`StudentKind`."""
        initial = recipe.student.initial or "teacher"
        begun = {
            "teacher": "the teacher's vectors of single tokens",
            "idf": "inverse document frequencies",
            "counts": "weight 1 for every token",
            "ones": "weight 1 for every token",
        }[initial]
        trained = "trained" if recipe.trains else "not trained"
        return f"a lookup table that begins with {begun}, {trained}"


def _counts(recipe: "DistillRecipe", initial: str) -> bool:
    """Whether a weight is multiplied by the number of a token's occurrences."""
    counts: bool | None = recipe.student.counts
    if initial == "counts" and counts is False:
        raise RecipeError(
            "student.counts",
            "student.counts is false, but 'initial: counts' makes queries counts of tokens; leave "
            "it out, or write 'initial: ones'.",
        )
    return initial == "counts" if counts is None else counts


def _of_teacher(tower: Any, work: Path) -> np.ndarray:
    count = len(getattr(tower, "vocabulary", None) or tower.backbone.tokenizer)
    with tqdm(total=count, unit="token", desc="teacher") as bar:
        return teacher_rows(tower, work / "rows", rows_done=bar.update)


def _texts(corpus: str) -> Iterator[str]:
    """Title and text of every document."""
    for _, document in open_corpus(corpus).documents(refuse):
        yield f"{document.title} {document.text}" if document.title else document.text


LOOKUP = _Lookup()

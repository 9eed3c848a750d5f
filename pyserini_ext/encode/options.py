"""Options of the encode command and what follows from them."""

import sys
from dataclasses import dataclass
from typing import Any

from llm_encoders.corpora import Corpus, open_corpus
from llm_encoders.corpora.records import ENCODED_FIELDS
from llm_encoders.errors import UsageError, listed
from llm_encoders.spec import parse_spec

WINDOW_BATCHES = 32


def warn_of_ignored(options: list[str], encoder: str) -> None:
    """Name options of Pyserini's own encoders that ours do not take.

    Args:
        options: those that were given, of pooling, norm and tokenizer.
        encoder: its name.
    """
    if options:
        are = "is" if len(options) == 1 else "are"
        print(
            f"warning: {listed(options)} {are} ignored; the encode contract of {encoder} says how "
            "it tokenises, pools and normalises.",
            file=sys.stderr,
        )


@dataclass
class EncodeOptions:
    """What the user asked for; ``None`` means the contract's or the corpus's own default."""

    corpus: str
    embeddings: str
    encoder: str
    fields: list[str] | None
    """Fields of the input, in order; also what ``contents`` of the output is made of."""
    encoded_fields: list[str] | None
    """Fields that are encoded: ``text``, or ``title`` and ``text``."""
    docid_field: str | None
    delimiter: str
    shard_id: int
    shard_num: int
    to_faiss: bool
    to_lucene: bool
    to_npz: bool
    part_size: int
    overwrite: bool
    workers: int | None
    engine: str
    on_error: str
    paradigm: str | None
    backbone: str | None
    device: str | None
    dtype: str | None
    quantization: str | None
    batch_size: int
    batch_tokens: int | None
    compile: bool
    max_length: int | None
    dimension: int | None
    fp16: bool
    add_sep: bool
    prefix: str | None
    pooling: str | None = None
    """Accepted because Pyserini's documented commands have it; the contract decides."""
    l2_norm: bool = False
    """As ``pooling``."""

    def __post_init__(self) -> None:
        self.delimiter = self.delimiter.replace("\\n", "\n")
        outputs = self._outputs()
        if len(outputs) > 1:
            raise UsageError(f"--to-{outputs[0]} and --to-{outputs[1]} exclude each other.")
        if self.fp16 and self.dtype not in (None, "float16", "fp16"):
            raise UsageError(f"--fp16 and --dtype {self.dtype} contradict each other.")
        if not 0 <= self.shard_id < self.shard_num:
            raise UsageError(
                f"--shard-id is {self.shard_id}; with --shard-num {self.shard_num} it counts from "
                f"0 to {self.shard_num - 1}."
            )
        if self.fields is not None and self.encoded_fields is None:
            self.encoded_fields = ["text"]  # Pyserini's default for the encoder's --fields
        if self.fields is not None and "text" not in self.fields:
            raise UsageError("--fields of the input must name 'text': it is what is encoded.")
        for name in self.encoded_fields or ():
            if name not in ENCODED_FIELDS:
                raise UsageError(f"Field '{name}' cannot be encoded; only title and text can.")
            if self.fields is not None and name not in self.fields:
                raise UsageError(f"Field '{name}' is to be encoded but not among the input's.")

    @property
    def output(self) -> str:
        """What is written: ``jsonl``, ``npz``, ``faiss`` or ``lucene``."""
        return next(iter(self._outputs()), "jsonl")

    def _outputs(self) -> list[str]:
        return [name for name in ("lucene", "faiss", "npz") if getattr(self, f"to_{name}")]

    @property
    def named_device(self) -> str | None:
        """The device that was asked for, by option or behind the encoder's name."""
        return self.device or parse_spec(self.encoder)[1].get("device")

    @property
    def part_format(self) -> str:
        """Format of part files."""
        return "jsonl" if self.output == "jsonl" else "npz"

    @property
    def assembled(self) -> bool:
        """Whether the parts become one index at the end."""
        return self.output in ("lucene", "faiss")

    @property
    def window(self) -> int:
        """Documents that are sorted by length together, to save padding."""
        return WINDOW_BATCHES * self.batch_size

    @property
    def part_documents(self) -> int:
        """Documents of a part: ``part_size`` made a multiple of the window."""
        return -(-self.part_size // self.window) * self.window

    def open_corpus(self) -> Corpus:
        """The corpus, read as the options say."""
        return open_corpus(
            self.corpus, self.fields, self.encoded_fields, self.docid_field, self.delimiter
        )

    def scan_fingerprint(self, fingerprint: list[Any]) -> list[Any]:
        """What a reading of the corpus depends on, the stored bytes among it."""
        reading = [self.fields, self.encoded_fields, self.docid_field, self.delimiter]
        return [reading, fingerprint]

"""Options of the encode command, in Pyserini's form with sub-commands and in the short form."""

import argparse
from dataclasses import dataclass
from typing import Any

from llm_encoders import registry
from llm_encoders.corpora import Corpus, open_corpus
from llm_encoders.corpora.records import ENCODED_FIELDS
from llm_encoders.errors import UsageError

SUB_COMMANDS = ("input", "output", "encoder")
WINDOW_BATCHES = 32
_DESCRIPTION = """\
Encode a corpus with an LLM-based sparse or dense encoder.

short form:     {prog} --encoder llm-splade-tiny --corpus corpus/ --embeddings encoded/
Pyserini form:  {prog} input --corpus corpus/ --fields title text \\
                  output --embeddings encoded/ \\
                  encoder --encoder llm-splade-tiny --fields title text

Sparse encoders write JSONL with integer impacts, for 'python -m pyserini.index.lucene
--collection JsonVectorCollection --impact --pretokenized', or with --to-lucene the index itself.
Dense ones write a FAISS flat index with --to-faiss, for 'python -m pyserini.search.faiss'.
A run that was stopped goes on when the same command is given again.
"""


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
        for option in (
            *("batch_size", "batch_tokens", "max_length", "shard_num", "part_size", "workers"),
        ):
            value = getattr(self, option)
            if value is not None and value < 1:
                raise UsageError(f"--{option.replace('_', '-')} is {value}; give at least 1.")
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
        return self.device or registry.parse_spec(self.encoder)[1].get("device")

    @property
    def part_format(self) -> str:
        """Format of part files."""
        return "jsonl" if self.output == "jsonl" else "npz"

    @property
    def assembled(self) -> bool:
        """Whether the parts become one index in the end."""
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

    def scan_stamp(self, stamp: list[Any]) -> list[Any]:
        """What a reading of the corpus depends on, the stored bytes among it."""
        reading = [self.fields, self.encoded_fields, self.docid_field, self.delimiter]
        return [reading, stamp]


def parse(arguments: list[str], prog: str) -> EncodeOptions:
    """Parse a command line of either form; exits with code 2 on one that is neither."""
    input_options, output_options, encoder_options = _groups()
    flat = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[input_options, output_options, encoder_options],
    )
    if {"-h", "--help"} & set(arguments):
        flat.parse_args(["--help"])  # which ends the program
    if not arguments or arguments[0] not in SUB_COMMANDS:
        values = vars(flat.parse_args(arguments))
        return EncodeOptions(encoded_fields=_default_encoded(values["fields"]), **values)
    groups: dict[str, list[str]] = {}
    for word in arguments:
        if word in SUB_COMMANDS:
            groups[word] = []
        else:
            groups[next(reversed(groups))].append(word)
    if missing := [c for c in SUB_COMMANDS if c not in groups]:
        flat.error(f"sub-command '{missing[0]}' is missing")
    encoder_options.add_argument("--fields", nargs="+", dest="encoded_fields")
    values = {}
    for name, parser in zip(
        SUB_COMMANDS, (input_options, output_options, encoder_options), strict=True
    ):
        parser.prog = f"{prog} {name}"
        values |= vars(parser.parse_args(groups[name]))
    return EncodeOptions(**values)


def _default_encoded(fields: list[str] | None) -> list[str] | None:
    """In the short form the one ``--fields`` says what is read and, of that, what is encoded."""
    return None if fields is None else [name for name in fields if name in ENCODED_FIELDS]


def _groups() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    inputs = argparse.ArgumentParser(add_help=False)
    group = inputs.add_argument_group("input")
    group.add_argument(
        "--corpus",
        required=True,
        help="JSONL or TSV file (.gz, .zst allowed), folder of such files, folder in BEIR layout, "
        "Parquet, saved dataset, or hf:ORGANISATION/NAME[,split=NAME]",
    )
    group.add_argument(
        "--fields",
        nargs="+",
        help="fields of the input, in order (default: title and text where a document has them, "
        "else all of 'contents'); 'contents' is split by the delimiter into these fields",
    )
    group.add_argument("--docid-field", help="field of the id (default: id, _id or docid)")
    group.add_argument("--delimiter", default="\n", help="between fields in 'contents' (\\n)")
    group.add_argument("--shard-id", type=int, default=0, help="which shard to encode, from 0")
    group.add_argument("--shard-num", type=int, default=1, help="number of equal shards")
    group.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        help="a faulty document stops the run before it starts, or is left out and listed in "
        ".FOLDER.state/skipped-lines.txt",
    )
    outputs = argparse.ArgumentParser(add_help=False)
    group = outputs.add_argument_group("output")
    group.add_argument("--embeddings", required=True, help="folder to write to")
    group.add_argument("--to-faiss", action="store_true", help="write a FAISS flat index (dense)")
    group.add_argument("--to-lucene", action="store_true", help="write a Lucene index (sparse)")
    group.add_argument("--to-npz", action="store_true", help="write NumPy files, CSR for sparse")
    group.add_argument(
        "--part-size",
        type=int,
        default=8192,
        help="documents a part, made a multiple of 32 batches (8192); a kill costs at most a part",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="remove the output of an earlier run, start again"
    )
    encoder = argparse.ArgumentParser(add_help=False)
    group = encoder.add_argument_group("encoder")
    group.add_argument("--encoder", required=True, help="name, folder or Hub id")
    group.add_argument("--paradigm", choices=("sparse", "dense"), help="where no contract says it")
    group.add_argument("--backbone", help="folder or Hub id of the model under an adapter")
    group.add_argument("--device", help="cpu, cuda, cuda:N (default: a GPU if there is one)")
    group.add_argument("--dtype", help="float32, bfloat16, float16 (default: bfloat16 on a GPU)")
    group.add_argument("--quantization", choices=("4bit", "8bit"), help="weights by bitsandbytes")
    # Pyserini's documentation abbreviates it, which would be ambiguous beside --batch-tokens.
    group.add_argument(
        "--batch-size", "--batch", type=int, default=64, help="most texts a batch (64)"
    )
    group.add_argument(
        "--batch-tokens",
        type=int,
        help="most tokens a batch, padding included (default: by free memory of a GPU)",
    )
    group.add_argument("--compile", action="store_true", help="torch.compile the backbone")
    group.add_argument(
        "--workers", type=int, help="processes (default: one a GPU; on a CPU they share its cores)"
    )
    group.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: --workers actors on a Ray cluster that shares the folders",
    )
    group.add_argument("--max-length", type=int, help="tokens (default: the contract's)")
    group.add_argument("--dimension", type=int, help="checked against the encoder's, if given")
    group.add_argument("--fp16", action="store_true", help="compute in float16")
    group.add_argument("--add-sep", action="store_true", help="encode title and text as a pair")
    group.add_argument("--prefix", help="put before every text, in place of the contract's")
    ignored = "ignored with a warning: the contract decides"
    group.add_argument("--pooling", help=ignored)
    group.add_argument("--l2-norm", action="store_true", help=ignored)
    return inputs, outputs, encoder

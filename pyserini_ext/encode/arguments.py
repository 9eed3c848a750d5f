"""The encode command line, in Pyserini's form with sub-commands and in the short form."""

import argparse

from llm_encoders.config import QUANTIZATIONS
from llm_encoders.corpora.records import ENCODED_FIELDS
from llm_encoders.errors import UsageError
from llm_encoders.jobs import arguments as parsing
from llm_encoders.spec import require_line_ends
from pyserini_ext.encode.options import EncodeOptions

SUB_COMMANDS = ("input", "output", "encoder")
_DESCRIPTION = """\
Encode a corpus with an LLM-based sparse or dense encoder.

short form:     {prog} --encoder llm-splade-tiny --corpus corpus/ --embeddings encoded/
Pyserini form:  {prog} input --corpus corpus/ --fields title text \\
                  output --embeddings encoded/ \\
                  encoder --encoder llm-splade-tiny --fields title text

Sparse encoders write JSONL with integer impacts, for 'python -m pyserini.index.lucene
--collection JsonVectorCollection --impact --pretokenized', or with --to-lucene the index itself.
Dense ones write a FAISS flat index with --to-faiss, for 'python -m pyserini.search.faiss'.
To resume a run that was stopped, give the same command again.
"""


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


def _name(value: str) -> str:
    """A path, or the name of an encoder or a dataset."""
    parsing.path(value)
    return parsing.place(value)


def _output_folder(value: str) -> str:
    parsing.output(value)
    return parsing.home(value)


def _delimiter(value: str) -> str:
    if not value:
        raise argparse.ArgumentTypeError("it is empty")
    return value


def _default_encoded(fields: list[str] | None) -> list[str] | None:
    """In the short form the one ``--fields`` says what is read and, of that, what is encoded."""
    return None if fields is None else [name for name in fields if name in ENCODED_FIELDS]


def _groups() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    inputs = argparse.ArgumentParser(add_help=False)
    group = inputs.add_argument_group("input")
    group.add_argument(
        "--corpus",
        required=True,
        type=_name,
        help="JSONL or TSV file (.gz, .zst, .xz allowed), folder of such files, folder in BEIR "
        "layout, Parquet, saved dataset, TREC CAR paragraphs (.cbor), or "
        "hf:ORGANISATION/NAME[,split=NAME]",
    )
    group.add_argument(
        "--fields",
        nargs="+",
        help="fields of the input, in order (default: title and text where a document has them, "
        "else all of 'contents'); 'contents' is split by the delimiter into these fields",
    )
    group.add_argument(
        "--docid-field", type=_name, help="field of the id (default: id, _id or docid)"
    )
    group.add_argument(
        "--delimiter", default="\n", type=_delimiter, help="between fields in 'contents' (\\n)"
    )
    group.add_argument(
        "--shard-id", type=parsing.integer(0), default=0, help="which shard to encode, from 0"
    )
    group.add_argument("--shard-num", type=parsing.count, default=1, help="number of equal shards")
    group.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        help="a faulty document stops the run before it starts, or is left out and listed in "
        ".FOLDER.state/skipped-lines.txt",
    )
    outputs = argparse.ArgumentParser(add_help=False)
    group = outputs.add_argument_group("output")
    group.add_argument(
        "--embeddings", required=True, type=_output_folder, help="folder to write to"
    )
    group.add_argument("--to-faiss", action="store_true", help="write a FAISS flat index (dense)")
    group.add_argument("--to-lucene", action="store_true", help="write a Lucene index (sparse)")
    group.add_argument("--to-npz", action="store_true", help="write NumPy files, CSR for sparse")
    group.add_argument(
        "--part-size",
        type=parsing.count,
        default=8192,
        help="documents per file of the output, rounded up to a multiple of 32 batches (8192)",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="remove the output of an earlier run, start again"
    )
    encoder = argparse.ArgumentParser(add_help=False)
    group = encoder.add_argument_group("encoder")
    group.add_argument("--encoder", required=True, type=_name, help="name, folder or Hub id")
    group.add_argument(
        "--paradigm",
        choices=("sparse", "dense"),
        help="for a checkpoint without encoder_config.json",
    )
    group.add_argument(
        "--backbone", type=_name, help="folder or Hub id of the model under an adapter"
    )
    group.add_argument("--device", help="cpu, cuda, cuda:N (default: a GPU if there is one)")
    group.add_argument("--dtype", help="float32, bfloat16, float16 (default: bfloat16 on a GPU)")
    group.add_argument("--quantization", choices=QUANTIZATIONS, help="weights by bitsandbytes")
    # Pyserini's documentation abbreviates it, which would be ambiguous beside --batch-tokens.
    group.add_argument(
        "--batch-size",
        "--batch",
        type=parsing.count,
        default=64,
        help="largest number of texts in a batch (64)",
    )
    group.add_argument(
        "--batch-tokens",
        type=parsing.count,
        help="largest number of tokens in a batch, padding included (default: by free memory of a "
        "GPU, by the size of the model on a CPU)",
    )
    group.add_argument("--compile", action="store_true", help="torch.compile the backbone")
    group.add_argument(
        "--workers",
        type=parsing.integer(1, 1024),
        help="processes (default: one a GPU; on a CPU they share its cores)",
    )
    group.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: --workers actors on a Ray cluster that shares the folders",
    )
    group.add_argument("--max-length", type=parsing.count, help="tokens (default: the contract's)")
    group.add_argument(
        "--dimension", type=parsing.count, help="checked against the encoder's, if given"
    )
    group.add_argument("--fp16", action="store_true", help="compute in float16")
    group.add_argument("--add-sep", action="store_true", help="encode title and text as a pair")
    group.add_argument(
        "--prefix",
        type=_prefix,
        help="put before every document as it is, with no space added, in place of all that the "
        "contract puts there",
    )
    ignored = "ignored with a warning: the contract decides"
    group.add_argument("--pooling", help=ignored)
    group.add_argument("--l2-norm", action="store_true", help=ignored)
    return inputs, outputs, encoder


def _prefix(text: str) -> str:
    try:
        require_line_ends("the text", text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text

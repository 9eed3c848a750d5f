"""``python -m llm_encoders.scaling entropy``: contrastive entropy of an encoder."""

import argparse

from llm_encoders.jobs import arguments

_EXAMPLES = """\
Examples:
  python -m llm_encoders.scaling entropy --encoder llm-dense-tiny --collection path/to/nfcorpus
  python -m llm_encoders.scaling entropy --encoder runs/small --pairs held-out.jsonl \\
    --csv points.csv
  torchrun --nproc-per-node 4 -m llm_encoders.scaling entropy --encoder runs/large \\
    --pairs held-out.tsv --corpus passages.jsonl --output entropy.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.description = (
        "Measure the contrastive entropy of an encoder: minus the logarithm of the softmax of a "
        "query's relevant passage against random ones, in nats, as a mean over all pairs of a "
        "query and a relevant passage (arXiv 2403.18684). Lower is better. Negatives are drawn "
        "several times; the mean and the standard deviation of the redraws are printed. A passage "
        "that is relevant to a query in any judgement, and others of the same text, are never its "
        "negatives. Only passages that were drawn, or are relevant, are encoded. With torchrun, "
        "the processes share them, and the figure stays the same."
    )
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    _add_encoder(parser)
    _add_data(parser)
    _add_measurement(parser)
    _add_output(parser)


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--encoder",
        required=True,
        metavar="NAME",
        type=arguments.place,
        help="a name, folder or Hub id; options may follow, as in 'NAME,dtype=float32'",
    )
    parser.add_argument(
        "--passage-encoder",
        metavar="NAME",
        type=arguments.place,
        help="what encodes the passages, where --encoder encodes queries only (default: its "
        "teacher, under the name by which it was distilled)",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        type=arguments.text,
        help="cpu, cuda, cuda:N or mps (default: the first GPU, with torchrun one each, else the "
        "CPU)",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        help="number format in which texts are encoded (default: float32 on a CPU, bfloat16 or "
        "float16 on a GPU); scores and softmax are always float64",
    )
    parser.add_argument(
        "--batch-size",
        metavar="N",
        type=arguments.count,
        help="texts that are encoded at a time, at most (default: the encoder's); it changes the "
        "time only",
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--collection",
        metavar="FOLDER",
        type=arguments.place,
        help="folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels/",
    )
    data.add_argument(
        "--pairs",
        metavar="PATH",
        type=arguments.place,
        help="queries with their passages: a file or folder of training data (JSONL, Parquet or "
        "TSV in any layout that the trainer reads), or hf:DATASET; negatives are drawn from all "
        "passages in it, or from --corpus",
    )
    parser.add_argument(
        "--split",
        metavar="NAME",
        type=arguments.text,
        help="of --collection: judgements, as in qrels/NAME.tsv (default: test)",
    )
    parser.add_argument(
        "--corpus",
        metavar="PATH",
        type=arguments.place,
        help="file or folder of the passages that --pairs names by id",
    )
    parser.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        help="faulty passages: stop at the first, or skip them and list them beside --output, in "
        "FILE.json.skipped.txt (default: stop)",
    )


def _add_measurement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--negatives",
        metavar="N",
        type=arguments.integer(1, 1_000_000),
        help="random passages that each relevant one is compared with (default: 256). A query for "
        "which there are fewer is refused, unless N is given: then it has all there are",
    )
    parser.add_argument(
        "--redraws",
        metavar="N",
        type=arguments.integer(1, 10_000),
        default=10,
        help="how often negatives are drawn (default: 10)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=arguments.seed,
        default=0,
        help="of the draws (default: 0, as in evaluations while training)",
    )
    parser.add_argument(
        "--temperature",
        metavar="T",
        type=arguments.number,
        help="divisor of scores (default: that of the encoder's contract); points of one law must "
        "share it",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        metavar="FILE.json",
        type=arguments.output,
        help="write the figure, that of every redraw, and what they depend on, as JSON",
    )
    parser.add_argument(
        "--csv",
        metavar="FILE.csv",
        type=arguments.output,
        help="append the measurement to a file of points, for 'scaling fit'; begin it if need be",
    )
    parser.add_argument(
        "--parameters",
        metavar="N",
        type=arguments.number,
        help="for --csv: non-embedding parameters (default: counted in the weights)",
    )
    parser.add_argument(
        "--annotations",
        metavar="N",
        type=arguments.number,
        help="for --csv: pairs that the encoder was trained on (default: as its training run "
        "recorded them)",
    )
    parser.add_argument(
        "--training-seed",
        metavar="N",
        type=arguments.seed,
        help="for --csv: tells trainings of equal size apart (default: as the training run "
        "recorded it)",
    )
    parser.add_argument(
        "--source",
        metavar="NAME",
        type=arguments.text,
        help="for --csv: who made the annotations, such as human or inverse-cloze (default: none)",
    )


def run(args: argparse.Namespace) -> None:
    """Measure, print and write.

    Raises:
        EncoderError: data, encoder or options that give no figure; says why.
    """
    from llm_encoders.scaling.entropy.job import measure

    measure(args)

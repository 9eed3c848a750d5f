"""``python -m llm_encoders.distill_query evaluate``: students and their teacher, compared."""

import argparse
import os

from llm_encoders.jobs import arguments
from llm_encoders.jobs.console import run_command

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def main(words: list[str]) -> int:
    """Parse the command line and measure.

    Args:
        words: what follows ``evaluate``.
    """
    args = _parser().parse_args(words)
    if args.threads is not None:  # NumPy reads them once, when it is imported
        os.environ |= dict.fromkeys(_THREADS, str(args.threads))

    def work() -> None:
        from llm_encoders.distill_query.tradeoff.job import Options, measure

        measure(Options(**{**vars(args), "students": tuple(args.students)}))

    return run_command(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.distill_query evaluate",
        description="Compare query encoders of one index: the teacher encodes the passages once, "
        "the teacher and every student encode the queries. Prints nDCG@10, R@50 and R@1000 with "
        "their shares of the teacher's, queries per second, latencies, parameters and bytes. "
        "OUTPUT holds tradeoff.csv, tradeoff.json, pareto.svg, and the passages' vectors for "
        "another time. If it was stopped, run the same command again to resume.",
        epilog="Example: python -m llm_encoders.distill_query evaluate --collection "
        "path/to/nfcorpus --teacher llm-dense-tiny --students runs/bert runs/lookup --output "
        "tradeoff --threads 2",
    )
    parser.add_argument(
        "--collection",
        required=True,
        metavar="FOLDER",
        type=arguments.path,
        help="folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels/",
    )
    parser.add_argument(
        "--split",
        default="test",
        metavar="NAME",
        type=arguments.text,
        help="judgements, as in qrels/NAME.tsv (default: test)",
    )
    parser.add_argument(
        "--teacher",
        required=True,
        metavar="NAME",
        type=arguments.place,
        help="encoder of the passages: a name, folder or Hub id; options may follow, as in "
        "'NAME,passage_max_length=512'",
    )
    parser.add_argument(
        "--students",
        default=[],
        nargs="+",
        metavar="FOLDER",
        type=arguments.place,
        help="query encoders that were distilled from that teacher (default: none; the teacher is "
        "measured alone)",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FOLDER",
        type=arguments.output,
        help="folder of the results",
    )
    parser.add_argument(
        "--repeats",
        default=3,
        metavar="N",
        type=arguments.count,
        help="rounds of timing; their median is reported (default: 3)",
    )
    parser.add_argument(
        "--timed",
        default=300,
        metavar="N",
        type=arguments.count,
        help="queries that are timed, at most; all of them count for quality (default: 300)",
    )
    parser.add_argument(
        "--threads",
        default=None,
        metavar="N",
        type=arguments.count,
        help="threads that compute, in PyTorch, NumPy, ONNX Runtime and tokenizers (default: what "
        "each of them chooses)",
    )
    parser.add_argument(
        "--device",
        default="cpu",
        metavar="DEVICE",
        type=arguments.text,
        help="of the encoders that run in PyTorch: cpu, cuda, cuda:N or mps (default: cpu)",
    )
    parser.add_argument(
        "--dtype",
        default=None,
        metavar="DTYPE",
        type=arguments.text,
        help="number format of the same: float32, bfloat16 or float16 (default: float32 on a CPU, "
        "bfloat16 or float16 on a GPU)",
    )
    return parser

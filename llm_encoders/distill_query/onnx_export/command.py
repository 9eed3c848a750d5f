"""``python -m llm_encoders.distill_query onnx``: a student for ONNX Runtime."""

import argparse

from llm_encoders.jobs import arguments
from llm_encoders.jobs.console import run_command


def main(words: list[str]) -> int:
    """Parse the command line and export.

    Args:
        words: what follows ``onnx``.
    """
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.distill_query onnx",
        description="Write the query side of an encoder as a graph in ONNX, which ONNX Runtime "
        "runs without PyTorch. The folder goes wherever a query encoder does, as in --encoder "
        "OUTPUT, and searches the same index. The graph is compared with PyTorch on sample "
        "queries; where float32 differs by more than 1e-4, nothing is written. Needs the packages "
        "onnx and onnxruntime: pip install 'pyserini-llm-encoders[onnx]'.",
        epilog="Example: python -m llm_encoders.distill_query onnx runs/student student-int8 "
        "--int8. Then: python -m pyserini.search.faiss --encoder student-int8 --index INDEX …",
    )
    parser.add_argument(
        "student",
        metavar="STUDENT",
        type=arguments.place,
        help="folder of a student, or any encoder: a name, folder or Hub id. Options and keys of "
        "the contract may follow, as in 'STUDENT,query_max_length=32'",
    )
    parser.add_argument(
        "output",
        metavar="OUTPUT",
        type=arguments.output,
        help="folder to write; it must be absent or empty",
    )
    parser.add_argument(
        "--int8",
        action="store_true",
        help="weights as 8-bit integers (dynamic quantisation): less than a third of the bytes "
        "of the tiny models. The largest difference that it makes is printed",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an earlier export in OUTPUT, and only that",
    )
    args = parser.parse_args(words)

    def work() -> None:
        from llm_encoders.distill_query.onnx_export.job import export_onnx

        export_onnx(args.student, args.output, int8=args.int8, overwrite=args.overwrite)

    return run_command(work, resumable=False)

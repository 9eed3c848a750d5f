"""``python -m llm_encoders.export``: an encoder for sentence-transformers."""

import argparse

from llm_encoders.jobs import arguments
from llm_encoders.jobs.console import end_command, run_command


def main() -> int:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.export",
        description="Write an encoder as a folder that sentence-transformers 6 loads, with equal "
        "vectors: whole weights (adapters merged in), tokenizer, modules, prompts, and a model "
        "card. The folder also holds encoder_config.json, so it works wherever --encoder takes a "
        "name. What sentence-transformers cannot express is refused by name.",
        epilog="Example: python -m llm_encoders.export --encoder "
        "'llm-splade-tiny,query_top_k=none,passage_top_k=none' --output splade-tiny. Then, in "
        "Python: SparseEncoder('splade-tiny').encode_query(['a question']). A dense encoder is "
        "loaded by SentenceTransformer('FOLDER').",
    )
    parser.add_argument(
        "--encoder",
        required=True,
        metavar="NAME",
        type=arguments.text,
        help="a named encoder (llm-dense-tiny), a folder or a Hub id. Options and keys of the "
        "contract may follow, as in 'NAME,dtype=bfloat16' (weights half as large; default "
        "float32) or 'NAME,passage_max_length=512'",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        type=arguments.output,
        help="folder to write; it must be absent or empty",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier export in DIR, and only that"
    )
    args = parser.parse_args()

    def work() -> None:
        from llm_encoders.export.job import export

        export(args.encoder, args.output, args.overwrite)

    return run_command(work, resumable=False)


if __name__ == "__main__":
    end_command(main)

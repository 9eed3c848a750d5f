"""``python -m llm_encoders.models``: the named encoders, or one encoder in detail."""

import argparse
from pathlib import Path

from llm_encoders import registry
from llm_encoders.jobs.console import end_command, run_command


def main() -> int:
    """Parse the command line and describe."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.models",
        description="List the named encoders, or show one in detail.",
        epilog="Examples: python -m llm_encoders.models qwen3-embedding-0.6b; python -m "
        "llm_encoders.models path/to/checkpoint --write-contract path/to/checkpoint",
    )
    parser.add_argument(
        "name",
        nargs="?",
        help="a named encoder: repositories, contract, licence, citation, published scores, and "
        "the commands that use it. Or a folder or Hub id, with options if need be, as in "
        "FOLDER,like=ORGANISATION/REPOSITORY: the contract, and the file behind each value",
    )
    parser.add_argument(
        "--write-contract",
        metavar="PATH",
        help="write the contract to this folder, as encoder_config.json, or to this file",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    args = parser.parse_args()
    if args.name is None and args.write_contract is not None:
        parser.error("--write-contract needs a name")
    if args.overwrite and args.write_contract is None:
        parser.error("--overwrite needs --write-contract")
    return run_command(lambda: _describe(args), resumable=False)


def _describe(args: argparse.Namespace) -> None:
    if args.name is None:
        from llm_encoders.models.listing import listing

        print(listing(registry.presets().values()))
        return
    preset = registry.find(args.name)
    if preset is not None and args.write_contract is None:
        from llm_encoders.models.details import details

        print(details(preset))
        return
    from llm_encoders.models.reading import read

    found = read(args.name)
    print(found.table())
    if args.write_contract is not None:
        place = found.write(Path(args.write_contract), args.overwrite)
        print(f"Written to {place}.")


if __name__ == "__main__":
    end_command(main)

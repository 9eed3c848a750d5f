"""``python -m llm_encoders.trec_car``: topics, qrels and training pairs of TREC CAR."""

import argparse

from llm_encoders.corpora.trec_car.pages import Level, TopicText
from llm_encoders.jobs import arguments
from llm_encoders.jobs.console import end_command, run_command

LEVELS = tuple(Level)
TEXTS = tuple(TopicText)


def main() -> int:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m llm_encoders.trec_car",
        description="Make topics, qrels or training pairs of TREC CAR files (.cbor; .gz, .zst and "
        ".xz allowed). The paragraphs themselves need no preparation: every --corpus takes the "
        "file of paragraphs.",
        epilog="Example: python -m llm_encoders.trec_car topics --outlines "
        "test.pages.cbor-outlines.cbor --output topics.tsv",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    topics = commands.add_parser(
        "topics",
        help="topics in Pyserini's TSV from outlines",
        description="Write the section paths of outlines as topics, id and text separated by a "
        "tab. The page itself is a topic at each level: paragraphs before its first section are "
        "judged for it.",
    )
    _add_input(topics, "--outlines", "files of outlines, or of articles")
    _add_level(topics, "take the sections of all depths, those of the page, or the page alone")
    _add_text(topics)
    topics.add_argument(
        "--qrels",
        type=arguments.path,
        metavar="FILE",
        help="keep the topics that these TREC qrels judge; each of them must be in the outlines",
    )
    _add_output(topics, "TSV file to write; Pyserini wants a name that ends in .tsv")
    qrels = commands.add_parser(
        "qrels",
        help="qrels in TREC's format from articles",
        description="Write which paragraphs lie under which heading as TREC qrels, as TREC CAR's "
        "automatic judgements do.",
    )
    _add_input(qrels, "--pages", "files of articles")
    _add_level(
        qrels,
        "a paragraph is relevant for its own section, for the section of the page that it lies in, "
        "or for the page",
    )
    _add_output(qrels, "file to write")
    pairs = commands.add_parser(
        "pairs",
        help="training pairs of heading and paragraph from articles",
        description="Write a training record for every topic with paragraphs, as JSON lines that "
        "the trainer, mine_negatives and score take: query, query_id, and the paragraphs as "
        "positive_passages.",
    )
    _add_input(pairs, "--pages", "files of articles")
    _add_level(pairs, "which heading a paragraph is paired with; see qrels")
    _add_text(pairs)
    pairs.add_argument(
        "--ids",
        action="store_true",
        help="name paragraphs by id (positive_document_ids) instead of writing their texts; the "
        "trainer and mine_negatives then take the texts from --corpus",
    )
    _add_output(pairs, "JSONL file to write")
    args = parser.parse_args()

    def work() -> None:
        from llm_encoders.trec_car.job import write_pairs, write_qrels, write_topics

        if args.command == "topics":
            write_topics(
                args.outlines, args.output, args.level, args.text, args.qrels, args.overwrite
            )
        elif args.command == "qrels":
            write_qrels(args.pages, args.output, args.level, args.overwrite)
        else:
            write_pairs(args.pages, args.output, args.level, args.text, args.ids, args.overwrite)

    return run_command(work, resumable=False)


def _add_input(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    parser.add_argument(
        name, required=True, nargs="+", type=arguments.path, metavar="FILE", help=what
    )


def _add_level(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--level", choices=LEVELS, default=LEVELS[0], help=f"{what} (default: {LEVELS[0]})"
    )


def _add_text(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--text",
        choices=TEXTS,
        default=TEXTS[0],
        help="what a topic says: its path as Anserini's topics of TREC CAR have it, 'Page/Heading/"
        "Subheading'; or page name and headings, separated by spaces (default: path)",
    )


def _add_output(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--output", required=True, type=arguments.output, metavar="FILE", help=what)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the file when the new one is whole"
    )


if __name__ == "__main__":
    end_command(main)

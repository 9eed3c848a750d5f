"""Draw the terms of a document, beside those of a query, as a bar chart in SVG.

python reproductions/onboarding/terms.py > reproductions/onboarding/terms.svg
python reproductions/onboarding/terms.py --title TITLE --text TEXT --query QUERY > mine.svg
"""

import argparse
import sys
from dataclasses import dataclass
from html import escape

from llm_encoders import load_encoder

ENCODER = "llm-splade-tiny"

_SHOWN = 20
_ROW, _LEFT, _SCALE, _WIDTH = 18, 110, 2.4, 640
_WRITTEN, _ADDED, _ASKED = "#2b6cb0", "#dd8a2b", "#555555"


@dataclass(frozen=True)
class Texts:
    """What is drawn."""

    title: str = "Train timetable"
    text: str = (
        "Trains to the coast leave every hour from platform four; tickets are sold on board."
    )
    query: str = "railway to the beach"


@dataclass(frozen=True)
class Bar:
    """One term of the document."""

    term: str
    impact: int
    """Weight × 100, rounded, in the document."""
    query: int
    """The same in the query; 0 where it lacks the term."""
    written: bool
    """Whether it is a token of the document, in any spelling of its first letter."""


def bars(texts: Texts) -> list[Bar]:
    """The heaviest terms of the document, and all that the query shares with it."""
    encoder = load_encoder(ENCODER, device="cpu")
    (document,) = encoder.impacts(encoder.encode_documents([texts.text], [texts.title]))
    (query,) = encoder.impacts(encoder.encode_queries([texts.query]))
    (ids,) = encoder.document_token_ids([texts.text], [texts.title])
    written = {encoder.vocabulary[number].lower() for number in ids}
    ranked = sorted(document, key=lambda term: (-document[term], term))
    shown = [term for rank, term in enumerate(ranked) if rank < _SHOWN or term in query]
    return [
        Bar(term, document[term], query.get(term, 0), term.lower() in written) for term in shown
    ]


def draw(rows: list[Bar], texts: Texts) -> str:
    """The picture: a thick bar a term, and a thin one below it where the query has the term."""
    height = _ROW * (len(rows) + 3)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>Terms of “{escape(texts.title)}” in {ENCODER}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    legend = (
        (_WRITTEN, "document: token of its text"),
        (_ADDED, "document: added by the model"),
        (_ASKED, f"query “{texts.query}”"),
    )
    for place, (colour, meaning) in enumerate(legend):
        left = 10 + place * 200
        parts.append(f'<rect x="{left}" y="8" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + 18}" y="18">{escape(meaning)}</text>')
    for place, row in enumerate(rows):
        top = _ROW * (place + 2)
        colour = _WRITTEN if row.written else _ADDED
        width = f"{row.impact * _SCALE:.1f}"
        parts.append(
            f'<text x="{_LEFT - 6}" y="{top + 10}" text-anchor="end">{escape(row.term)}</text>'
        )
        parts.append(
            f'<rect x="{_LEFT}" y="{top}" width="{width}" height="9" fill="{colour}">'
            f"<title>{row.impact}</title></rect>"
        )
        if row.query:
            parts.append(
                f'<rect x="{_LEFT}" y="{top + 10}" width="{row.query * _SCALE:.1f}" height="4" '
                f'fill="{_ASKED}"><title>{row.query}</title></rect>'
            )
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Parse the command line and print the picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for key, default in vars(Texts()).items():
        parser.add_argument(f"--{key}", default=default, help=f"default: {default}")
    texts = Texts(**vars(parser.parse_args()))
    sys.stdout.write(draw(bars(texts), texts))


if __name__ == "__main__":
    main()

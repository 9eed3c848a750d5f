"""Articles and outlines of TREC CAR: section paths as topics, and which paragraphs they hold.

A topic's id is the path of ids from the page to the section, joined by ``/``, as TREC CAR writes it
in its qrels and topics, e.g. ``enwiki:Aftertaste/Temporal%20taste%20perception``.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from llm_encoders.corpora.document import CorpusError
from llm_encoders.corpora.records import id_problem
from llm_encoders.corpora.trec_car.records import Kind, records
from llm_encoders.corpora.trec_car.tools import parsed

_SITE = "enwiki:"
_SKELETON = 4
"""Fields of a page up to its sections; type and metadata follow."""


class Level(StrEnum):
    """For which topic a paragraph counts as relevant; TREC CAR has a file of qrels for each."""

    HIERARCHICAL = "hierarchical"
    """Its section, however deep."""
    TOPLEVEL = "toplevel"
    """The section of the page that it lies in."""
    ARTICLE = "article"
    """The page."""

    def cut(self, sections: tuple[Any, ...]) -> tuple[Any, ...]:
        """The part of a path of sections that a topic of the level has."""
        return sections[: {"hierarchical": None, "toplevel": 1, "article": 0}[self]]


class TopicText(StrEnum):
    """What a topic says."""

    PATH = "path"
    """Its id as Anserini's ``CarTopicReader`` shows it: without ``enwiki:``, URL-decoded."""
    HEADINGS = "headings"
    """The page's name and the headings, separated by spaces, as TREC CAR's own tool dumps it."""


class Topic(NamedTuple):
    """A section path, or the page alone."""

    page: str
    """Id of the page."""
    sections: tuple[str, ...]
    """Ids of the sections, from the page down."""
    headings: tuple[str, ...]
    """Name of the page and headings of the sections."""
    place: str
    """File and record, for errors."""

    @property
    def id(self) -> str:
        """As topics, qrels and runs have it."""
        return "/".join((self.page, *self.sections))

    def text(self, kind: TopicText) -> str:
        """What is searched for; runs of whitespace are one space.

        In ``path``, a percent sign that begins no escape stays as it is.
        """
        shown = self.id.removeprefix(_SITE)
        text = unquote_plus(shown) if kind == TopicText.PATH else " ".join(self.headings)
        return " ".join(text.split())


class Paragraph(NamedTuple):
    """A paragraph in its section."""

    topic: Topic
    id: str
    text: str


class Page:
    """A page of a file of articles or outlines."""

    def __init__(self, page: Any, place: str) -> None:
        self._page, self._place = page, place
        self.id: str = page.page_id

    def topics(self, level: Level) -> Iterator[Topic]:
        """The page itself, then the sections of the level, each before those it holds.

        Raises:
            CorpusError: an id that a run cannot hold.
        """
        seen = set()
        for sections, _ in _walk(self._page.skeleton, ()):
            topic = self._topic(level.cut(sections))
            if topic not in seen:
                seen.add(topic)
                yield topic

    def paragraphs(self, level: Level) -> Iterator[Paragraph]:
        """Every paragraph with its topic, in order; each once a topic.

        Images, lists and infoboxes have none: TREC CAR leaves them out of collection and qrels.

        Raises:
            CorpusError: as :meth:`topics`.
        """
        seen = set()
        for sections, paragraphs in _walk(self._page.skeleton, ()):
            topic = self._topic(level.cut(sections))
            for one in paragraphs:
                if (topic.id, one.para_id) in seen:
                    continue
                seen.add((topic.id, one.para_id))
                if problem := id_problem(one.para_id):
                    raise CorpusError(self._place, f"a paragraph's {problem}")
                yield Paragraph(topic, one.para_id, " ".join(one.get_text().split()))

    def _topic(self, sections: tuple[Any, ...]) -> Topic:
        ids = tuple(one.headingId for one in sections)
        headings = (self._page.page_name, *(one.heading for one in sections))
        if not all(isinstance(heading, str) for heading in headings):
            name = "/".join((self.id, *ids))
            raise CorpusError(self._place, f"the heading of '{name}' is not a text.")
        topic = Topic(self.id, ids, headings, self._place)
        if problem := id_problem(topic.id):
            raise CorpusError(self._place, f"a section's {problem}")
        return topic


def pages(path: Path, wanted: tuple[Kind, ...]) -> Iterator[Page]:
    """Every page of a file.

    Raises:
        EncoderError: the file holds something else, is damaged or is cut off; names the record.
    """
    for record in records(path, wanted):
        content = record.content[:_SKELETON] if isinstance(record.content, list) else None
        page, _ = parsed("Page", record, content)
        yield Page(page, record.place)


def _walk(
    skeleton: list[Any], above: tuple[Any, ...]
) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
    """A page or section, with the paragraphs that lie in it directly; then those below it."""
    from trec_car.read_data import Para, Section

    yield above, [child.paragraph for child in skeleton if isinstance(child, Para)]
    for child in skeleton:
        if isinstance(child, Section):
            yield from _walk(child.children, (*above, child))

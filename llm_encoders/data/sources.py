"""What is trained on: the user's files, and the examples and documents in them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from llm_encoders.corpora import document_files
from llm_encoders.corpora.beir import BeirFolder, Query, is_beir
from llm_encoders.corpora.huggingface import is_dataset, local_files
from llm_encoders.corpora.rows import Row, row_files, rows
from llm_encoders.data.columns import columns_example, is_header, require_examples, require_texts
from llm_encoders.data.example import Example, Inline, TrainingDataError, require_whole
from llm_encoders.data.faults import LeftOut
from llm_encoders.data.layouts import example
from llm_encoders.data.passages import Passages
from llm_encoders.jobs.fingerprint import file_fingerprints

_MOST_KEYS = 20


@dataclass(frozen=True)
class DataSources:
    """What is trained on."""

    train: str
    """Queries with their passages: files, ``hf:…``, or a folder in BEIR layout."""
    corpus: str | None = None
    """Passages that ``train`` names by id; a BEIR folder brings its own."""
    split: str = "train"
    """Which qrels of a BEIR folder."""
    on_error: str = "stop"
    """Faulty documents of the corpus ``stop`` the preparation, or are left out: ``skip``."""

    @property
    def corpus_name(self) -> str | None:
        """The corpus that is named, or the BEIR folder's own."""
        return self.corpus or (self.train if is_beir(self.train) else None)

    @property
    def queries_are_documents(self) -> bool:
        """Whether the passage with a query's id is the query itself, as BEIR has it.

        Elsewhere, as in MS MARCO, queries and passages are numbered apart.
        """
        return is_beir(self.train) or (self.corpus is not None and is_beir(self.corpus))


def skipped_of(output: Path) -> Path:
    """The file beside an output that lists the faulty documents that were skipped."""
    return output.with_name(f"{output.name}.skipped.txt")


def source_files(sources: DataSources) -> dict[str, str]:
    """Size and time of modification of every local file.

    Raises:
        EncoderError: one of them holds, by its name, something else.
    """
    train = sources.train
    if is_beir(train):
        folder = BeirFolder(Path(train))
        paths = [folder.queries_file, folder.qrels_file(sources.split)]
    else:
        paths = _local(train, rows_only=True)
        require_examples(paths)
    if sources.corpus_name is not None:
        paths += _local(sources.corpus_name)
    return file_fingerprints(paths)


def corpus_files(corpus: str) -> dict[str, str]:
    """As :func:`source_files`, of a corpus alone."""
    return file_fingerprints(_local(corpus))


def _local(name: str, rows_only: bool = False) -> list[Path]:
    if not Path(name).exists():  # hf:…, or nothing at all, of which reading tells
        return []
    if not is_beir(name) and is_dataset(name):
        return local_files(name)
    return row_files(name) if rows_only else document_files(name)


def examples(
    sources: DataSources, passages: Passages | None, left_out: LeftOut
) -> Iterator[tuple[str, Example]]:
    """Place (file and line) and example of every record.

    Args:
        sources: the user's files.
        passages: the corpus, where there is one.
        left_out: what was left out of the corpus; takes judgements of that.

    Raises:
        EncoderError: a record that cannot be trained on; names file and line.
    """
    if is_beir(sources.train):
        assert passages is not None
        yield from _judged(BeirFolder(Path(sources.train)), sources.split, passages, left_out)
        return
    for file, records in groupby(rows(sources.train), lambda row: row[0].rpartition(", ")[0]):
        unused: Counter[str] = Counter()
        for place, one in require_texts(_examples(records, sources.corpus is not None)):
            unused.update(one.unused)
            yield place, one
        if unused:
            print(f"{file}: keys that are not used: {_listed(unused)}.")


def _examples(
    records: Iterable[tuple[str, Row]], has_corpus: bool
) -> Iterator[tuple[str, Row, Example]]:
    """Place, record and example of every record of a file but headers."""
    for number, (place, record) in enumerate(records):
        if isinstance(record, dict):
            one = example(record, place)
        elif is_header(record, place, first=number == 0):
            print(f"{place}: a header, which is left out.")
            continue
        else:
            one = columns_example(record, place, has_corpus)
        require_whole(one, place)
        yield place, record, one


def _listed(unused: Counter[str]) -> str:
    shown = [f"{key} ({count:,} records)" for key, count in unused.most_common(_MOST_KEYS)]
    more = [f"{len(unused) - len(shown):,} more"] if len(unused) > len(shown) else []
    return ", ".join([*shown, *more])


def _judged(
    folder: BeirFolder, split: str, passages: Passages, left_out: LeftOut
) -> Iterator[tuple[str, Example]]:
    """Judged queries with their relevant passages; faults name a line of qrels or queries."""
    queries: dict[str, Query] = {query.id: query for query in folder.queries()}
    for query, docid, grade, place in folder.judgements(split):
        if grade > 0 and query not in queries:
            raise TrainingDataError(place, f"the query '{query}' is not in {folder.queries_file}.")
        if grade > 0 and passages.row(docid) is None and docid not in left_out.ids:
            raise TrainingDataError(place, f"the passage '{docid}' is not in the corpus.")
    grades = folder.qrels(split)
    for name, text, place in queries.values():
        judged = grades.get(name, {})
        relevant: list[str | Inline] = [docid for docid, grade in judged.items() if grade > 0]
        if relevant and not text.strip():
            raise TrainingDataError(place, "the query is empty.")
        if relevant:
            yield place, Example(text, relevant, [], id=name)

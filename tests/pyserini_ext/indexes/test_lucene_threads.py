"""Documents that several threads add: none gets another's fields."""

import sys

import pytest

from pyserini_ext.indexes.lucene import DELIMITER, LuceneImpactWriter

DOCUMENTS, THREADS = 4000, 4


@pytest.fixture
def often_switched():
    """Threads give way as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def stored(folder):
    """Of every document: its id, the id that breaks ties, and its only term."""
    from pyserini.pyclass import autoclass

    file = autoclass("java.io.File")(str(folder))
    directory = autoclass("org.apache.lucene.store.FSDirectory").open(file.toPath())
    reader = autoclass("org.apache.lucene.index.DirectoryReader").open(directory)
    found = []
    for number in range(reader.leaves().size()):
        leaf = reader.leaves().get(number).reader()
        ties = leaf.getBinaryDocValues("id")
        fields = leaf.storedFields()
        terms = {}
        entries = leaf.terms("contents").iterator()
        while (term := entries.next()) is not None:
            word, postings = term.utf8ToString(), entries.postings(None)
            terms[postings.nextDoc()] = word
        for document in range(leaf.maxDoc()):
            assert ties.advanceExact(document)
            tie = ties.binaryValue().utf8ToString()
            found.append((fields.document(document).get("id"), tie, terms[document]))
    reader.close()
    return found


def test_every_document_keeps_its_own_fields(tmp_path, often_switched):
    for turn in range(5):  # the fields are made anew for every slice
        ids = [f"{turn}-{number}" for number in range(DOCUMENTS)]
        with LuceneImpactWriter(tmp_path / "index", THREADS) as writer:
            for start in range(0, DOCUMENTS, 200):
                part = ids[start : start + 200]
                writer.add_words((docid, f"t{docid}{DELIMITER}3") for docid in part)
            writer.commit({})
    found = stored(tmp_path / "index")
    assert len(found) == 5 * DOCUMENTS
    assert [one for one in found if one[1:] != (one[0], f"t{one[0]}")] == []

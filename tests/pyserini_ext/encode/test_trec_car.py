"""A TREC CAR corpus is entered in the middle, as after a stop."""

import pytest

from llm_encoders.corpora import open_corpus
from pyserini_ext.encode.scan import scan_corpus
from tests import trec_car as car


@pytest.mark.parametrize("suffix", ["", ".xz"])
def test_the_corpus_scan_leads_into_the_middle(tmp_path, suffix):
    numbers = [n % 20 for n in range(23)]  # three ids come twice
    paragraphs = [car.paragraph(f"{n:040x}", f"Paragraph {n}") for n in numbers]
    path = car.write(tmp_path / f"p.cbor{suffix}", car.PARAGRAPHS, paragraphs)
    corpus, faults = open_corpus(str(path)), []
    scan = scan_corpus(corpus, 6, faults.append)
    whole = list(scan.documents_from(corpus, 0))
    assert [one.text for one in whole] == [f"Paragraph {n}" for n in range(20)]
    assert len(scan.entries) == 4 and [str(one).split(" (")[0] for one in faults] == [
        f"{path}, record {n}" for n in (21, 22, 23)
    ]
    for first in range(0, 20, 6):
        assert list(scan.documents_from(corpus, first)) == whole[first:]

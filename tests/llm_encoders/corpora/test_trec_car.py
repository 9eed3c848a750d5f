"""TREC CAR paragraphs as a corpus, against trec-car-tools; and files that are not whole."""

from trec_car import read_data

from llm_encoders.corpora import open_corpus
from tests import trec_car as car

PARAGRAPHS = [
    car.paragraph("a" * 40, "Water boils at ", car.link("100 °C", "Celsius", "Use"), "."),
    car.paragraph("b" * 40, "Über ", car.link("Eis", "Eis")),
    car.paragraph("c" * 40, "x" * 300),
    car.paragraph("d" * 40, "y" * 70_000),
]


def read(path, *start):
    faults = []
    found = list(open_corpus(str(path)).documents(faults.append, *start))
    return found, [str(fault) for fault in faults]


def test_paragraphs_are_those_that_trec_car_tools_reads(tmp_path):
    path = car.write(tmp_path / "p.cbor", car.PARAGRAPHS, PARAGRAPHS)
    with path.open("rb") as stream:
        wanted = [(one.para_id, one.get_text()) for one in read_data.iter_paragraphs(stream)]
    found, faults = read(path)
    assert faults == [] and len(wanted) == 4
    assert [(one.id, one.text) for _, one in found] == wanted
    assert found[0][1].text == "Water boils at 100 °C." and found[0][1].title is None

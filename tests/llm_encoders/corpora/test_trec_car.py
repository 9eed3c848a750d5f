"""TREC CAR paragraphs as a corpus, against trec-car-tools; and files that are not whole."""

import gzip
import lzma
import random
import tracemalloc

import cbor
import pytest
from trec_car import read_data

from llm_encoders import EncoderError, UsageError
from llm_encoders.corpora import Position, open_corpus
from llm_encoders.corpora.rows import rows
from llm_encoders.corpora.trec_car import records
from tests import trec_car as car

PARAGRAPHS = [
    car.paragraph("a" * 40, "Water boils at ", car.link("100 °C", "Celsius", "Use"), "."),
    car.paragraph("b" * 40, "Über ", car.link("Eis", "Eis")),
    car.paragraph("c" * 40, "x" * 300),
    car.paragraph("d" * 40, "y" * 70_000),
    car.paragraph("e" * 40, "last"),
]
PAGE = car.page("Water", "enwiki:Water", car.section("Ice", "Ice", car.para("a" * 40, "Cold.")))
OUTLINE = car.page("Water", "enwiki:Water", car.section("Ice", "Ice"))


def read(path, *start, **options):
    faults = []
    found = list(open_corpus(str(path), **options).documents(faults.append, *start))
    return found, [str(fault) for fault in faults]


def wanted(path):
    with path.open("rb") as stream:
        return [(one.para_id, one.get_text()) for one in read_data.iter_paragraphs(stream)]


@pytest.fixture
def small_reads(monkeypatch):
    monkeypatch.setattr(records, "_CHUNK", 50)


@pytest.mark.parametrize("kind", [car.PARAGRAPHS, None], ids=["header", "release-1.5"])
def test_paragraphs_are_those_that_trec_car_tools_reads(tmp_path, kind, small_reads):
    path = car.write(tmp_path / "p.cbor", kind, PARAGRAPHS)
    found, faults = read(path)
    assert faults == [] and len(found) == 5
    assert [(one.id, one.text) for _, one in found] == wanted(path)
    assert found[0][1].text == found[0][1].contents == "Water boils at 100 °C."
    assert found[0][1].title is None
    first = len(car.header(2)) + 1 if kind == car.PARAGRAPHS else 0
    assert found[1][0] == Position(0, 2, first + len(PARAGRAPHS[0]))
    assert found[1][1].place == f"{path}, record 2 (byte {first + len(PARAGRAPHS[0]):,})"


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
@pytest.mark.parametrize("kind", [car.PARAGRAPHS, None], ids=["header", "release-1.5"])
def test_every_position_can_be_entered(tmp_path, suffix, kind, small_reads):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("a", "b"):
        paragraphs = [one.replace(b"d" * 40, name.encode() * 40) for one in PARAGRAPHS]
        car.write(folder / f"{name}.cbor{suffix}", kind, paragraphs)
    (folder / "README.mkd").touch()
    (folder / "LICENSE").touch()
    found, _ = read(folder)
    assert len(found) == 10 and found[5][0].file == 1
    assert open_corpus(str(folder)).seekable == (suffix == "")
    for number, (position, _) in enumerate(found):
        assert read(folder, position)[0] == found[number:]


def test_a_record_that_is_no_paragraph_is_a_fault_of_its_own(tmp_path):
    broken = [
        car.record(cbor.dumps(1), cbor.dumps(b"id"), car.listing([])),
        car.record(cbor.dumps(0), cbor.dumps("text"), car.listing([])),
        car.record(cbor.dumps(0), cbor.dumps(b"id"), car.listing([car.text("x")[:-2] + b"\x01"])),
        car.paragraph("empty", " "),
        car.paragraph("an id", "x"),
        cbor.dumps("no record"),
        PAGE,
    ]
    path = car.write(tmp_path / "p.cbor", car.PARAGRAPHS, [PARAGRAPHS[0], *broken, PARAGRAPHS[1]])
    found, faults = read(path)
    assert [one.id[0] for _, one in found] == ["a", "b"]
    assert [position.line for position, _ in found] == [1, 9]
    begins = len(car.header(2)) + 1 + len(PARAGRAPHS[0])
    for number, (fault, record) in enumerate(zip(faults, broken, strict=True), start=2):
        assert fault.startswith(f"{path}, record {number} (byte {begins:,}): ")
        begins += len(record)
    assert "no paragraph (" in faults[0] and "document 'empty' has an empty text" in faults[3]
    assert "whitespace" in faults[4]


@pytest.mark.parametrize("end", [1, 5, 30, -2, -1])
@pytest.mark.parametrize("pack", ["", ".gz", ".xz"])
def test_a_file_that_is_cut_off_is_told(tmp_path, end, pack):
    whole = car.header(2) + car.listing(PARAGRAPHS)
    cut = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[pack](whole[:end])
    path = tmp_path / f"p.cbor{pack}"
    path.write_bytes(cut)
    length = end if end > 0 else len(whole) + end
    with pytest.raises(EncoderError, match=f"the file ends at byte {length:,}, .*cut off"):
        read(path)
    if pack:
        path.write_bytes({".gz": gzip.compress, ".xz": lzma.compress}[pack](whole)[:-9])
        kind = {".gz": "gzip", ".xz": "xz"}[pack]
        with pytest.raises(EncoderError, match=f"p.cbor{pack}: broken {kind} file"):
            read(path)


def test_no_cut_of_a_file_is_taken_for_the_whole(tmp_path):
    whole = car.header(2) + car.listing(PARAGRAPHS[:2])
    path = tmp_path / "p.cbor"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(EncoderError, match="cut off|is empty"):
            read(path)
    path.write_bytes(whole)
    assert len(read(path)[0]) == 2


def test_damage_anywhere_ends_in_a_sentence(tmp_path):
    whole = car.header(2) + car.listing(PARAGRAPHS[:3])
    path, draw = tmp_path / "p.cbor", random.Random(7)
    told = 0
    for _ in range(600):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] = draw.randrange(256)
        path.write_bytes(damaged)
        try:
            _, faults = read(path)
        except EncoderError as error:
            assert str(path) in str(error) and "byte " in str(error)
            told += 1
        else:
            assert all("record " in fault for fault in faults)
    assert told > 100


WRONG = [
    (car.header(1) + car.listing([OUTLINE]), "a file of outlines, by its header; expected para"),
    (car.header(0) + car.listing([PAGE]), "a file of articles, by its header; expected para"),
    (PAGE, "a file of articles, by its first record; expected paragraphs"),
    (b"", "is empty"),
    (b'{"id": "1", "text": "JSON"}\n' * 20, "claims to be over 64 MiB"),
    (b"<html>" * 20, "not CBOR at byte 0.*0x3c begins no item"),
    (cbor.dumps({"id": 1}), "byte 0 begins neither the header of a TREC CAR file nor a record"),
    (cbor.dumps(["id", ["text"]]), "byte 0 begins neither"),
    (cbor.dumps(["CAR", 2, []]), "the header at byte 0 is not of a known version"),
    (cbor.dumps(["CAR", [3], []]), "the header at byte 0 is not of a known version"),
    (cbor.dumps([b"CAR", [2], []]), "the header at byte 0 is not of a known version"),
    (car.header(2) + b"".join(PARAGRAPHS), r"no list of records follows the header, at byte \d+"),
    ((car.header(2) + car.listing(PARAGRAPHS[:1])) * 2, r"before byte \d+, but more bytes follow"),
]


@pytest.mark.parametrize(("content", "sentence"), WRONG)
def test_files_of_another_kind(tmp_path, content, sentence):
    path = tmp_path / "p.cbor"
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=sentence) as error:
        read(path)
    assert str(path) in str(error.value) and error.value.exit_code == 1


def test_folders_of_other_files_and_training_data(tmp_path):
    car.write(tmp_path / "test.pages.cbor-paragraphs.cbor", car.PARAGRAPHS, PARAGRAPHS)
    (tmp_path / "test.pages.cbor-hierarchical.qrels").write_text("t 0 d 1\n")
    with pytest.raises(EncoderError, match="holds both .*cbor-paragraphs.cbor and .*qrels"):
        open_corpus(str(tmp_path))
    with pytest.raises(UsageError, match="make training pairs"):
        next(rows(str(tmp_path / "test.pages.cbor-paragraphs.cbor")))


@pytest.mark.parametrize("name", ["paragraphCorpus.v2.0.tar.xz", "c.tar", "c.tgz", "c.zip"])
def test_archives_are_to_be_unpacked(tmp_path, name):
    (tmp_path / name).write_bytes(lzma.compress(b"ustar"))
    with pytest.raises(EncoderError, match="is an archive; unpack it"):
        read(tmp_path / name)


def test_names_of_release_1_5(tmp_path):
    path = car.write(tmp_path / "train.test200.cbor.paragraphs", None, PARAGRAPHS)
    assert len(read(path)[0]) == 5


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for count in (2_000, 20_000):
        paragraphs = (car.paragraph(f"{n:040x}", f"Text {n}. " * 20) for n in range(count))
        path = car.write(tmp_path / f"{count}.cbor", car.PARAGRAPHS, list(paragraphs))
        documents = open_corpus(str(path)).documents(lambda fault: pytest.fail(str(fault)))
        tracemalloc.start()
        assert sum(1 for _ in documents) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2**21 < 2**23, peaks


def test_other_corpora_need_no_trec_car_tools(python, tmp_path):
    (tmp_path / "c.jsonl").write_text('{"id": "1", "text": "x"}\n')
    car.write(tmp_path / "p.cbor", car.PARAGRAPHS, PARAGRAPHS)
    code = f"""
import sys
sys.modules["trec_car"] = sys.modules["cbor"] = None
from llm_encoders.corpora import open_corpus
from llm_encoders.trec_car import job
assert len(list(open_corpus({str(tmp_path / "c.jsonl")!r}).documents(print))) == 1
list(open_corpus({str(tmp_path / "p.cbor")!r}).documents(print))
"""
    found = python("-c", code, code=1)
    assert "TREC CAR files need trec-car-tools, which is not installed" in found.stderr

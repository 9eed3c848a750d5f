"""Topics, qrels and training pairs of TREC CAR, against trec-car-tools and counted by hand."""

import json
import sys

import pytest
from trec_car import read_data

from llm_encoders.data.prepare import prepare
from llm_encoders.data.sources import DataSources
from llm_encoders.trec_car.__main__ import main
from tests import trec_car as car


def para(number, *bodies):
    return car.para(f"{number:040x}", *bodies)


TWICE = para(5, "In games.")
ARTICLES = [
    car.page(
        "C++",
        "enwiki:C++",
        para(1, "A ", car.link("language", "Programming language"), "."),
        car.section(
            "50% faster",
            "50%%20faster",
            para(2, "Much."),
            car.section("Early years", "Early%20years", para(3, "1979."), para(4, "1983.")),
        ),
        car.section(
            "Use",
            "Use",
            car.image("x.png", para(9, "A caption.")),
            car.item(1, f"{10:040x}", "A list."),
            car.infobox("Box", "key", para(11, "A value.")),
            TWICE,
            TWICE,
        ),
    ),
    car.page(
        "Über Eis",
        "enwiki:%C3%9Cber%20Eis",
        car.section("Arten", "Arten", car.section("Speise\teis", "Speise%09eis", para(4, "1983."))),
    ),
]
OUTLINES = [
    car.page(
        "C++",
        "enwiki:C++",
        car.section("50% faster", "50%%20faster", car.section("Early years", "Early%20years")),
        car.section("Use", "Use"),
    ),
    car.page(
        "Über Eis",
        "enwiki:%C3%9Cber%20Eis",
        car.section("Arten", "Arten", car.section("Speise\teis", "Speise%09eis")),
    ),
]
CPP, ICE = "enwiki:C++", "enwiki:%C3%9Cber%20Eis"
JUDGED = {
    "hierarchical": [
        (CPP, 1),
        (f"{CPP}/50%%20faster", 2),
        (f"{CPP}/50%%20faster/Early%20years", 3),
        (f"{CPP}/50%%20faster/Early%20years", 4),
        (f"{CPP}/Use", 5),
        (f"{ICE}/Arten/Speise%09eis", 4),
    ],
    "toplevel": [
        (CPP, 1),
        (f"{CPP}/50%%20faster", 2),
        (f"{CPP}/50%%20faster", 3),
        (f"{CPP}/50%%20faster", 4),
        (f"{CPP}/Use", 5),
        (f"{ICE}/Arten", 4),
    ],
    "article": [*((CPP, n) for n in range(1, 6)), (ICE, 4)],
}


@pytest.fixture
def articles(tmp_path):
    return car.write(tmp_path / "test.pages.cbor", car.PAGES, ARTICLES)


@pytest.fixture
def outlines(tmp_path):
    return car.write(tmp_path / "test.pages.cbor-outlines.cbor.xz", car.OUTLINES, OUTLINES)


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["trec_car", *map(str, words)])
        try:
            code = main()
        except SystemExit as error:
            code = error.code
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("level", JUDGED)
def test_qrels(command, articles, tmp_path, level):
    output = tmp_path / "new" / "folder" / "qrels.txt"
    code, said = command("qrels", "--pages", articles, "--level", level, "--output", output)
    assert code == 0 and f"6 judgements of {len(dict(JUDGED[level]))} topics ({level})." in said
    assert lines(output) == [f"{topic} 0 {n:040x} 1" for topic, n in JUDGED[level]]


def test_qrels_are_sorted_and_empty_paragraphs_train_nothing(command, tmp_path):
    """An empty paragraph lies under its heading, but there is nothing to learn from it."""
    page = car.page("P", "P", para(7, "x"), car.section("A", "A", para(9, " "), para(8, "y")))
    articles = car.write(tmp_path / "test.pages.cbor", car.PAGES, [page])
    output, pairs = tmp_path / "qrels.txt", tmp_path / "pairs.jsonl"
    assert command("qrels", "--pages", articles, "--output", output)[0] == 0
    assert lines(output) == [f"{t} 0 {n:040x} 1" for t, n in (("P", 7), ("P/A", 8), ("P/A", 9))]
    code, said = command("pairs", "--pages", articles, "--output", pairs)
    assert code == 0 and "2 queries with 2 paragraphs (hierarchical); 1 empty para" in said
    found = [json.loads(line)["positive_passages"] for line in lines(pairs)]
    assert found == [
        [{"docid": f"{7:040x}", "text": "x"}],
        [{"docid": f"{8:040x}", "text": "y"}],
    ]


def test_topics_of_each_level(command, outlines, tmp_path):
    found = {}
    for level in JUDGED:
        output = tmp_path / f"{level}.tsv"
        assert (
            command("topics", "--outlines", outlines, "--level", level, "--output", output)[0] == 0
        )
        found[level] = [line.split("\t") for line in lines(output)]
    assert found["hierarchical"] == [
        [CPP, "C"],  # as java.net.URLDecoder, with which Anserini reads them
        [f"{CPP}/50%%20faster", "C /50% faster"],
        [f"{CPP}/50%%20faster/Early%20years", "C /50% faster/Early years"],
        [f"{CPP}/Use", "C /Use"],
        [ICE, "Über Eis"],
        [f"{ICE}/Arten", "Über Eis/Arten"],
        [f"{ICE}/Arten/Speise%09eis", "Über Eis/Arten/Speise eis"],
    ]
    deep = [topic for topic in found["hierarchical"] if topic[0].count("/") < 2]
    assert found["toplevel"] == deep
    assert found["article"] == [[CPP, "C"], [ICE, "Über Eis"]]


def test_every_judged_topic_is_there_and_others_can_be_left_out(
    command, outlines, articles, tmp_path
):
    for level, judged in JUDGED.items():
        qrels, output = tmp_path / f"{level}.txt", tmp_path / f"{level}.tsv"
        assert command("qrels", "--pages", articles, "--level", level, "--output", qrels)[0] == 0
        options = ["--level", level, "--qrels", qrels, "--output", output]
        assert command("topics", "--outlines", outlines, *options)[0] == 0
        assert [line.split("\t")[0] for line in lines(output)] == list(dict(judged))
    options = ["--qrels", tmp_path / "hierarchical.txt", "--level", "article"]
    code, said = command(
        "topics", "--outlines", outlines, *options, "--output", output, "--overwrite"
    )
    assert code == 1 and "4 of 5 judged topics are not in" in said
    assert len(lines(output)) == 2


def test_headings_are_those_of_trec_car_tools(command, articles, tmp_path):
    output = tmp_path / "topics.tsv"
    options = ["--text", "headings", "--output", output]
    assert command("topics", "--outlines", articles, *options)[0] == 0
    wanted = []
    with articles.open("rb") as stream:
        for page in read_data.iter_pages(stream):
            wanted.append((page.page_id, page.page_name))
            for path in page.flat_headings_list():
                name = "/".join([page.page_id, *(one.headingId for one in path)])
                text = " ".join([page.page_name, *(one.heading for one in path)])
                wanted.append((name, text.replace("\t", " ")))
    assert [tuple(line.split("\t")) for line in lines(output)] == wanted and len(wanted) == 7


def test_pairs_are_what_the_trainer_takes(command, articles, tmp_path):
    output = tmp_path / "pairs.jsonl"
    options = ["--text", "headings", "--output", output]
    code, said = command("pairs", "--pages", articles, *options)
    assert code == 0 and "5 queries with 6 paragraphs (hierarchical)." in said
    texts = {1: "A language.", 2: "Much.", 3: "1979.", 4: "1983.", 5: "In games."}
    found = {}
    for line in lines(output):
        record = json.loads(line)
        assert record["negative_passages"] == []
        found[record["query_id"]] = record
    for topic, number in JUDGED["hierarchical"]:
        passage = {"docid": f"{number:040x}", "text": texts[number]}
        assert passage in found[topic]["positive_passages"]
    assert found[f"{CPP}/Use"]["query"] == "C++ Use"
    data = prepare(DataSources(str(output)), tmp_path / "prepared")
    assert len(data.queries) == 5 and len(data.passages) == 5
    assert [len(data.queries[n]["positives"]) for n in range(5)] == [1, 1, 2, 1, 1]


def test_pairs_by_id_take_their_texts_from_the_corpus(command, articles, tmp_path):
    output = tmp_path / "pairs.jsonl"
    options = ["--level", "article", "--ids", "--output", output]
    assert command("pairs", "--pages", articles, *options)[0] == 0
    paragraphs = [car.paragraph(f"{n:040x}", f"Text {n}") for n in range(1, 8)]
    corpus = car.write(tmp_path / "p.cbor", car.PARAGRAPHS, [*paragraphs, car.paragraph("empty")])
    sources = DataSources(str(output), str(corpus), on_error="skip")
    data = prepare(sources, tmp_path / "prepared")
    cpp, ice = (data.queries[n] for n in range(2))
    assert (cpp["query"], ice["query"]) == ("C", "Über Eis")
    assert data.passages.texts(cpp["positives"])[0] == [f"Text {n}" for n in range(1, 6)]
    assert data.passages.texts(ice["positives"])[0] == ["Text 4"]


FAULTS = [
    (["qrels", "--pages", "OUTLINES"], "a file of outlines, by its header; expected articles"),
    (["pairs", "--pages", "BARE"], "no page holds a paragraph; outlines have none"),
    (["topics", "--outlines", "PARAGRAPHS"], "a file of paragraphs, by its header; expected outl"),
    (["topics", "--outlines", "ABSENT"], "absent.cbor does not exist."),
    (["topics", "--outlines", "FOLDER"], "is a folder; name its files."),
    (["topics", "--outlines", "OUTLINES", "--qrels", "ABSENT"], "absent.cbor does not exist."),
    (["topics", "--outlines", "OUTLINES", "ARTICLES"], "the page 'enwiki:C++' was given before"),
    (["qrels", "--pages", "CUT"], "the file ends at byte"),
    (["qrels", "--pages", "SPACE"], "record 1 (byte "),
    (["qrels", "--pages", "NUMBER"], "record 1 (byte "),
    (["topics", "--outlines", "SAME", "--text", "headings"], "two sections have the id 'AC/DC'"),
    (["topics", "--outlines", "OUTLINES", "--qrels", "RUN"], "line 1: expected topic, 0, document"),
]


@pytest.mark.parametrize(("words", "sentence"), FAULTS)
def test_faults_leave_nothing(command, articles, outlines, tmp_path, words, sentence):
    whole = articles.read_bytes()
    same = [car.page("AC", "AC", car.section("DC", "DC")), car.page("AC/DC", "AC/DC")]
    spaced = car.page("P", "P", car.section("a b", "a b", para(1, "x")))
    number = car.page("P", "P", para(1, "x")).replace(b"\x61P", b"\x01", 1)
    files = {
        "OUTLINES": outlines,
        "ARTICLES": articles,
        "ABSENT": tmp_path / "absent.cbor",
        "FOLDER": tmp_path,
        "BARE": car.write(tmp_path / "bare.cbor", None, OUTLINES),
        "PARAGRAPHS": car.write(tmp_path / "p.cbor", car.PARAGRAPHS, [car.paragraph("1", "x")]),
        "SPACE": car.write(tmp_path / "space.cbor", car.PAGES, [spaced]),
        "NUMBER": car.write(tmp_path / "number.cbor", car.PAGES, [number]),
        "SAME": car.write(tmp_path / "same.cbor", car.OUTLINES, same),
        "CUT": tmp_path / "cut.cbor",
        "RUN": tmp_path / "run.txt",
    }
    files["CUT"].write_bytes(whole[:-20])
    files["RUN"].write_text("topic Q0 doc 1 2.5 tag\n")
    output = tmp_path / "output.tsv"
    code, said = command(*(files.get(word, word) for word in words), "--output", output)
    assert code == 1 and sentence in said and "fault of the program" not in said
    assert not output.exists() and not list(tmp_path.glob(".output*"))


def test_the_same_id_twice_is_one_topic_where_its_text_is_the_id(command, tmp_path):
    same = [car.page("AC", "AC", car.section("DC", "DC")), car.page("AC/DC", "AC/DC")]
    path = car.write(tmp_path / "same.cbor", car.OUTLINES, same)
    output = tmp_path / "topics.tsv"
    assert command("topics", "--outlines", path, "--output", output)[0] == 0
    assert lines(output) == ["AC\tAC", "AC/DC\tAC/DC"]


def test_wrong_usage(command, outlines, tmp_path):
    output = tmp_path / "topics.tsv"
    words = ["topics", "--outlines", outlines, "--output"]
    assert command(*words, tmp_path / "topics.trec") == (
        2,
        f"error: '{tmp_path}/topics.trec': Pyserini tells the format of topics by the name; end it "
        "in .tsv.\n",
    )
    output.write_text("old\n")
    code, said = command(*words, output)
    assert code == 2 and "exists; name another file, or add --overwrite" in said
    assert output.read_text() == "old\n"
    assert command(*words, output, "--overwrite")[0] == 0 and len(lines(output)) == 7
    assert command("topics", "--output", output)[0] == 2 and command()[0] == 2

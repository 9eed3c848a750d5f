"""The page on TREC CAR: its commands on a small benchmark in the same format."""

import re
import shlex
import string
import subprocess

import pytest

from llm_encoders.train.recipe.file import load_recipe
from pyserini_ext.commands import read_run, trec_eval_figures
from tests import trec_car as car
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "reproductions" / "trec-car.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
BENCHMARK = "benchmarkY1/benchmarkY1-{split}/{split}.pages.cbor"
SENTENCES = {
    "Volcano": {
        "Eruption": "An eruption throws ash and gas high into the air.",
        "Lava flow": "Lava flows down the slope and cools to rock.",
    },
    "Coffee": {
        "Roasting": "Beans are roasted until they crack and turn brown.",
        "Brewing": "Hot water is poured over ground coffee.",
    },
    "Whale": {"Song": "Male whales sing long songs in the breeding season."},
}
SOURCES = 4


def unpack(folder):
    """A small benchmark as the archives unpack; which paragraphs are relevant for which topic."""
    articles, outlines, paragraphs, relevant = [], [], [], {}

    def paragraph(topic, *bodies):
        docid = f"{len(paragraphs):040x}"
        paragraphs.append(car.paragraph(docid, *bodies))
        relevant.setdefault(topic, set()).add(docid)
        return car.para(docid, *bodies)

    for title, sections in SENTENCES.items():
        page, children, stubs = f"enwiki:{title}", [], []
        lead = paragraph(page, f"This article is about the {title.lower()}.")
        for heading, sentence in sections.items():
            name = heading.replace(" ", "%20")
            found = [
                paragraph(
                    f"{page}/{name}", sentence, f" Says source {n} on ", car.link(title, title)
                )
                for n in range(SOURCES)
            ]
            children.append(car.section(heading, name, *found))
            stubs.append(car.section(heading, name))
        stubs.append(car.section("Nothing", "Nothing"))
        articles.append(car.page(title, page, lead, *children))
        outlines.append(car.page(title, page, *stubs))
    for split in ("test", "train"):
        path = folder / BENCHMARK.format(split=split)
        path.parent.mkdir(parents=True)
        car.write(path, car.PAGES, articles)
        car.write(path.with_name(f"{path.name}-outlines.cbor"), car.OUTLINES, outlines)
        judged = [f"{topic} 0 {one} 1\n" for topic, found in relevant.items() for one in found]
        path.with_name(f"{path.name}-hierarchical.qrels").write_text("".join(judged))
    corpus = folder / "paragraphCorpus"
    corpus.mkdir()
    empty = car.paragraph("f" * 40)
    car.write(corpus / "dedup.articles-paragraphs.cbor", car.PARAGRAPHS, [*paragraphs, empty])
    (corpus / "README.mkd").touch()
    return relevant


def commands():
    """Every command of the page after the downloads, with variables and the loop in their place."""
    text = "".join(BLOCKS[1:]).replace("\\\n", " ")
    values, loop = {"ENCODER": "llm-splade-tiny"}, [""]
    for line in text.splitlines():
        if found := re.fullmatch(r"for level in (.*); do", line):
            loop = found[1].split()
        elif line == "done":
            loop = [""]
        elif found := re.fullmatch(r"([A-Z]+)=(.*)", line):
            values.setdefault(found[1], found[2])
        else:
            for level in loop:
                yield string.Template(line.strip()).substitute(values, level=level)


@pytest.mark.parametrize("block", BLOCKS)
def test_blocks_are_bash(block):
    subprocess.run(["bash", "-n"], input=block, text=True, check=True)


def test_training_takes_the_recipe_and_keys():
    (words,) = [shlex.split(one) for one in commands() if one.startswith("torchrun")]
    recipe, *keys = words[words.index("llm_encoders.train") + 1 :]
    data = load_recipe(REPOSITORY / recipe, keys).data
    assert (data.train, data.corpus) == ("negatives.jsonl", "paragraphCorpus")
    assert data.on_error == "skip"


@pytest.mark.slow
def test_from_files_to_trec_eval_and_training_records(warm_python, tmp_path, monkeypatch):
    relevant = unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    said = {}
    for command in commands():
        if command.startswith("diff "):
            subprocess.run(["bash", "-c", command], check=True)
        elif not command.startswith("torchrun "):
            python, option, module, *words = shlex.split(command)
            assert python == "python"
            if module.endswith("mine_negatives"):  # BM25 starts Java, for half a minute
                words += ["--method", "llm-splade-tiny", "--negatives", "2"]
            said[module] = warm_python(option, module, *words).stdout
    lines = (tmp_path / "topics.hierarchical.tsv").read_text().splitlines()
    topics = dict(line.split("\t") for line in lines)
    assert len(lines) == 8 and topics["enwiki:Volcano/Lava%20flow"] == "Volcano/Lava flow"
    found = read_run(tmp_path / "run.car.txt")
    assert set(found) == set(relevant)
    average = sum(average_precision(found[name], relevant[name]) for name in relevant) / 8
    figures = trec_eval_figures(said["pyserini.eval.trec_eval"])
    assert figures["map"] == round(average, 4) and 0.5 < average < 1
    negatives = (tmp_path / "negatives.jsonl").read_text().splitlines()
    assert len(negatives) == 8


def average_precision(ranking, relevant):
    ranks = [n for n, (docid, _) in enumerate(ranking, start=1) if docid in relevant]
    return sum(hit / rank for hit, rank in enumerate(ranks, start=1)) / len(relevant)

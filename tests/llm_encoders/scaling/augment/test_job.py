"""From a corpus to a file that the trainer reads, stopped and resumed."""

import os
import signal

import numpy as np
import pytest

from llm_encoders import EncoderError, UsageError, load_encoder
from llm_encoders.evaluation import encoder_ranker
from llm_encoders.scaling.augment import job
from llm_encoders.scaling.augment.augmentation import Augmentation, Generation, RoundTrip
from llm_encoders.scaling.augment.decoding import uniforms
from llm_encoders.scaling.augment.generator import Generator
from llm_encoders.scaling.augment.job import augment
from llm_encoders.train.recipe.file import load_recipe
from llm_encoders.train.run import run
from tests.llm_encoders.conftest import write_lines
from tests.llm_encoders.scaling.augment.conftest import DOCUMENTS, lines

PROMPT = "{text}\nQuestion:"
IDS = [docid for docid, _, _ in DOCUMENTS]


@pytest.fixture
def make(corpus, tmp_path, stories):
    """Augment the corpus; the lines of the output."""

    def make(kind, name="out.jsonl", overwrite=False, round_trip=None, on_error="stop", **options):
        generation = None
        if kind == "generated":
            own = {"query_tokens": 8, "batch_size": 2, **options.pop("generation", {})}
            generation = Generation(str(stories), PROMPT, **own)
        augment(
            str(corpus),
            Augmentation(kind, **options),
            tmp_path / name,
            generation=generation,
            round_trip=round_trip,
            on_error=on_error,
            device="cpu" if generation or round_trip else None,
            overwrite=overwrite,
        )
        return lines(tmp_path / name)

    return make


def inline(docid, title, text):
    return {"docid": docid, "title": title, "text": text}


def test_titles(make, capsys):
    found = make("titles")
    assert [one["query"] for one in found] == ["Cats", "Bread", "Chess", "Guide"]
    assert {one["source"] for one in found} == {"titles"}
    texts = {docid: text for docid, _, text in DOCUMENTS}
    assert found[0]["positive_passages"] == [
        inline("cats", "", texts["cats"]),
        inline("twin", "", texts["twin"]),
    ]
    said = capsys.readouterr().err
    assert "4 queries with 5 passages, from 6 passages" in said
    assert "Left out: passages without a title: 1." in said


def test_headings(make):
    below = inline("guide#section-2", "Guide", "See above.")
    first, second = (
        inline(f"guide#section-{number}", "Guide", f"{text}.")
        for number, text in (
            (1, "Run the command of the guide once"),
            (3, "Copy the files of the guide by hand"),
        )
    )
    found = make("headings")
    assert found == [
        {"query": "Install", "positive_passages": [first, second], "source": "headings"}
    ]
    found = make("headings", "all.jsonl", least_passage=3, with_title=True)
    assert [one["query"] for one in found] == ["Guide: Install", "Guide: Use"]
    assert found[1]["positive_passages"] == [below]


def test_inverse_cloze(make):
    found = make("inverse-cloze", removal=1.0)
    assert len(found) == 6
    for one, (docid, title, text) in zip(found, DOCUMENTS, strict=True):
        (passage,) = one["positive_passages"]
        assert passage["docid"].startswith(f"{docid}#without-sentence-")
        assert passage["title"] == (title or "").strip()
        assert one["query"] not in passage["text"]
        words = f"{one['query']} {passage['text']}".split()
        assert sorted(words) == sorted(text.split())
    assert make("inverse-cloze", "again.jsonl", removal=1.0) == found
    assert make("inverse-cloze", "other.jsonl", removal=1.0, seed=1) != found
    stays = make("inverse-cloze", "stays.jsonl", removal=1e-9, queries_per_passage=2)
    assert len(stays) > 6
    assert all(one["positive_passages"][0]["docid"] in IDS for one in stays)


def test_generated(make, stories, capsys):
    found = make("generated")
    assert sum(len(one["positive_document_ids"]) for one in found) == 6
    assert {one["source"] for one in found} == {"generated"}
    said = capsys.readouterr().err
    assert "warning: 6 queries were cut off after 8 tokens" in said
    assert "data.corpus=" in said
    assert make("generated", "one.jsonl", generation={"batch_size": 1}) == found
    drawn = make(
        "generated",
        "drawn.jsonl",
        queries_per_passage=2,
        generation={"temperature": 1.0, "batch_size": 3},
    )
    assert sum(len(one["positive_document_ids"]) for one in drawn) > 6
    several = make(
        "generated",
        "several.jsonl",
        queries_per_passage=2,
        generation={"temperature": 1.0, "batch_size": 16},
    )
    assert several == drawn
    generation = Generation(str(stories), PROMPT, query_tokens=8, temperature=1.0)
    generator = Generator(stories, generation, "cpu")
    prompts = [generator.prompt_ids(None, DOCUMENTS[-1][2])] * 2
    for one in generator.write(prompts, uniforms(42, len(DOCUMENTS) - 1, generation, 2)):
        (record,) = (record for record in drawn if record["query"] == one.query)
        assert "twin" in record["positive_document_ids"]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("titles", marks=pytest.mark.whole),  # records as of inverse-cloze
        pytest.param("headings", marks=pytest.mark.whole),
        "inverse-cloze",
        "generated",
    ],
)
def test_the_trainer_takes_it(make, recipe_file, corpus, tmp_path, kind):
    options = {"least_passage": 3} if kind == "headings" else {}
    make(kind, **options)
    named = {"corpus": str(corpus)} if kind == "generated" else {"corpus": None}
    data = {"train": str(tmp_path / "out.jsonl"), **named}
    run(load_recipe(recipe_file(data=data, schedule={"steps": 1, "queries": 2})))
    (step,) = (one for one in lines(tmp_path / "run" / "log.jsonl") if "loss" in one)
    assert np.isfinite(step["loss"]) and step["loss"] > 0


def test_a_limit_draws_passages_that_can_give_a_query(make):
    whole = make("titles")
    one = make("titles", "one.jsonl", limit=2)
    other = make("titles", "other.jsonl", limit=2, seed=3)
    used = [sum(len(q["positive_passages"]) for q in found) for found in (one, other)]
    assert used == [2, 2]
    assert one != other
    queries = [q["query"] for q in whole]
    assert [q["query"] for q in one] == [q for q in queries if q in {o["query"] for o in one}]
    drawn = make("generated", "generated.jsonl", limit=2, least_passage=45)
    ids = [docid for one in drawn for docid in one["positive_document_ids"]]
    assert len(ids) == 2


class Dies:
    """Ends the process by SIGKILL in a given call of a method."""

    def __init__(self, kind, name, call):
        self.kind, self.name, self.call = kind, name, call

    def __enter__(self):
        whole, calls = getattr(self.kind, self.name), []

        def counted(*args, **options):
            calls.append(1)
            if len(calls) == self.call:
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(*args, **options)

        setattr(self.kind, self.name, counted)

    def __exit__(self, *_):
        pass


def killed(work, *where):
    """Do the work in a process that is killed."""
    child = os.fork()
    if child == 0:
        try:
            with Dies(*where):
                work()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def test_killed_while_writing_and_resumed(make, tmp_path, monkeypatch):
    options = {"queries_per_passage": 2, "generation": {"temperature": 1.0, "batch_size": 2}}
    make("generated", "whole.jsonl", **options)
    killed(lambda: make("generated", **options), Generator, "write", 4)
    with pytest.raises(UsageError, match=r"started by another job: seed was 42, now 1.*overwrite"):
        make("generated", seed=1, **options)
    write, calls = Generator.write, []

    def counted(self, prompts, numbers):
        calls.append(len(prompts))
        return write(self, prompts, numbers)

    monkeypatch.setattr(Generator, "write", counted)
    make("generated", **options)
    assert calls == [2, 2, 2]  # three of six were there
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert not list(tmp_path.glob(".out.jsonl.work"))
    make("generated", **options)
    assert len(calls) == 3  # finished already


def test_filters_can_change_before_the_output_is_begun(make, tmp_path, monkeypatch):
    """Nothing is written again for another number of passages of a query."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job, "collect", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        make("generated")
    monkeypatch.setattr(Generator, "write", None)
    assert make("generated", most_passages=5)


def brute_force(corpus, name, queries, depth):
    """Ids of the first passages of each query."""
    encoder, records = load_encoder(name, device="cpu"), lines(corpus)
    texts = [one["text"] for one in records]
    titles = [one.get("title", "").strip() or None for one in records]
    scores = encoder.encode_queries(queries) @ encoder.encode_documents(texts, titles).T
    scores = scores.toarray() if hasattr(scores, "toarray") else scores
    return [[records[i]["_id"] for i in np.argsort(-row, kind="stable")[:depth]] for row in scores]


@pytest.mark.parametrize("name", ["llm-splade-tiny", "llm-dense-tiny"])
def test_round_trip(make, name, corpus, capsys):
    """The last sentence of a document that is too long to be read whole finds another one."""
    long = f"{'Trains run on rails, ' * 60}in short. Bread is baked from flour and salt."
    write_lines(corpus, [*lines(corpus), {"_id": "long", "text": long}])
    options = {"removal": 1.0, "queries_per_passage": 2, "least_passage": 3}
    whole = make("inverse-cloze", "whole.jsonl", **options)
    found = make("inverse-cloze", round_trip=RoundTrip(name, 1), **options)
    first = brute_force(corpus, name, [one["query"] for one in whole], 1)
    wanted = [
        one
        for one, ranking in zip(whole, first, strict=True)
        if one["positive_passages"][0]["docid"].partition("#")[0] in ranking
    ]
    assert found == wanted
    assert 0 < len(found) < len(whole)
    lost = len(whole) - len(found)
    assert f"queries whose passage was not found again: {lost}" in capsys.readouterr().err
    deep = make("inverse-cloze", "deep.jsonl", round_trip=RoundTrip(name, 7), **options)
    # A sparse query ranks only passages that share a term with it.
    assert len(deep) == len(whole) - (name == "llm-splade-tiny")


def test_of_several_passages_those_that_are_found_stay(make, corpus):
    """'Cats' is the title of two documents; one of them is first."""
    (first,) = brute_force(corpus, "llm-dense-tiny", ["Cats"], 1)
    found = make("titles", round_trip=RoundTrip("llm-dense-tiny", 1))
    (cats,) = (one for one in found if one["query"] == "Cats")
    assert [one["docid"] for one in cats["positive_passages"]] == first


def test_a_copy_of_the_passage_is_the_passage(make, corpus):
    records = lines(corpus)
    write_lines(corpus, [{**records[0], "_id": "copy"}, *records])
    found = make("inverse-cloze", removal=1e-9, round_trip=RoundTrip("llm-dense-tiny", 1))
    assert any(one["positive_passages"][0]["text"] == records[0]["text"] for one in found)


def test_killed_in_the_round_trip_and_resumed(make, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_ranker, "_LEAST", 2)
    monkeypatch.setattr(encoder_ranker, "_QUERIES", 2)
    wanted = RoundTrip("llm-dense-tiny", 2)
    make("inverse-cloze", "whole.jsonl", round_trip=wanted)
    rank = encoder_ranker.EncoderRanker
    killed(lambda: make("inverse-cloze", round_trip=wanted), rank, "rank", 3)
    search, calls = rank.rank, []

    def counted(self, queries, *words, **options):
        calls.append(len(queries))
        return search(self, queries, *words, **options)

    monkeypatch.setattr(rank, "rank", counted)
    make("inverse-cloze", round_trip=wanted)
    assert calls == [2]  # four of six were there
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_nothing_left_is_said(make, corpus, tmp_path):
    with pytest.raises(
        EncoderError,
        match="no query of the kind 'titles' is left. Left out: que.*"
        "of passages nearly empty: 5; passages without a title: 1",
    ):
        make("titles", least_passage=1000)
    assert not (tmp_path / "out.jsonl").exists()
    assert not (tmp_path / ".out.jsonl.work").exists()
    with pytest.raises(EncoderError, match="passages nearly empty: 6"):
        make("generated", "g.jsonl", least_passage=1000)
    corpus.write_text("")
    with pytest.raises(EncoderError, match="corpus.jsonl holds no passages"):
        make("titles", "t.jsonl")


def test_faulty_documents(make, corpus, tmp_path):
    with corpus.open("a") as stream:
        stream.write('{"_id": "empty", "text": " "}\n')
    with pytest.raises(EncoderError, match="line 7: document 'empty' has an empty text"):
        make("titles")
    assert len(make("titles", on_error="skip")) == 4
    assert "line 7" in (tmp_path / "out.jsonl.skipped.txt").read_text()


def test_inputs_are_not_overwritten(corpus):
    with pytest.raises(UsageError, match="is an input"):
        augment(str(corpus), Augmentation("titles"), corpus)


def test_another_job_and_overwrite(make, tmp_path):
    make("titles")
    with pytest.raises(UsageError, match="from another job: kind was titles, now headings"):
        make("headings")
    assert make("headings", overwrite=True)[0]["source"] == "headings"


def test_a_query_tower_cannot_rank_passages(corpus, tmp_path, monkeypatch):
    def refuses(files):
        raise UsageError("it encodes queries only")

    monkeypatch.setattr(encoder_ranker, "require_passages", refuses)
    with pytest.raises(UsageError, match="queries only"):
        augment(
            str(corpus),
            Augmentation("titles"),
            tmp_path / "out",
            round_trip=RoundTrip("llm-dense-tiny"),
        )
    assert not list(tmp_path.glob("*out*"))

"""A teacher that is killed in a window resumes at the batch, and gives the same bits."""

import pytest
import torch

from llm_encoders import load_encoder
from llm_encoders.jobs import resumable_batches
from llm_encoders.teachers.base import PairTeacher, Passage
from llm_encoders.teachers.our_encoder import OurEncoder
from llm_encoders.teachers.scoring import TeacherScores, windows
from tests.llm_encoders.conftest import QUESTIONS, TOPICS


@pytest.fixture(autouse=True)
def noted_at_once(monkeypatch):
    monkeypatch.setattr(resumable_batches, "_SECONDS", 0.0)


class Pairs(PairTeacher):
    """Scores that tell the pair; may fail in a batch."""

    batch_size = 4

    def __init__(self, fails_at=None):
        self.calls, self.fails_at = 0, fails_at

    def prepare(self, query, passage):
        return len(query), len(passage)

    def length(self, prepared):
        return sum(prepared)

    def logits(self, batch):
        self.calls += 1
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        return torch.tensor([query + 1000.0 * passage for query, passage in batch])


PASSAGES = [Passage(row, None, text) for row, text in enumerate(TOPICS.values())]
ASKED = [text for texts in QUESTIONS.values() for text in texts]
GROUPS = [(text, PASSAGES[number % 3 :]) for number, text in enumerate(ASKED)]


def test_pairs_have_their_own_scores():
    wanted = [[len(query) + 1000.0 * len(p.text) for p in passages] for query, passages in GROUPS]
    assert Pairs().scores(GROUPS) == wanted


def test_a_killed_window_resumes_at_its_batch(tmp_path):
    told = []
    with pytest.raises(KeyboardInterrupt):
        TeacherScores(Pairs(fails_at=6), {}, tmp_path / "work")("0", GROUPS)
    teacher = Pairs()
    scores = TeacherScores(teacher, {}, tmp_path / "work", lambda *words: told.append(words))
    assert scores("0", GROUPS) == Pairs().scores(GROUPS)
    count = sum(len(passages) for _, passages in GROUPS)
    assert teacher.calls == -(-count // 4) - 5
    assert told[0] == ("pairs", 20, count) and told[1] == ("pairs", 24, count)
    assert told[-1] == ("pairs", count, count)
    teacher.calls = 0
    scores("1", GROUPS)  # another window has batches of its own
    assert teacher.calls == -(-count // 4)


@pytest.mark.parametrize("name", ["llm-splade-tiny", "llm-dense-tiny"])
def test_an_encoder_gives_the_same_bits(tmp_path, name, monkeypatch):
    teacher = OurEncoder(name, "cpu", "float32", 2)
    whole = TeacherScores(teacher, {}, tmp_path / "whole")("0", GROUPS)
    assert whole == teacher.scores(GROUPS)
    encode, calls = teacher.encode_passages, []

    def fails(passages):
        calls.append(len(passages))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(passages)

    monkeypatch.setattr(teacher, "encode_passages", fails)
    with pytest.raises(KeyboardInterrupt):
        TeacherScores(teacher, {}, tmp_path / "work")("0", GROUPS)
    calls.append(0)
    assert TeacherScores(teacher, {}, tmp_path / "work")("0", GROUPS) == whole
    assert calls == [2, 2, 0, 2, 2]  # six passages, of which two were done
    reference = load_encoder(name, device="cpu")
    product = (
        reference.encode_queries([GROUPS[1][0]])
        @ reference.encode_documents([passage.text for passage in GROUPS[1][1]]).T
    )
    product = product if not hasattr(product, "toarray") else product.toarray()
    wanted = (product[0] / reference.config.temperature).tolist()
    assert whole[1] == pytest.approx(wanted, rel=1e-4)


def test_windows_hold_whole_groups():
    assert list(windows([3, 3, 3, 9, 1, 1], 6)) == [range(2), range(2, 3), range(3, 4), range(4, 6)]
    assert list(windows([], 6)) == []

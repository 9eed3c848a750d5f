"""Packed rows against ``group_texts`` as the Transformers example ``run_mlm.py`` has it."""

import os
import pickle
from itertools import chain

import datasets
import pytest
import transformers

from llm_encoders import EncoderError
from llm_encoders.data.packing import prepare_packed
from llm_encoders.data.prepare import prepare_passages
from tests.llm_encoders.conftest import BACKBONE, TOPICS, write_lines

LENGTH = 16


@pytest.fixture(scope="module")
def tokenizer():
    return transformers.AutoTokenizer.from_pretrained(BACKBONE)


def corpus(path, count):
    """Texts of many lengths, some longer than a row, some with a title."""
    topics = list(TOPICS.items())
    records = []
    for number in range(count):
        title, text = topics[number % len(topics)]
        words = text.split()[: 1 + number % 9] * (1 + number % 3)
        title = title if number % 4 == 0 else ""
        records.append({"_id": str(number), "title": title, "text": " ".join(words)})
    write_lines(path, records)
    return [f"{one['title']} {one['text']}".strip() for one in records]


def grouped(texts, tokenizer):
    """The reference's way: two maps over batches of a thousand."""

    def tokenize_function(examples):
        return tokenizer(examples["text"], return_special_tokens_mask=True)

    def group_texts(examples):
        concatenated = {k: list(chain(*examples[k])) for k in examples}
        total = len(concatenated["input_ids"]) // LENGTH * LENGTH
        return {k: [t[i : i + LENGTH] for i in range(0, total, LENGTH)]
                for k, t in concatenated.items()}  # fmt: skip

    data = datasets.Dataset.from_dict({"text": texts})
    data = data.map(tokenize_function, batched=True, remove_columns=["text"])
    return data.map(group_texts, batched=True)["input_ids"]


def test_rows_are_those_of_group_texts(tmp_path, tokenizer):
    texts = corpus(tmp_path / "corpus.jsonl", 2_345)
    passages = prepare_passages(str(tmp_path / "corpus.jsonl"), tmp_path / "prepared")
    rows = prepare_packed(passages, tokenizer, LENGTH, tmp_path / "prepared")
    wanted = list(grouped(texts, tokenizer))
    assert len(rows) == len(wanted) > 1_000
    assert rows.token_ids(range(len(rows))) == wanted
    assert pickle.loads(pickle.dumps(rows)).token_ids([7, 3]) == [wanted[7], wanted[3]]


def test_packed_again_only_where_something_has_changed(tmp_path, tokenizer, capsys):
    corpus(tmp_path / "corpus.jsonl", 50)
    passages = prepare_passages(str(tmp_path / "corpus.jsonl"), tmp_path / "prepared")
    for length, packed in ((16, True), (16, False), (8, True), (8, None)):
        if packed is None:  # damaged
            os.truncate(tmp_path / "prepared" / "packed.tokens", 64)
            packed = True
        rows = prepare_packed(passages, tokenizer, length, tmp_path / "prepared")
        assert {len(row) for row in rows.token_ids(range(len(rows)))} == {length}
        assert ("Packing 50 passages" in capsys.readouterr().out) == packed


def test_too_few_tokens_for_a_row(tmp_path, tokenizer):
    corpus(tmp_path / "corpus.jsonl", 5)
    passages = prepare_passages(str(tmp_path / "corpus.jsonl"), tmp_path / "prepared")
    with pytest.raises(EncoderError, match=r"5 passages do not fill a row of 512 .* mntp.packing"):
        prepare_packed(passages, tokenizer, 512, tmp_path / "prepared")

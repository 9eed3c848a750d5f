"""Chunks bound memory only: loss and gradients are those of one pass over the whole batch."""

import pytest
import torch

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.config import EncoderConfig
from llm_encoders.encoding.batching import pad
from llm_encoders.train import gradient_cache
from llm_encoders.train.model import load_model
from llm_encoders.train.objective import Candidates, Objective, total
from llm_encoders.train.recipe.sections import Adapter
from tests.llm_encoders.conftest import BACKBONE, QUESTIONS, TOPICS

CPU = torch.device("cpu")


def load(paradigm, dropout=0.0):
    torch.manual_seed(0)
    config = EncoderConfig(paradigm=paradigm, logit_scale=1.0, temperature=0.5)
    model = load_model(
        Checkpoint("test", config, BACKBONE, None), Adapter(dropout=dropout), CPU, torch.float32
    )
    with torch.no_grad():  # LoRA begins at zero, where half of the gradients are zero
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.02)
    return model.train()


def batch(model):
    """Ragged texts: 6 queries, each with its passage and some others."""
    encoder = model.encoder("test")
    queries = encoder.query_token_ids([asked[0] for asked in QUESTIONS.values()])
    texts = list(TOPICS.values())
    groups = [[i, *((i + j + 1) % 6 for j in range(i % 3))] for i in range(6)]
    passages = encoder.document_token_ids([texts[i] for group in groups for i in group])
    widest = max(map(len, groups))
    columns = iter(range(len(passages)))
    table = torch.tensor(
        [[next(columns) for _ in group] + [-1] * (widest - len(group)) for group in groups]
    )
    return queries, passages, Candidates(table, torch.randn(table.shape))


def losses(queries, candidates):
    objective = Objective(
        {"contrastive": 0.5, "kl": 0.3, "margin_mse": 0.2},
        temperature=0.5,
        query_regularisation=0.01,
        passage_regularisation=0.02,
    )
    border = len(queries)

    def loss_of(vectors):
        return total(objective.parts(vectors[:border], vectors[border:], candidates))

    return loss_of


def gradients(model):
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("max_tokens", [1, 30, 75, 10_000, None])
@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_any_chunk_size_gives_the_plain_loss_and_gradients(paradigm, max_tokens):
    model = load(paradigm)
    queries, passages, candidates = batch(model)
    loss_of = losses(queries, candidates)
    whole = pad(queries + passages, list(range(len(queries) + len(passages))), "right")
    expected = loss_of(model(whole.token_ids, whole.attention_mask))
    expected.backward()
    wanted = gradients(model)
    model.zero_grad()
    loss = gradient_cache.step(
        model,
        queries + passages,
        loss_of,
        lambda value: value.backward(),
        max_tokens=max_tokens,
        device=CPU,
    )
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-5, atol=0)
    for name, gradient in gradients(model).items():
        error = (gradient - wanted[name]).norm() / wanted[name].norm()
        assert error <= 1e-5, name


def test_dropout_is_repeated_in_the_second_pass():
    """The gradient must be that of the vectors the loss saw, so of the same dropped units."""
    model = load("dense", dropout=0.5)
    queries, passages, candidates = batch(model)
    texts = queries + passages
    loss_of = losses(queries, candidates)
    chunks = gradient_cache.chunked([len(ids) for ids in texts], 60, CPU)
    torch.manual_seed(7)
    vectors = [None] * len(texts)
    for chunk in chunks:
        part = pad(texts, chunk.rows, "right")
        for row, vector in zip(chunk.rows, model(part.token_ids, part.attention_mask), strict=True):
            vectors[row] = vector
    loss_of(torch.stack(vectors)).backward()
    wanted = gradients(model)
    model.zero_grad()
    torch.manual_seed(7)
    gradient_cache.step(
        model, texts, loss_of, lambda value: value.backward(), max_tokens=60, device=CPU
    )
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-7)


def test_chunks_cover_every_text_once():
    lengths = [3, 50, 7, 7, 20, 1]
    chunks = gradient_cache.chunked(lengths, 40, CPU)
    assert sorted(row for chunk in chunks for row in chunk.rows) == list(range(6))
    for chunk in chunks:
        assert len(chunk.rows) == 1 or len(chunk.rows) * max(lengths[r] for r in chunk.rows) <= 40

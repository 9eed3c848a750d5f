"""Metrics against Pyserini's trec_eval, ties included; contrastive entropy against its formula."""

import math
import random

import numpy as np
import pytest

from llm_encoders.evaluation.measures import HIGHER_IS_BETTER, RANKING_MEASURES
from llm_encoders.evaluation.measures.contrastive_entropy import contrastive_entropy


def test_against_trec_eval(warm_python, tmp_path):
    generator = random.Random(3)
    docids = [f"d{i}" for i in range(150)]
    run, qrels, values = [], [], []
    for query in range(12):
        scores = {d: generator.randint(0, 40) / 4 for d in generator.sample(docids, 120)}
        grades = {d: generator.randint(0, 3) for d in generator.sample(docids, 30)}
        ranking = sorted(scores, key=lambda docid: (scores[docid], docid), reverse=True)
        run += [f"{query} Q0 {d} {i + 1} {scores[d]} x" for i, d in enumerate(ranking)]
        qrels += [f"{query} 0 {d} {grade}" for d, grade in grades.items()]
        values.append([measure(ranking, grades) for measure in RANKING_MEASURES])
    (tmp_path / "run").write_text("\n".join(run) + "\n")
    (tmp_path / "qrels").write_text("\n".join(qrels) + "\n")
    words = ("-m", "pyserini.eval.trec_eval", "-c")
    files = (tmp_path / "qrels", tmp_path / "run")
    for place, options in enumerate(
        (("-m", "ndcg_cut.10"), ("-M", "10", "-m", "recip_rank"), ("-m", "recall.100"))
    ):
        shown = warm_python(*words, *options, *files).stdout
        (line,) = [line for line in shown.splitlines() if "\tall\t" in line]
        mean = sum(value[place] for value in values) / len(values)
        assert float(line.split()[-1]) == pytest.approx(mean, abs=6e-5)


def test_contrastive_entropy():
    positive, negatives = np.array([1.0, 2.0]), np.array([[0.0, 1.0], [2.0, 5.0]])
    found = contrastive_entropy(positive, negatives)
    wanted = -math.log(math.e / (math.e + 1 + math.e))
    assert float(found[0]) == pytest.approx(wanted, rel=1e-12)
    assert np.isfinite(contrastive_entropy(positive * 1000, negatives * 1000)).all()


def test_of_contrastive_entropy_alone_the_lowest_is_best():
    rankings = dict.fromkeys(["ndcg@10", "mrr@10", "recall@100"], True)
    assert rankings | {"contrastive_entropy": False} == HIGHER_IS_BETTER

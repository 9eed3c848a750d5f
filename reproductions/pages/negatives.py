"""The page on negatives and teacher scores: how to make training files of one's own."""

from reproductions.pages.log import log
from reproductions.pages.markdown import RUNNABLE, block
from reproductions.pages.templates import render

_TEACHER = "cross-encoder/ms-marco-MiniLM-L-6-v2"
_CORPUS = "--corpus msmarco/collection.tsv"
_MINE = f"python -m llm_encoders.mine_negatives --train msmarco/train.jsonl {_CORPUS}"
_SCORE = f"python -m llm_encoders.score --train msmarco/negatives.jsonl {_CORPUS}"
_OUTPUT = "--output msmarco/negatives.jsonl"
_DEPTH = "--depth 200 --negatives 30"
_TRAIN = (
    "torchrun --nproc-per-node 4 -m llm_encoders.train "
    "reproductions/recipes/llama-3.2-1b-sparse-both.yaml \\\n  data.train=msmarco/scored.jsonl"
)


def page() -> str:
    """The page."""
    return render(
        "negatives",
        runnable=RUNNABLE,
        bm25=block([f"{_MINE} {_DEPTH} {_OUTPUT}"], runnable=True),
        encoder=block([f"{_MINE} --method llm-dense-8b {_DEPTH} {_OUTPUT}"]),
        filtered=block([f"{_MINE} --teacher {_TEACHER} --margin 1 {_OUTPUT}"]),
        score=block(
            [f"{_SCORE} --teacher {_TEACHER} --output msmarco/scored.jsonl"], runnable=True
        ),
        train=block([_TRAIN]),
        log=log("negatives.md"),
    )

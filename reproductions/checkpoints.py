"""Write ``checkpoints.md`` from the presets: ``python reproductions/checkpoints.py``."""

from pathlib import Path

from llm_encoders.models.contract import known_contract
from llm_encoders.models.listing import in_a_line
from llm_encoders.registry import Preset, presets

PAGE = Path(__file__).with_suffix(".md")
HEAD = """\
# Checkpoints of other publishers

*Written by `python reproductions/checkpoints.py` from `llm_encoders/presets`; edit those.*

Each checkpoint encodes with its publisher's prompts, special tokens, pooling and normalisation.
`python -m llm_encoders.models NAME` shows the whole contract, and
`python -m pyserini_ext.doctor --encoder NAME` looks for silent faults.

The weights are fetched from the Hugging Face Hub when a name is first used; gated ones need an
accepted licence and a token (`HF_TOKEN`). The commands encode nfcorpus, which `C` names as a folder
in BEIR layout. Topics and qrels come with Pyserini. Names of other topics that it has, or files of
yours, work in their place. For another instruction, give `--encoder 'NAME,instruction=…'`.

**What was tested.** The weights of these repositories were not run here. Seven repositories were
rebuilt as miniatures, with their true files and random weights, and give their publishers' vectors
(`tests/llm_encoders/checkpoints/layouts/test_published.py`,
`tests/pyserini_ext/test_published.py`). A published score is given where its source was read.
"""
SPARSE = """\
python -m pyserini.encode --encoder {name} --corpus $C --embeddings index.{name} --to-lucene
python -m pyserini.search.lucene --impact --encoder {name} --index index.{name} \\
  --topics beir-v1.0.0-nfcorpus-test --output run.{name}.txt \\
  --hits 1000 --batch-size 64 --threads 16
"""
DENSE = """\
python -m pyserini.encode --encoder {name} --corpus $C --embeddings index.{name} --to-faiss
python -m pyserini.search.faiss --encoder {name} --index index.{name} \\
  --topics beir-v1.0.0-nfcorpus-test --output run.{name}.txt \\
  --hits 1000 --batch-size 64 --threads 16
"""
EVALUATE = """\
python -m pyserini.eval.trec_eval -c -m ndcg_cut.10 -m recall.100 \\
  beir-v1.0.0-nfcorpus-test run.{name}.txt
"""


def page() -> str:
    """The page as it should be."""
    shown = [one for one in presets().values() if one.repository]
    loaded = [one for one in shown if not one.unavailable]
    rows = ["| name | repository | contract | licence |", "|---|---|---|---|"]
    rows += [f"| [`{one.name}`](#{_anchor(one)}) | {_cells(one)} |" for one in loaded]
    refused = [one for one in shown if one.unavailable]
    lines = [f"- `{one.repository}`: {one.unavailable}" for one in refused]
    parts = [HEAD, "\n".join(rows), "Not loaded, and what to use instead:\n\n" + "\n".join(lines)]
    return "\n".join(part.rstrip() + "\n" for part in [*parts, *map(_section, loaded)])


def _cells(preset: Preset) -> str:
    contract = in_a_line(preset).replace("|", "\\|")
    repository = preset.repository
    return f"[{repository}](https://huggingface.co/{repository}) | `{contract}` | {preset.licence}"


def _anchor(preset: Preset) -> str:
    return preset.name.replace(".", "")


def _section(preset: Preset) -> str:
    contract, _ = known_contract(preset)
    commands = (SPARSE if contract.paradigm == "sparse" else DENSE) + EVALUATE
    scores = [
        f"- {s['dataset']}, {s['metric']}: {s['value']} ({s['source']})" for s in preset.scores
    ]
    return "\n".join(
        [
            f"## {preset.name}\n",
            f"{preset.description} {' '.join(preset.citation.split())}\n",
            "```bash",
            "C=path/to/nfcorpus",
            commands.format(name=preset.name) + "```\n",
            *(
                ["Published scores:\n", *scores]
                if scores
                else ["Published scores: none whose source was read."]
            ),
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

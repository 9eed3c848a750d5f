"""Families of test collections: what Pyserini's harness knows of each, and its tolerance.

Measures, tolerances, run names and variables are those of ``pyserini/2cr/{msmarco,beir,bright}.py``
(Pyserini 1.6 and 2.x); a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template

_RECALL = {"R@100": "-c -m recall.100", "R@1000": "-c -m recall.1000"}
_NDCG = "-c -m ndcg_cut.10"
_DEEP_LEARNING = {"MAP": "-c -l 2 -m map", "nDCG@10": _NDCG, "R@1K": "-c -l 2 -m recall.1000"}


@dataclass(frozen=True, eq=False)
class Family:
    """Test collections that one file of conditions is about."""

    name: str
    """Also the name of the file, without ``.yaml``."""
    title: str
    keys: tuple[str, ...]
    """The sets of topics, or the datasets."""
    evaluation: str
    """The qrels of a task, as a template of ``$key``."""
    measures: Mapping[str, str]
    """Options of trec_eval by measure."""
    measures_of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Those of keys that have measures of their own."""
    run_keys: Mapping[str, str] = field(default_factory=dict)
    """How run files name a key, where they shorten it."""
    topic_sets: bool = False
    """Whether the file has ``topics`` in place of ``datasets``."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What Pyserini fills into commands beside key and run."""
    tolerance: float = 0.0005
    """How far a score may be from the expected one."""
    higher_is_fine: bool = False
    """Whether a higher score passes at any distance."""
    harness: str | None = None
    """Pyserini's module that runs such conditions."""
    published_as: Mapping[str, str] = field(default_factory=dict)
    """Datasets of published scores in presets -> key."""
    published_measures: Mapping[str, str] = field(default_factory=dict)
    """Measures of published scores in presets -> measure, where they are written otherwise."""

    def measures_for(self, key: str) -> Mapping[str, str]:
        """Options of trec_eval by measure, for one set of topics or dataset."""
        return self.measures_of.get(key, self.measures)

    def evaluation_for(self, key: str) -> str:
        """The qrels of one set of topics or dataset."""
        return Template(self.evaluation).substitute(key=key)

    def run_name(self, condition: str, key: str) -> str:
        """The run file, as Pyserini's harness names it."""
        return f"run.{self.name}.{condition}.{self.run_keys.get(key, key)}.txt"


_HARNESS_VARIABLES = {
    "sparse_threads": "16",
    "sparse_batch_size": "128",
    "dense_threads": "16",
    "dense_batch_size": "512",
}

_ALL = (
    Family(
        name="msmarco-v1-passage",
        title="MS MARCO v1 passage",
        keys=("msmarco-v1-passage.dev", "dl19-passage", "dl20-passage"),
        evaluation="$key",
        measures={"MRR@10": "-c -M 10 -m recip_rank", "R@1K": "-c -m recall.1000"},
        measures_of={"dl19-passage": _DEEP_LEARNING, "dl20-passage": _DEEP_LEARNING},
        run_keys={
            "msmarco-v1-passage.dev": "dev",
            "dl19-passage": "dl19",
            "dl20-passage": "dl20",
        },
        topic_sets=True,
        variables=_HARNESS_VARIABLES,
        higher_is_fine=True,
        harness="pyserini.2cr.msmarco",
        published_as={
            "MS MARCO dev": "msmarco-v1-passage.dev",
            "DL19": "dl19-passage",
            "DL20": "dl20-passage",
        },
        published_measures={"R@1k": "R@1K"},
    ),
    Family(
        name="beir",
        title="BEIR",
        keys=(
            *("trec-covid", "nfcorpus", "nq", "hotpotqa", "fiqa", "arguana", "webis-touche2020"),
            *("quora", "dbpedia-entity", "scidocs", "fever", "climate-fever", "scifact"),
        ),
        evaluation="beir-v1.0.0-$key-test",
        measures={"nDCG@10": _NDCG, **_RECALL},
        variables=_HARNESS_VARIABLES | {"query_prefix": '""'},
        harness="pyserini.2cr.beir",
        published_as={"SciFact": "scifact"},
    ),
    Family(
        name="bright",
        title="BRIGHT",
        keys=(
            *("biology", "earth-science", "economics", "psychology", "robotics", "stackoverflow"),
            *("sustainable-living", "pony", "leetcode", "aops"),
            *("theoremqa-theorems", "theoremqa-questions"),
        ),
        evaluation="bright-$key",
        measures={"nDCG@10": _NDCG, **_RECALL},
        tolerance=0.005,
        harness="pyserini.2cr.bright",
    ),
    Family(
        name="tiny",
        title="Tiny encoders on small collections",
        keys=("nfcorpus", "scifact", "cacm", "cranfield"),
        evaluation="prepared/$key/qrels.txt",
        measures={"nDCG@10": _NDCG, **_RECALL},
    ),
)

FAMILIES = {family.name: family for family in _ALL}
"""By name, in the order of lists and pages."""

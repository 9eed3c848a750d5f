"""Where the files of test collections come from, with their checksums where they were read."""

from dataclasses import dataclass

from pyserini_ext.conditions import FAMILIES
from reproductions.pages.markdown import block, table
from reproductions.pages.templates import render

_MS_MARCO = "https://msmarco.z22.web.core.windows.net/msmarcoranking"
_TREC = "https://trec.nist.gov/data/deep"
_BEIR = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets"
_BRIGHT = "https://huggingface.co/datasets/castorini/collections-bright/resolve/main"


@dataclass(frozen=True)
class File:
    """A file to download."""

    url: str
    md5: str
    source: str
    """Where the checksum was read."""

    @property
    def name(self) -> str:
        """Without its folder."""
        return self.url.rpartition("/")[2]

    @property
    def row(self) -> tuple[str, ...]:
        """Cells of a table."""
        return f"[`{self.name}`]({self.url})", f"`{self.md5}`", self.source


_PYSERINI = "Pyserini, `docs/experiments-msmarco-passage.md`"
_BEIR_README = "BEIR, `README.md`"
_IR_DATASETS = "`ir_datasets`, second-hand"
COLLECTION = File(
    f"{_MS_MARCO}/collectionandqueries.tar.gz", "31644046b18952c1386cd4564ba2ae69", _PYSERINI
)
_DEEP_LEARNING = (
    File(
        f"{_MS_MARCO}/msmarco-test2019-queries.tsv.gz",
        "eda71eccbe4d251af83150abe065368c",
        _IR_DATASETS,
    ),
    File(
        f"{_MS_MARCO}/msmarco-test2020-queries.tsv.gz",
        "00a406fb0d14ed3752d70d1e4eb98600",
        _IR_DATASETS,
    ),
    File(f"{_TREC}/2019qrels-pass.txt", "2f4be390198da108f6845c822e5ada14", _IR_DATASETS),
    File(f"{_TREC}/2020qrels-pass.txt", "0355ccee7509ac0463e8278186cdd8d1", _IR_DATASETS),
)
BEIR = {
    name: File(f"{_BEIR}/{name}.zip", md5, _BEIR_README)
    for name, md5 in {
        "trec-covid": "ce62140cb23feb9becf6270d0d1fe6d1",
        "nfcorpus": "a89dba18a62ef92f7d323ec890a0d38d",
        "nq": "d4d3d2e48787a744b6f6e691ff534307",
        "hotpotqa": "f412724f78b0d91183a0e86805e16114",
        "fiqa": "17918ed23cd04fb15047f73e6c3bd9d9",
        "arguana": "8ad3e3c2a5867cdced806d6503f29b99",
        "webis-touche2020": "46f650ba5a527fc69e0a6521c5a23563",
        "quora": "18fb154900ba42a600f84b839c173167",
        "dbpedia-entity": "c2a39eb420a3164af735795df012ac2c",
        "scidocs": "38121350fc3a4d2f48850f6aff52e4a9",
        "fever": "5a818580227bfb4b35bb6fa46d9b6c03",
        "climate-fever": "8b66f0a9126c521bae2bde127b4dc99d",
        "scifact": "5f7d1de60b170fc8027bb7898e2efca1",
    }.items()
}
"""By the name of the dataset, in the order of the family."""
BRIGHT = File(
    f"{_BRIGHT}/bright-corpus.tar",
    "568b594709a9977369033117bfb6889c",
    "Anserini, `docs/regressions/regressions-bright-*.md`",
)


def preparation(family: str) -> str:
    """The commands that put the documents of a family where its conditions look for them.

    Args:
        family: name of one of :data:`~pyserini_ext.conditions.FAMILIES`; of BEIR, the commands are
            those of its smallest dataset.
    """
    if family == "msmarco-v1-passage":
        return block(fetch(COLLECTION, f"collections/{family}"))
    return block(fetch(BRIGHT if family == "bright" else BEIR["nfcorpus"], "collections"))


def fetch(file: File, folder: str) -> list[str]:
    """The commands that download, check and unpack an archive."""
    place = f"{folder}/{file.name}"
    unpack = f"unzip -q {place} -d {folder}"
    if not place.endswith(".zip"):
        unpack = f"tar -xf {place} -C {folder}"
    return [
        f"mkdir -p {folder}",
        f"wget {file.url} -P {folder}",
        f'echo "{file.md5}  {place}" | md5sum --check',
        unpack,
    ]


def page() -> str:
    """The page on all of them."""
    head = ("file", "MD5", "checksum read in")
    assert tuple(BEIR) == FAMILIES["beir"].keys
    return render(
        "collections",
        msmarco_commands=preparation("msmarco-v1-passage"),
        msmarco_files=table(head, [COLLECTION.row, *(one.row for one in _DEEP_LEARNING)]),
        beir_commands=preparation("beir"),
        beir_files=table(head, [one.row for one in BEIR.values()]),
        bright_commands=preparation("bright"),
        bright_files=table(head, [BRIGHT.row]),
    )

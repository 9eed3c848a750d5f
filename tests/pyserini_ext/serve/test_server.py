"""The command as users run it: one process, real HTTP requests, a real MCP client."""

import asyncio
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from llm_encoders import load_encoder
from tests.pyserini_ext.served import DENSE, DOCUMENTS, QUERIES, SPARSE

pytestmark = pytest.mark.slow  # the process starts PyTorch, Java and two servers


@pytest.fixture(scope="module")
def expected():
    """Index -> query -> [(document, score)], by dot products of vectors computed here."""
    titles, texts = zip(*DOCUMENTS.values(), strict=True)
    found = {}
    for index, name in (("sparse", SPARSE), ("dense", DENSE)):
        encoder = load_encoder(name)
        found[index] = {}
        for query in QUERIES:
            documents = encoder.encode_documents(list(texts), list(titles))
            vector = encoder.encode_queries([query])
            if index == "sparse":
                (impacts,) = encoder.impacts(vector)
                scores = [
                    sum(weight * document.get(term, 0) for term, weight in impacts.items())
                    for document in encoder.impacts(documents)
                ]
            else:
                scores = (documents @ vector[0]).tolist()
            hits = sorted(zip(scores, DOCUMENTS, strict=True), reverse=True)
            found[index][query] = [
                (docid, score) for score, docid in hits if score > 0 or index == "dense"
            ]
    return found


def hits(answer):
    return [(candidate["docid"], candidate["score"]) for candidate in answer["candidates"]]


def assert_hits(found, wanted, count=5):
    assert [docid for docid, _ in found] == [docid for docid, _ in wanted[:count]]
    for (_, score), (_, right) in zip(found, wanted, strict=False):
        assert score == pytest.approx(right, abs=1e-5)


@pytest.mark.parametrize("index", ["sparse", "dense"])
def test_rest_gives_the_brute_force_ranking_with_texts(server, expected, index):
    for query in QUERIES[:3]:
        answer = server.post(f"/v1/indexes/{index}/search", {"query": query, "hits": 3})
        assert_hits(hits(answer), expected[index][query], 3)
        for candidate in answer["candidates"]:
            title, text = DOCUMENTS[candidate["docid"]]
            assert candidate["document_txt"] == (f"{title}\n{text}" if title else text)


@pytest.mark.parametrize("index", ["sparse", "dense"])
def test_a_batch_is_answered_as_its_queries(server, expected, index):
    body = {"queries": [*QUERIES, QUERIES[0]], "hits": 2}
    results = server.post(f"/v1/indexes/{index}/batch_search", body)["results"]
    assert [result["query"]["query_txt"] for result in results] == body["queries"]
    for query, result in zip(body["queries"], results, strict=True):
        assert_hits(hits(result), expected[index][query], 2)


def test_concurrent_requests_get_their_own_answers(server, expected):
    """Of two indexes and six queries at a time, none gets the answer of another."""
    asked = [(index, query) for _ in range(8) for index in expected for query in QUERIES]

    def ask(pair):
        index, query = pair
        return server.post(f"/v1/indexes/{index}/search", {"query": query, "hits": 4})

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, asked))
    for (index, query), answer in zip(asked, answers, strict=True):
        assert answer["query"]["query_txt"] == query
        assert_hits(hits(answer), expected[index][query], 4)


def test_the_example_of_the_ready_line_works(server):
    command = server.ready.partition("Try: ")[2]
    assert (
        '"docid"' in subprocess.run(["bash", "-c", command], capture_output=True, text=True).stdout
    )


def test_what_a_request_has_wrong_is_said(server):
    path = "/v1/indexes/sparse/search"
    for body, message in (
        ({"query": "x", "encoder": DENSE}, f"served with the encoder {SPARSE}, not with {DENSE}"),
        ({"query": "  "}, "The query is empty"),
        ({"query": "x", "hits": 0}, "The number of hits is 0"),
    ):
        answer = server.post(path, body)
        assert answer["status"] == 404 and message in answer["detail"]
    unknown = server.post("/v1/indexes/other/search", {"query": "x"})
    assert "Served: sparse, dense" in unknown["detail"]
    assert "no document zz" in server.get("/v1/indexes/dense/documents/zz")["detail"]
    batch = server.post("/v1/indexes/sparse/batch_search", {"queries": ["x", ""]})
    assert batch == {"status": 400, "detail": "The query is empty; give a text."}
    assert server.post(path, {"query": "bread"})["candidates"]  # and the server lives on


def test_mcp_client(server, expected):
    from fastmcp import Client

    async def ask():
        async with Client(f"{server.url}/mcp") as client:
            tools = {tool.name for tool in await client.list_tools()}
            listed = await client.call_tool("list_indexes", {"index_type": "faiss"})
            query = {"query": {"query_txt": QUERIES[1]}, "index_name": "dense", "k": 2}
            found = await client.call_tool("search", query)
            return tools, listed.data, json.loads(found.content[0].text)

    tools, listed, found = asyncio.run(ask())
    assert {"search", "get_document", "fuse_search_results"} <= tools
    assert listed == ["dense"]
    first, *_ = expected["dense"][QUERIES[1]]
    assert found[1].startswith(f"DocID: {first[0]} | Score: ")
    assert float(found[1].rpartition(" ")[2]) == pytest.approx(first[1], abs=1e-5)
    assert found[2] == "Bread\n" + DOCUMENTS["d"][1]


def test_server_yaml_says_what_is_served(server, made):
    """In the form that Pyserini's servers from 2.x on read."""
    texts = {"path": str(server.config.with_name("texts")), "index_type": "tf"}
    assert yaml.safe_load(server.config.read_text()) == {
        "indexes": {
            "sparse": {
                "path": str(made.sparse),
                "index_type": "impact",
                "encoder": SPARSE,
                "base_index": "texts",
            },
            "dense": {
                "path": str(made.dense),
                "index_type": "faiss",
                "encoder": DENSE,
                "base_index": "texts",
            },
            "texts": texts,
        }
    }

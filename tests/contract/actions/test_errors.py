"""The shapes in which PD says no, seen on the real one."""

import httpx
import pytest

from assent.core.model.call import DidNot, PdCall
from assent.pd.failures import message_of
from assent.pd.refusals.table import refusal
from assent.pd.wire import Answer
from tests.contract.actions.stage import Stage

API = "/pd/api/v1"
UNKNOWN_REGION = PdCall(
    "POST", f"{API}/operators", {"name": "scatter-region", "region_id": 999_999}
)


async def ask(stage: Stage, method: str, path: str, body: str) -> Answer:
    """Send one raw request, as nobody of ours would."""
    [url] = stage.cluster.urls
    async with httpx.AsyncClient(trust_env=False) as http:
        found = await http.request(method, f"{url}{API}{path}", content=body)
    return Answer(found.status_code, found.headers.get("content-type", ""), found.content)


@pytest.mark.trap("P04")
async def test_p04_a_semantic_refusal_is_500_and_a_json_string(stage: Stage) -> None:
    """Never 404 or 409; the text alone tells what it was, and proves that nothing happened."""
    await stage.see()
    outcome = await stage.send(UNKNOWN_REGION)
    assert isinstance(outcome, DidNot)
    assert outcome.answer.startswith("500 ")
    assert outcome.answer.endswith("region 999999 not found")


@pytest.mark.trap("P04")
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "is_json", "text"),
    [
        ("POST", "/operators", '{"name":"no-such"}', 400, True, "unknown operator"),
        ("POST", "/operators", "{", 400, True, '"code":"input"'),
        ("GET", "/operators/none", "", 400, True, "invalid syntax"),
        ("GET", "/operators/999999", "", 500, True, "operator not found"),
        ("GET", "/no/such/path", "", 404, False, "404 page not found"),
        ("PUT", "/operators", "{}", 405, False, ""),
    ],
    ids=["string", "object", "bad id", "none", "no route", "no method"],
)
async def test_p04_errors_have_three_shapes(
    stage: Stage, method: str, path: str, body: str, status: int, is_json: bool, text: str
) -> None:
    """JSON string, JSON object, plain text: each is read without failing and without guessing."""
    answer = await ask(stage, method, path, body)
    assert (answer.status, answer.is_json) == (status, is_json)
    assert "".join(text.split()) in "".join(message_of(answer).split())
    if status == 400 and "code" in text:
        assert refusal("scatter-region", answer) is None, "an object proves nothing"

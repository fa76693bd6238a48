"""The self-test of the approval gate, against API servers that answer in every way."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from assent.api.admission import policies
from assent.api.v1alpha1.actionproposal import ActionProposalSpec
from assent.kube.admission import FORGED_BY, GateReport, check_gate, forgery
from assent.settings import Settings
from tests.support.rough_server import Visit, rough_server
from tests.unit.kube.conftest import NewClient

SETTINGS = Settings.from_environment({"POD_NAME": "a", "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
SHIPPED = policies(namespace="assent-system", service_account="assent")
OWN_NAME = "a decision can only be given in your own name (x)"


def server_with(
    forged: tuple[int, str], *, installed: list[dict[str, Any]] = SHIPPED
) -> Callable[[Visit], Awaitable[None]]:
    """Return an API server with these policies, one watched cluster, and this answer to forgery."""

    async def answer(visit: Visit) -> None:
        path = visit.head.split()[1].decode()
        if visit.head.startswith(b"POST"):
            status, message = forged
            body: dict[str, Any] = {"kind": "Status", "message": message}
            await visit.json(status, json.dumps(body).encode())
            return
        if "/tikvclusters" in path:
            items: list[dict[str, Any]] = [{"metadata": {"name": "demo", "namespace": "tikv"}}]
        elif "/validatingadmissionpolicybindings" in path:
            items = [one for one in installed if one["kind"].endswith("Binding")]
        else:
            items = [one for one in installed if one["kind"].endswith("Policy")]
        await visit.json(200, json.dumps({"metadata": {}, "items": items}).encode())

    return answer


def test_the_forgery_is_a_proposal_that_only_the_gate_can_refuse() -> None:
    """Refused by the schema it would prove nothing about the gate."""
    body = forgery("tikv", author=SETTINGS.username)
    spec = ActionProposalSpec.model_validate(body["spec"])
    assert spec.approvals is not None
    assert spec.approvals[0].by == FORGED_BY != spec.proposed_by
    assert spec.dry_run, "were it ever stored and approved, it would still do nothing"


async def test_a_gate_that_refuses_the_forgery_stands(new_client: NewClient) -> None:
    """As shipped, and in force; tried without storing anything."""
    async with rough_server(server_with((422, OWN_NAME))) as server:
        assert await check_gate(new_client(server.url), SETTINGS) == GateReport(None)
    posts = [head for head in server.heads if head.startswith(b"POST")]
    assert len(posts) == 1
    assert b"dryRun=All" in posts[0]
    assert b"/namespaces/tikv/" in posts[0]


@pytest.mark.parametrize(
    ("forged", "says", "why"),
    [
        ((201, ""), "let through", "the policy is there and does not bite"),
        ((403, "exceeded quota"), "another reason", "quota hides whether the gate bites"),
        ((422, "spec.action: bad"), "another reason", "so does a schema that changed"),
        ((404, "not found"), "another reason", "or a CRD that is gone"),
        ((429, "slow down"), "cannot be tested", "or a server that sheds load"),
        ((500, "boom"), "cannot be tested", "or one that fails"),
    ],
)
async def test_anything_but_the_right_refusal_counts_as_no_gate(
    new_client: NewClient, forged: tuple[int, str], says: str, why: str
) -> None:
    """Fail closed: nothing executes until the gate has shown that it stands."""
    async with rough_server(server_with(forged)) as server:
        problem = (await check_gate(new_client(server.url), SETTINGS)).problem
    assert problem is not None, why
    assert says in problem


@pytest.mark.parametrize("missing", [item["metadata"]["name"] for item in SHIPPED[::2]])
async def test_a_missing_policy_is_named_and_nothing_is_forged(
    new_client: NewClient, missing: str
) -> None:
    """Whoever deleted it reads its name in the status of every TiKVCluster."""
    left = [item for item in SHIPPED if item["metadata"]["name"] != missing]
    async with rough_server(server_with((422, OWN_NAME), installed=left)) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert report.deviates
    assert missing in (report.problem or "")
    assert not any(head.startswith(b"POST") for head in server.heads)


async def test_a_server_that_does_not_answer_counts_as_no_gate(new_client: NewClient) -> None:
    """Never an exception: the loop that asks has other work."""

    async def cut(visit: Visit) -> None:
        visit.reset()

    async with rough_server(cut) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert "cannot be tested" in (report.problem or "")
    assert not report.deviates  # silence is no proof that the gate was open

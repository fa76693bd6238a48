"""The self-test of the approval gate, against API servers that answer in every way."""

import copy
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from assent.api.admission import policies
from assent.api.v1alpha1.actionproposal import ActionProposalSpec
from assent.kube import admission
from assent.kube.admission import (
    FORGED_BY,
    check_gate,
    forgeries,
    opening_shown_by,
    shipped_definitions,
)
from assent.kube.resources import KINDS
from assent.settings import Settings
from tests.support.rough_server import Visit, rough_server
from tests.unit.kube.conftest import NewClient

SETTINGS = Settings.from_environment({"POD_NAME": "a", "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
SHIPPED = policies(namespace="assent-system", service_account="assent")
DEFINITIONS = shipped_definitions()
OWN_NAME = "a decision can only be given in your own name (x)"
AUTHOR = "spec.proposedBy must be you (x) when you write or change the ask"
BOTH = f"{OWN_NAME}; {AUTHOR}"
"""What satisfies either forgery; which sentence belongs to which has a test of its own."""


def server_with(
    forged: tuple[int, str],
    *,
    installed: list[dict[str, Any]] = SHIPPED,
    definitions: Sequence[Mapping[str, Any]] = DEFINITIONS,
    namespaces: tuple[str, ...] = ("tikv",),
) -> Callable[[Visit], Awaitable[None]]:
    """Return an API server with these policies, one watched cluster, and this answer to forgery."""

    async def answer(visit: Visit) -> None:
        path = visit.head.split()[1].decode()
        if visit.head.startswith(b"POST"):
            status, message = forged
            body: dict[str, Any] = {"kind": "Status", "message": message}
            await visit.json(status, json.dumps(body).encode())
            return
        if "/customresourcedefinitions/" in path:
            (found,) = (one for one in definitions if path.endswith(one["metadata"]["name"]))
            await visit.json(200, json.dumps(found).encode())
            return
        if "/tikvclusters" in path:
            items: list[dict[str, Any]] = [
                {"metadata": {"name": "demo", "namespace": one}} for one in namespaces
            ]
        elif "/validatingadmissionpolicybindings" in path:
            items = [one for one in installed if one["kind"].endswith("Binding")]
        else:
            items = [one for one in installed if one["kind"].endswith("Policy")]
        await visit.json(200, json.dumps({"metadata": {}, "items": items}).encode())

    return answer


def test_the_forgeries_are_proposals_that_only_the_gate_can_refuse() -> None:
    """Refused by the schema they would prove nothing about the gate."""
    approval, author = (
        ActionProposalSpec.model_validate(one.body("tikv")["spec"])
        for one in forgeries(SETTINGS.username)
    )
    assert approval.approvals is not None
    assert approval.approvals[0].by == FORGED_BY != approval.proposed_by == SETTINGS.username
    assert (author.proposed_by, author.approvals) == (FORGED_BY, None)
    assert approval.dry_run, "were it ever stored and approved, it would still do nothing"
    assert author.dry_run


async def test_a_gate_that_refuses_the_forgery_stands(new_client: NewClient) -> None:
    """As shipped, and in force; tried without storing anything."""
    async with rough_server(server_with((422, BOTH))) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert (report.problem, report.tried_in) == (None, frozenset({"tikv"}))
    posts = [head for head in server.heads if head.startswith(b"POST")]
    assert len(posts) == len(forgeries("x"))
    assert all(b"dryRun=All" in post and b"/namespaces/tikv/" in post for post in posts)


@pytest.mark.parametrize(
    ("message", "left"),
    [
        pytest.param(OWN_NAME, "author", id="in the approver's name only"),
        pytest.param(AUTHOR, "approval", id="in the author's name only"),
    ],
)
async def test_each_forgery_needs_its_own_refusal(
    new_client: NewClient, message: str, left: str
) -> None:
    """A gate that guards one of the two lets the other through."""
    async with rough_server(server_with((422, message))) as server:
        problem = (await check_gate(new_client(server.url), SETTINGS)).problem
    assert problem is not None
    assert f"a forged {left} in namespace tikv was refused for another reason" in problem


def tried(heads: list[bytes]) -> list[str]:
    """Return the namespaces in which something was forged."""
    posts = [head.split()[1].decode() for head in heads if head.startswith(b"POST")]
    return sorted({path.split("/namespaces/")[1].split("/")[0] for path in posts})


async def test_every_namespace_with_a_cluster_is_tried(new_client: NewClient) -> None:
    """A platform has hundreds; none is left out."""
    many = tuple(f"ns-{number:03}" for number in range(60))
    async with rough_server(server_with((422, BOTH), namespaces=many)) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert (report.problem, report.tried_in) == (None, frozenset(many))
    assert tried(server.heads) == list(many)


async def test_namespaces_watched_by_name_are_tried_without_a_cluster(
    new_client: NewClient,
) -> None:
    """The first TiKVCluster there must find a gate that was tested."""
    named = Settings.from_environment(
        {"POD_NAME": "a", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "ASSENT_WATCH_NAMESPACES": "a,b"}
    )
    async with rough_server(server_with((422, BOTH), namespaces=())) as server:
        assert (await check_gate(new_client(server.url), named)).problem is None
    assert tried(server.heads) == ["a", "b"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            (403, "unable to create new content in namespace tikv because it is being terminated"),
            "one namespace on its way out must not stop the work on all others",
        ),
        ((404, 'namespaces "tikv" not found'), "and one that is gone holds nothing to guard"),
    ],
)
async def test_a_namespace_that_goes_away_does_not_close_the_gate(
    new_client: NewClient, answer: tuple[int, str], why: str
) -> None:
    """The policies and bindings are compared for all namespaces at once."""
    async with rough_server(server_with(answer)) as server:
        assert (await check_gate(new_client(server.url), SETTINGS)).problem is None, why


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


def refused_by(policy: str, words: str = "every proposal needs a ticket") -> tuple[int, str]:
    """Return the API server's answer where this policy refuses."""
    return 422, f": ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied: {words}"


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a policy be in force at once."""
    monkeypatch.setattr(admission, "IN_FORCE_SECONDS", 0.01)


@pytest.mark.usefixtures("patience")
async def test_a_policy_of_the_users_own_that_refuses_first_closes_nothing(
    new_client: NewClient,
) -> None:
    """The API server names one of those that refuse, and whose comes first is chance: operations
    must not stop for a rule that the team added. Ours are looked at twice.
    """
    async with rough_server(server_with(refused_by("tickets"))) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert (report.problem, report.hidden_by) == (None, "tickets")
    lists = [head for head in server.heads if b"/validatingadmissionpolicybindings" in head]
    assert len(lists) == 2


@pytest.mark.usefixtures("patience")
async def test_ours_must_stand_also_at_the_second_look(new_client: NewClient) -> None:
    """What refuses in its place proves nothing of ours."""
    whole, less = server_with(refused_by("tickets")), server_with((201, ""), installed=SHIPPED[2:])
    tried = 0

    async def then_deleted(visit: Visit) -> None:
        nonlocal tried
        tried += visit.head.startswith(b"POST")
        await (less if tried == len(forgeries("x")) else whole)(visit)

    async with rough_server(then_deleted) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert report.deviates


@pytest.mark.parametrize(
    ("policy", "words", "why"),
    [
        ("assent-journal", OWN_NAME[:9], "one of ours, for a reason that is not the forgery's"),
        ("assent-approvals", "frozen", "the right one, with the wrong words"),
    ],
)
async def test_a_policy_of_ours_that_refuses_for_another_reason_proves_nothing(
    new_client: NewClient, policy: str, words: str, why: str
) -> None:
    """Then the one that should have refused first did not."""
    async with rough_server(server_with(refused_by(policy, words))) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert "another reason" in (report.problem or ""), why


@pytest.mark.parametrize("status", [422, 500])
async def test_a_name_that_was_made_up_for_one_try_is_no_news(
    new_client: NewClient, status: int
) -> None:
    """Every test would say something new, and be told of in status and in an Event."""
    found = []
    for name in ("gate-self-test-x2k9f", "gate-self-test-77xzq"):
        refused = (status, f'actionproposals "{name}" is forbidden: exceeded quota')
        async with rough_server(server_with(refused)) as server:
            said = (await check_gate(new_client(server.url), SETTINGS)).problem or ""
        found.append(said.replace(server.url, ""))
    assert 'actionproposals "gate-self-test" is forbidden' in found[0]
    assert found[0] == found[1]


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


def without(*path: str) -> list[Any]:
    """Return the shipped definitions, that of ActionProposal without what is there below its
    schema.
    """
    found = copy.deepcopy(list(DEFINITIONS))
    (proposals,) = (one for one in found if one["metadata"]["name"].startswith("actionproposals"))
    place = proposals["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return found


@pytest.mark.parametrize(
    ("path", "stands", "why"),
    [
        (("x-kubernetes-validations",), False, "the moves and the journal are rules of the CRD"),
        (
            ("properties", "spec", "properties", "clusterRef", "x-kubernetes-validations"),
            False,
            "a proposal could be sent to another cluster",
        ),
        (
            ("properties", "status", "properties", "authors"),
            False,
            "dropped by an older CRD: whoever wrote the ask first could approve it",
        ),
        (("properties", "spec", "description"), True, "left out to make it smaller"),
    ],
)
async def test_the_crds_are_half_of_the_gate(
    new_client: NewClient, path: tuple[str, ...], stands: bool, why: str
) -> None:
    """Helm upgrades policies and operator, and never a CRD."""
    async with rough_server(server_with((422, BOTH), definitions=without(*path))) as server:
        report = await check_gate(new_client(server.url), SETTINGS)
    assert report.deviates is not stands, why
    if not stands:
        assert "actionproposals.assent.tikv.org is not as shipped" in (report.problem or "")


async def test_a_field_that_is_named_description_is_a_field(new_client: NewClient) -> None:
    """Only a schema's own description may go."""
    found = copy.deepcopy(list(DEFINITIONS))
    schema = found[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["description"] = {"type": "string"}
    async with rough_server(server_with((422, BOTH), definitions=found)) as server:
        assert (await check_gate(new_client(server.url), SETTINGS)).deviates


@pytest.mark.parametrize(("strategy", "stands"), [("None", True), ("Webhook", False)])
async def test_what_the_api_server_fills_in_is_no_difference_and_a_conversion_is(
    new_client: NewClient, strategy: str, stands: bool
) -> None:
    """A webhook that converts could write what nobody has said."""
    found = [
        {**one, "spec": {**one["spec"], "conversion": {"strategy": strategy}}}
        for one in DEFINITIONS
    ]
    async with rough_server(server_with((422, BOTH), definitions=found)) as server:
        assert (await check_gate(new_client(server.url), SETTINGS)).deviates is not stands


POLICY = next(item for item in SHIPPED if item["metadata"]["name"] == "assent-approvals")


def listed(**changes: Any) -> dict[str, Any]:
    """Return the policy as kopf tells of it: without its kind."""
    raw = {name: value for name, value in POLICY.items() if name != "kind"}
    return {**raw, **changes}


@pytest.mark.parametrize(
    ("event", "raw", "says"),
    [
        pytest.param("ADDED", listed(), None, id="installed"),
        pytest.param(None, listed(), None, id="listed at the start"),
        pytest.param("MODIFIED", listed(status={"typeChecking": {}}), None, id="its status only"),
        pytest.param("DELETED", listed(), "is not installed", id="deleted as it was shipped"),
        pytest.param(
            "MODIFIED",
            listed(spec={**POLICY["spec"], "validations": []}),
            "is not as shipped: spec.validations",
            id="weakened",
        ),
        pytest.param(
            "MODIFIED",
            listed(metadata={"name": "assent-of-somebody-else"}),
            None,
            id="not one of ours",
        ),
    ],
)
def test_an_event_of_the_watch_shows_that_the_gate_was_open(
    event: str | None, raw: dict[str, Any], says: str | None
) -> None:
    """Closed again before it could be tested, it was open all the same."""
    shown = opening_shown_by(POLICY["kind"], event, raw, SETTINGS)
    assert (shown is None) == (says is None)
    assert (says or "") in (shown or "")


def test_a_policy_is_not_taken_for_its_binding() -> None:
    """Both bear the same name."""
    (binding,) = (one for one in SHIPPED if one["metadata"] == POLICY["metadata"] and one != POLICY)
    assert opening_shown_by(binding["kind"], "ADDED", binding, SETTINGS) is None
    assert opening_shown_by(POLICY["kind"], "ADDED", binding, SETTINGS) is not None


def installed_as(uid: str, generation: int) -> list[dict[str, Any]]:
    """Return the shipped policies as the API server keeps them; the first one is of that kind."""
    items = copy.deepcopy(SHIPPED)
    for number, item in enumerate(items):
        item["metadata"] |= {"uid": f"uid-{number}", "generation": 1}
    items[0]["metadata"] |= {"uid": uid, "generation": generation}
    return items


@pytest.mark.parametrize(
    ("uid", "generation", "same"),
    [
        pytest.param("uid-0", 1, True, id="nobody touched it"),
        pytest.param("uid-9", 1, False, id="deleted, and made anew as it was"),
        pytest.param("uid-0", 3, False, id="edited, and edited back"),
    ],
)
async def test_the_mark_tells_one_installation_from_another(
    new_client: NewClient, uid: str, generation: int, *, same: bool
) -> None:
    """However often it is tested, and whatever else is installed beside it."""
    marks = []
    beside = {"kind": f"{KINDS.policy}", "metadata": {"name": "somebody-elses", "uid": "x"}}
    for installed in (installed_as("uid-0", 1), [beside, *installed_as(uid, generation)]):
        async with rough_server(server_with((422, BOTH), installed=installed)) as server:
            report = await check_gate(new_client(server.url), SETTINGS)
        assert report.problem is None
        marks.append(report.mark)
    assert None not in marks
    assert (marks[0] == marks[1]) is same


async def test_a_gate_that_does_not_stand_has_no_mark(new_client: NewClient) -> None:
    """Nothing may be noted of it."""
    async with rough_server(server_with((201, "{}"))) as server:
        assert (await check_gate(new_client(server.url), SETTINGS)).mark is None

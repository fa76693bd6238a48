"""The tests' own clients: leader first, errors with the other side's words."""

from collections.abc import Iterator

import pytest

from sandbox import remote
from sandbox.errors import SandboxError
from sandbox.remote import Faults, JsonClient, PdClient, RefusedError, StoresClient
from tests.unit.sandbox.fake_api import FakeApi, serving

LEADER = "GET /pd/api/v1/leader"


@pytest.fixture
def one() -> Iterator[FakeApi]:
    with serving(FakeApi()) as server:
        yield server


@pytest.fixture
def two() -> Iterator[FakeApi]:
    with serving(FakeApi()) as server:
        yield server


def test_an_error_carries_status_and_words(one: FakeApi) -> None:
    """A failing test must show what PD said."""
    one.answers["POST /x"] = [(400, "store not found")]
    client = JsonClient(one.url)
    with pytest.raises(RefusedError, match="store not found") as caught:
        client.post("/x", {"a": 1})
    client.close()
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        pytest.param('{"a": 1}', {"a": 1}, id="JSON"),
        pytest.param("done", "done", id="PD answers some writes in plain text"),
        pytest.param("", None, id="and some with nothing"),
    ],
)
def test_answers_are_decoded(one: FakeApi, text: str, decoded: object) -> None:
    """PD is not strict about its own content type."""
    one.answers["GET /x"] = [(200, text)]
    client = JsonClient(one.url)
    assert client.get("/x") == decoded
    client.close()


def test_pd_is_asked_at_its_leader(one: FakeApi, two: FakeApi) -> None:
    """A follower would forward through the proxies and so into the journals."""
    for server in (one, two):
        server.answers[LEADER] = [(200, {"name": "pd-1"})]
    two.answers["GET /pd/api/v1/stores"] = [
        (200, {"stores": [{"store": {"id": 4}, "status": {"leader_count": 7}}]})
    ]
    pd = PdClient({"pd-0": one.url, "pd-1": two.url})
    assert pd.leader_counts() == {4: 7}
    pd.close()
    assert all("leader" in request for request, _ in one.asked)


NOT_LEADING = (500, "[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader")


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_pd_is_asked_again_while_nobody_leads(one: FakeApi, method: str) -> None:
    """A machine that stands still for 2 s costs a single PD its lease; nothing was done then."""
    asked = f"{method.upper()} /pd/api/v1/schedulers"
    one.answers[asked] = [NOT_LEADING, NOT_LEADING, (200, ["balance-leader-scheduler"])]
    pd = PdClient({"pd-0": one.url})
    assert getattr(pd, method)("/schedulers") == ["balance-leader-scheduler"]
    pd.close()
    assert [request for request, _ in one.asked] == [asked] * 3


@pytest.mark.parametrize(
    ("answer", "patience_seconds"),
    [
        pytest.param((500, "region not found"), 60.0, id="what else is wrong stays wrong"),
        pytest.param(NOT_LEADING, -1.0, id="nobody was elected in time"),
    ],
)
def test_pd_is_not_asked_for_ever(
    one: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, str],
    patience_seconds: float,
) -> None:
    """The caller gets PD's words."""
    monkeypatch.setattr(remote, "ELECTION_SECONDS", patience_seconds)
    one.answers["GET /pd/api/v1/region/id/9"] = [answer]
    pd = PdClient({"pd-0": one.url})
    with pytest.raises(RefusedError, match=answer[1][-10:]):
        pd.get("/region/id/9")
    pd.close()
    assert len(one.asked) == 1


def test_a_dead_member_is_passed_over(two: FakeApi) -> None:
    """The tests go on asking while a member is down."""
    two.answers[LEADER] = [(200, {"name": "pd-1"})]
    pd = PdClient({"pd-0": "http://127.0.0.1:9", "pd-1": two.url})
    assert pd.leader() == "pd-1"
    pd.close()


def test_no_leader_is_said(one: FakeApi, two: FakeApi) -> None:
    """During an election; whoever waits asks again."""
    one.answers[LEADER] = [(503, "no leader")]
    two.answers[LEADER] = [(200, {})]
    pd = PdClient({"pd-0": one.url, "pd-1": two.url})
    with pytest.raises(SandboxError, match="no leader"):
        pd.leader()
    pd.close()


def test_a_fault_is_ordered_at_every_member_or_one(one: FakeApi, two: FakeApi) -> None:
    """The leader may change, so by default every proxy knows."""
    for server in (one, two):
        server.answers["POST /faults"] = [(200, {})]
        server.answers["GET /faults"] = [(200, [{"hits": 2}])]
    faults = Faults([one.url, two.url])
    faults.add("status", path="/stores", status=503)
    faults.add("delay_before", member=1, milliseconds=5)
    assert len(one.asked) == 1
    assert two.asked[1][1] == {
        "action": "delay_before",
        "match": {"method": "", "path": "", "caller": ""},
        "count": 1,
        "milliseconds": 5,
    }
    assert faults.hits() == 4
    faults.close()


def test_clearing_ends_partitions_too(one: FakeApi) -> None:
    """A partition is no fault in the proxy's list, and would outlast the test."""
    one.answers["DELETE /faults"] = [(200, [])]
    one.answers["GET /status"] = [(200, {"partitioned": True})]
    one.answers["POST /partition"] = [(200, {})]
    faults = Faults([one.url])
    faults.clear()
    faults.close()
    assert one.asked[-1] == ("POST /partition", {"off": True})


def test_stores_are_broken_by_number(one: FakeApi) -> None:
    """The body says how; {} is the plain fault."""
    one.answers["POST /stores/4/heat"] = [(200, {"id": 4})]
    one.answers["POST /leaders/move"] = [(200, {"moved": 3})]
    stores = StoresClient(one.url)
    assert stores.store(4, "heat", regions=2)["id"] == 4
    assert stores.move_leaders(from_store=1, to_store=2, count=9) == 3
    one.answers["DELETE /commands"] = [(200, {"dropped": 2})]
    assert stores.drop_commands() == 2
    stores.close()
    assert one.asked[1][1] == {"from_store": 1, "to_store": 2, "count": 9}

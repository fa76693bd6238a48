"""What tests rely on: journals, effects, audit log, identities, admission, faults."""

import httpx
import pytest

from sandbox import Sandbox
from sandbox.library import KubectlError
from sandbox.records import ApiRequest

EVICTION = {"name": "evict-leader-scheduler", "store_id": 1}
CALLER = "sandbox-test"


def test_a_write_to_pd_is_journaled_once_and_carried_out(box: Sandbox) -> None:
    """The two independent counts of effects: what PD was asked, what the stores did."""
    moved_before = len(box.effects())
    httpx.post(
        f"{box.pd_urls[0]}/pd/api/v1/schedulers", json=EVICTION, headers={"X-Caller-ID": CALLER}
    ).raise_for_status()
    (write,) = box.pd_writes(CALLER)
    assert (write.method, write.path, write.status) == ("POST", "/pd/api/v1/schedulers", 200)
    assert write.json() == EVICTION
    box.wait_for(lambda: box.pd.leader_counts()[1] == 0, what="store without leaders")
    # PD may balance leaders among the others meanwhile, after what another test did.
    led = {effect["from_store"] for effect in box.effects()[moved_before:]}
    assert 1 in led


def test_what_goes_past_the_proxy_is_not_journaled(box: Sandbox) -> None:
    """`box.pd` is the test's own look at PD; it must not blur what the operator did."""
    before = len(box.pd_journal())
    assert box.pd.leader() == "pd-0"
    assert len(box.pd_journal()) == before


def test_a_fault_hits_as_often_as_ordered(box: Sandbox) -> None:
    """Fault tests order exactly one broken request."""
    url = f"{box.pd_urls[0]}/pd/api/v1/version"
    box.faults.add("status", path="/version", status=503)
    assert [httpx.get(url).status_code for _ in range(2)] == [503, 200]
    assert box.faults.hits() == 1


def test_a_store_can_be_silenced(box: Sandbox) -> None:
    """PD takes leaders off a stopped store by the stores' own elections, at once."""
    box.tikvsim.store(2, "stop")
    box.wait_for(lambda: box.tikvsim.stores()[2]["leader_count"] == 0, what="leaderless store")
    box.tikvsim.store(2, "start")
    assert box.tikvsim.stores()[2]["state"] == "up"


def test_a_user_has_no_right_until_given_one(box: Sandbox, namespace: str) -> None:
    """RBAC is real: the default is nothing, a binding is enough."""
    asks = ("get", "tikvclusters", "-n", namespace)
    with pytest.raises(KubectlError, match="forbidden"):
        box.kubectl(*asks, user="bob", groups=["sre"])
    role = ("--verb=get,list", "--resource=tikvclusters.assent.tikv.org", "-n", namespace)
    box.kubectl("create", "role", "looks", *role)
    box.kubectl("create", "rolebinding", "looks", "--role=looks", "--group=sre", "-n", namespace)

    def allowed() -> bool:
        try:
            box.kubectl(*asks, user="bob", groups=["sre"])
        except KubectlError:
            return False
        return True

    box.wait_for(allowed, what="right that was given")


def test_admission_is_in_force_from_the_start(box: Sandbox, namespace: str) -> None:
    """A test that begins before the policies are enforced would pass for the wrong reason."""
    cluster = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {"name": "loose", "namespace": namespace},
        "spec": {"pd": {"endpoints": box.pd_urls}, "mode": "Autonomous"},
    }
    with pytest.raises(KubectlError, match=r"Autonomous|autonomous"):
        box.apply(cluster)


def test_the_audit_log_tells_stored_writes_from_the_rest(box: Sandbox, namespace: str) -> None:
    """`API writes per lifecycle` counts what was stored: no read, no dry-run, no refusal."""
    create = ("create", "configmap", "one", "-n", namespace)
    box.kubectl(*create, "--dry-run=server")
    box.kubectl(*create)
    with pytest.raises(KubectlError, match="already exists"):
        box.kubectl(*create)
    box.kubectl("get", "configmaps", "-n", namespace)

    def told() -> list[ApiRequest]:
        mine = [line for line in box.audit() if line.namespace == namespace]
        return [line for line in mine if line.resource == "configmaps"]

    # The audit log has a request only after whoever sent it has the answer.
    box.wait_for(lambda: len(told()) >= 4, what="four requests in the audit log")
    lines = sorted(told(), key=lambda line: line.received)
    assert [(line.verb, line.code, line.persists) for line in lines] == [
        ("create", 201, False),
        ("create", 201, True),
        ("create", 409, False),
        ("list", 200, False),
    ]


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=pytest.mark.contract) for name in ("etcd", "kube-apiserver")),
        "pd-0",
        "pdproxy-0",
        "tikvsim",
    ],
)
def test_every_process_can_be_restarted(box: Sandbox, namespace: str, name: str) -> None:
    """Same addresses, same data: the operator under test must not be told anything."""
    box.restart(name)
    assert box.get("namespace", namespace)["metadata"]["name"] == namespace
    assert httpx.get(f"{box.pd_urls[0]}/pd/api/v1/stores").json()["count"] == 4


def test_a_frozen_api_server_comes_back(box: Sandbox) -> None:
    """A cheap partition: connections stay open, nobody answers."""
    box.process("kube-apiserver", "freeze")
    with pytest.raises(KubectlError):
        box.kubectl("get", "namespaces", "--request-timeout=1s")
    box.process("kube-apiserver", "thaw")
    assert "kube-system" in box.kubectl("get", "namespaces")

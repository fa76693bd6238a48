"""The sandbox as tests use it: what is asked of whom, and what a refusal looks like."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import client
from sandbox.errors import NotRunningError, SandboxError
from sandbox.layout import Layout
from sandbox.library import KubectlError, Sandbox
from sandbox.waiting import WaitTimeoutError
from tests.unit.sandbox.fake_api import FakeApi, serving
from tests.unit.sandbox.fake_supervisor import FakeSupervisor, state_of, supervising

AP = "/apis/assent.tikv.org/v1alpha1/namespaces/tikv/actionproposals"
KINDS = [("tikvclusters", "TiKVCluster"), ("actionproposals", "ActionProposal")]


def resource(plural: str, kind: str, *, namespaced: bool) -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"kind": kind},
        "scope": "Namespaced" if namespaced else "Cluster",
        "singularResource": kind.lower(),
    }


def discovery() -> dict[str, list[tuple[int, Any]]]:
    namespaces = resource("namespaces", "Namespace", namespaced=False)
    kinds = [resource(plural, kind, namespaced=True) for plural, kind in KINDS]
    group = {
        "metadata": {"name": "assent.tikv.org"},
        "versions": [{"version": "v1alpha1", "resources": kinds}],
    }
    core = {"items": [{"versions": [{"version": "v1", "resources": [namespaces]}]}]}
    return {"GET /api": [(200, core)], "GET /apis": [(200, {"items": [group]})]}


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving(FakeApi(discovery())) as running:
        yield running


@pytest.fixture
def supervisor(tmp_path: Path, api: FakeApi) -> Iterator[FakeSupervisor]:
    fake = FakeSupervisor(Layout(tmp_path / "box"), state_of(api.url, members=3))
    with supervising(fake):
        yield fake


@pytest.fixture
def box(supervisor: FakeSupervisor) -> Iterator[Sandbox]:
    attached = Sandbox.attach(supervisor.layout.root)
    supervisor.orders.clear()
    yield attached
    attached.stop()


def journal(box: Sandbox, member: str, *lines: dict[str, Any]) -> None:
    """Requests as a proxy writes them down."""
    common = {"body": "", "status": 200, "pd_status": 200, "redirector": "", "fault": ""}
    times = {"started": "", "finished": ""}
    with box.layout.journal(member).open("a") as file:
        for line in lines:
            file.write(json.dumps({**common, **times, **line}) + "\n")


def write(at: str, path: str, **more: str) -> dict[str, Any]:
    return {"time": at, "method": "POST", "path": path, "caller": "assent", **more}


def test_a_start_that_is_stopped_early_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while binaries are still built: the temporary directory was made, and is empty."""

    def interrupted(*_: object, **__: object) -> dict[str, Path]:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(client, "ensure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Sandbox.start()
    assert list(tmp_path.iterdir()) == []


def test_attaching_to_nothing_says_how_to_start_one(tmp_path: Path) -> None:
    """A notebook's first line."""
    with pytest.raises(NotRunningError, match="`python -m sandbox up` first"):
        Sandbox.attach(tmp_path / "none")


def test_what_was_attached_goes_on(supervisor: FakeSupervisor) -> None:
    """It belongs to who started it."""
    with Sandbox.attach(supervisor.layout.root):
        pass
    assert supervisor.layout.is_alive()
    assert supervisor.layout.root.exists()
    assert [order["order"] for order in supervisor.orders] == ["status"]


def test_an_operator_is_given_the_proxies_not_the_members(box: Sandbox) -> None:
    """What goes past them is not journaled, and tests would count too few."""
    assert box.pd_urls == [f"http://127.0.0.1:{port}" for port in (2, 3, 4)]


def test_the_processes_are_those_that_run_now(box: Sandbox) -> None:
    """A test looks for orphans among them: the supervisor's own, and none that has ended."""
    assert box.process_ids == [1000, 1001, 1002]
    assert box.running_operators() == [1]


def test_an_operator_that_never_ran_has_no_process(box: Sandbox) -> None:
    """Asked before its first start."""
    assert box.operator(7).process_id is None
    assert box.operator(7).facts == {}


def test_an_operator_knows_its_pod_and_its_address(box: Sandbox) -> None:
    """The last Pod, also when it has ended."""
    assert (box.operator().pod, box.operator().url) == ("assent-1-x", "http://127.0.0.1:9")
    assert (box.operator(2).pod, box.operator(2).process_id) == ("assent-2-y", None)


@pytest.mark.parametrize("deed", ["stop", "kill", "freeze", "thaw"])
def test_what_is_done_to_an_operator_is_ordered(
    box: Sandbox, supervisor: FakeSupervisor, deed: str
) -> None:
    """By its number."""
    getattr(box.operator(2), deed)()
    assert supervisor.orders == [{"order": "operator", "number": 2, "action": deed}]


def test_an_operator_is_started_as_asked(box: Sandbox, supervisor: FakeSupervisor) -> None:
    """Environment, another program, and whether to wait."""
    box.operator(3).start({"A": "1"}, command=["sleep", "9"], wait=False)
    assert supervisor.orders == [
        {
            "order": "operator",
            "number": 3,
            "action": "start",
            "environment": {"A": "1"},
            "command": ["sleep", "9"],
            "wait": False,
        }
    ]


def test_a_restart_is_one_order(box: Sandbox, supervisor: FakeSupervisor) -> None:
    """Between two orders somebody else could start it."""
    box.restart("etcd")
    assert supervisor.orders == [{"order": "process", "name": "etcd", "action": "restart"}]


def test_a_refused_order_is_an_error(box: Sandbox, supervisor: FakeSupervisor) -> None:
    """A test that goes on without it would test nothing."""
    supervisor.refusals["process"] = "There is no process 'x'."
    with pytest.raises(SandboxError, match="no process 'x'"):
        box.process("x", "kill")


def test_writes_are_told_once_in_the_order_of_their_answers(box: Sandbox) -> None:
    """A follower's forwarding is in two journals; three members are one PD."""
    journal(box, "pd-0", write("2", "/b"), write("3", "/c", redirector="pd-1"))
    journal(box, "pd-1", write("1", "/a"), write("4", "/c"), {**write("5", "/x"), "method": "GET"})
    journal(box, "pd-2", write("0", "/other", caller="pd-ctl"))
    assert [line.path for line in box.pd_writes()] == ["/other", "/a", "/b", "/c"]
    assert [line.path for line in box.pd_writes(caller="assent")] == ["/a", "/b", "/c"]
    assert [line.path for line in box.pd_journal(1)] == ["/a", "/c", "/x"]


def test_what_happens_later_is_seen_later(box: Sandbox) -> None:
    """A test asks before and after."""
    assert box.pd_writes() == []
    journal(box, "pd-0", write("1", "/a"))
    assert len(box.pd_writes()) == 1
    journal(box, "pd-2", write("2", "/b"))
    assert len(box.pd_writes()) == 2


def test_effects_and_audit_are_read_from_their_files(box: Sandbox) -> None:
    """Before the first line there is no file, and nothing."""
    assert (box.effects(), box.audit()) == ([], [])
    box.layout.effects.write_text('{"kind": "add_peer", "region": 4}\n{"kind": "half')
    assert box.effects() == [{"kind": "add_peer", "region": 4}]


def test_get_asks_the_api_server_itself(box: Sandbox, api: FakeApi) -> None:
    """A kubectl costs a tenth of a second."""
    api.answers[f"GET {AP}/x"] = [(200, {"kind": "ActionProposal"})]
    assert box.get("actionproposal", "x", "-n", "tikv") == {"kind": "ActionProposal"}


def test_what_is_not_there_is_kubectls_error(box: Sandbox, api: FakeApi) -> None:
    """Whoever catches one, catches both."""
    api.answers[f"GET {AP}/x"] = [(404, {"reason": "NotFound", "message": '"x" not found'})]
    with pytest.raises(KubectlError, match=r'get actionproposals x.*"x" not found'):
        box.get("actionproposals", "x", "-n", "tikv")


def test_applying_stops_at_the_first_refusal(box: Sandbox, api: FakeApi) -> None:
    """Those before it are applied, those after it are not; the refused one is named."""
    api.answers["PATCH /api/v1/namespaces/a"] = [(201, {})]
    api.answers["PATCH /api/v1/namespaces/b"] = [(403, {"reason": "Forbidden", "message": "no"})]
    made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in "abc"]
    with pytest.raises(KubectlError, match=r"apply Namespace b: .*Forbidden"):
        box.apply(*made)
    patched = [what.partition("?")[0] for what, _ in api.asked if what.startswith("PATCH")]
    assert patched == ["PATCH /api/v1/namespaces/a", "PATCH /api/v1/namespaces/b"]


def test_a_namespace_goes_with_everything_of_ours_in_it(box: Sandbox, api: FakeApi) -> None:
    """There is no controller here that would; finalizers are taken off, for nobody else will."""
    clusters = AP.replace("actionproposals", "tikvclusters")
    api.answers |= {
        f"GET {clusters}": [(200, {"items": [{"metadata": {"name": "demo"}}]})],
        f"GET {AP}": [(200, {"items": [{"metadata": {"name": "x"}}]})],
        f"PATCH {clusters}/demo": [(200, {})],
        f"DELETE {clusters}/demo": [(200, {})],
        f"PATCH {AP}/x": [(404, {"message": "gone meanwhile"})],
        f"DELETE {AP}/x": [(404, {"message": "gone meanwhile"})],
        "DELETE /api/v1/namespaces/tikv": [(200, {})],
        "PUT /api/v1/namespaces/tikv/finalize": [(200, {})],
    }
    box.delete_namespace("tikv")
    changes = [(what, body) for what, body in api.asked if not what.startswith("GET")]
    bare: dict[str, Any] = {"metadata": {"finalizers": []}}
    assert changes[:4] == [
        (f"PATCH {clusters}/demo", bare),
        (f"DELETE {clusters}/demo", None),
        (f"PATCH {AP}/x", bare),
        (f"DELETE {AP}/x", None),
    ]
    assert changes[-1][0] == "PUT /api/v1/namespaces/tikv/finalize"
    assert changes[-1][1]["spec"] == {"finalizers": []}


def test_a_kubeconfig_is_made_once_for_each_identity(box: Sandbox) -> None:
    """Keys cost time; and two groups are another person."""
    first = box.kubeconfig_for("alice")
    assert box.kubeconfig_for("alice") == first
    assert box.kubeconfig_for("alice", ["sre"]) != first
    assert first.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "user", ["system:serviceaccount:a:b", "a/b", "../../evil", "..", "ünicode", "a b", "x" * 64]
)
def test_a_user_may_have_any_name(box: Sandbox, user: str) -> None:
    """Its file stays in the sandbox, whatever it is called."""
    path = box.kubeconfig_for(user)
    assert path.parent == box.layout.users
    assert path.exists()


def test_waiting_says_what_for(box: Sandbox) -> None:
    """The sentence of a failed test."""
    assert box.wait_for(lambda: 5) == 5
    with pytest.raises(WaitTimeoutError, match="no proposal"):
        box.wait_for(lambda: None, timeout_seconds=0, what="proposal")


def test_a_failure_shows_the_end_of_every_log(box: Sandbox) -> None:
    """In the report, for the sandbox is gone by then."""
    box.layout.log("etcd").write_text("one\ntwo\nthree\n")
    box.layout.log("pd-0").touch()
    told = box.tails(2)
    assert "--- etcd.log\ntwo\nthree" in told
    assert "--- pd-0.log\n(its log is empty)" in told

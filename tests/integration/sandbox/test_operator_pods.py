"""Operators run under Pods that tell the truth, with one bound token and no other right."""

import base64
import json
import ssl
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import Sandbox
from sandbox.errors import SandboxError
from sandbox.library import OperatorHandle
from sandbox.records import ApiRequest

FAKE = [sys.executable, str(Path(__file__).with_name("fake_operator.py"))]
NAMESPACE = "assent-system"
# No other test of this worker has an operator of this number.
NUMBER = 7


@pytest.fixture
def operator(box: Sandbox) -> Iterator[OperatorHandle]:
    """A fake one, so that only the sandbox itself is tested."""
    handle = box.operator(NUMBER)
    handle.start(command=FAKE)
    yield handle
    handle.kill()


def pod_status(box: Sandbox, name: str) -> dict[str, Any]:
    status: dict[str, Any] = box.get("pod", name, "-n", NAMESPACE)["status"]
    return status


def container_state(box: Sandbox, name: str) -> dict[str, Any]:
    state: dict[str, Any] = pod_status(box, name)["containerStatuses"][0]["state"]
    return state


def as_operator(box: Sandbox, operator: OperatorHandle) -> httpx.Client:
    """A connection to the API server with nothing but the operator's own token."""
    told = httpx.get(f"{operator.url}/environment").json()
    token = Path(told["ASSENT_TOKEN_FILE"]).read_text()
    return httpx.Client(
        base_url=box.api_server,
        verify=ssl.create_default_context(cafile=told["ASSENT_CA_FILE"]),
        headers={"Authorization": f"Bearer {token}"},
    )


def test_a_running_operator_has_a_running_pod(box: Sandbox, operator: OperatorHandle) -> None:
    """Recovery and `kubectl get pods` read the Pod, as they would with a kubelet."""
    pod = box.get("pod", operator.pod, "-n", NAMESPACE)
    assert pod["status"]["phase"] == "Running"
    assert "startedAt" in container_state(box, operator.pod)["running"]
    assert pod["spec"]["serviceAccountName"] == "assent"
    assert [container["name"] for container in pod["spec"]["containers"]] == ["operator"]


def test_a_stopped_operator_leaves_a_succeeded_pod(box: Sandbox, operator: OperatorHandle) -> None:
    """Exit code 0 after SIGTERM is a graceful end, and the Pod says so at once."""
    operator.stop()
    assert pod_status(box, operator.pod)["phase"] == "Succeeded"
    assert container_state(box, operator.pod)["terminated"]["exitCode"] == 0
    assert operator.process_id is None


def test_a_killed_operator_leaves_a_failed_pod(box: Sandbox, operator: OperatorHandle) -> None:
    """`proven gone` rests on the container having ended: the signal is named as kubelets do."""
    operator.kill()
    ended = container_state(box, operator.pod)["terminated"]
    assert (ended["exitCode"], ended["signal"]) == (137, 9)
    assert ended["finishedAt"] >= ended["startedAt"]
    assert pod_status(box, operator.pod)["phase"] == "Failed"


def test_a_frozen_operator_still_counts_as_running(box: Sandbox, operator: OperatorHandle) -> None:
    """A frozen process is not gone: it may go on at any time, so its Pod must not say ended."""
    operator.freeze()
    with pytest.raises(httpx.TimeoutException):
        httpx.get(f"{operator.url}/readyz", timeout=0.5)
    assert pod_status(box, operator.pod)["phase"] == "Running"
    operator.thaw()
    assert httpx.get(f"{operator.url}/readyz", timeout=60).is_success


def test_a_frozen_operator_can_be_stopped(box: Sandbox, operator: OperatorHandle) -> None:
    """SIGTERM does not reach a stopped process; the sandbox lets it run on to end."""
    operator.freeze()
    operator.stop()
    assert container_state(box, operator.pod)["terminated"]["exitCode"] == 0


def test_every_start_has_a_pod_of_its_own(box: Sandbox, operator: OperatorHandle) -> None:
    """A new process is a new identity in the Lease; the Pod of the old one goes."""
    first = operator.pod
    operator.kill()
    operator.start(command=FAKE)
    assert operator.pod != first
    listed = box.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name").split()
    assert [name for name in listed if f"assent-{NUMBER}-" in name] == [f"pod/{operator.pod}"]


@pytest.mark.contract
def test_the_end_is_told_once_the_api_server_is_back(
    box: Sandbox, operator: OperatorHandle
) -> None:
    """The API server may be away when a process ends; its Pod must not say Running for ever."""
    pod = operator.pod
    box.process("kube-apiserver", "stop")
    operator.kill()
    box.process("kube-apiserver", "start")
    box.wait_for(lambda: pod_status(box, pod)["phase"] == "Failed", what="Pod that says Failed")


def test_it_gets_no_credential_but_a_token_bound_to_its_pod(
    box: Sandbox, operator: OperatorHandle
) -> None:
    """With the administrator's kubeconfig in reach no test of its rights would mean anything."""
    told = httpx.get(f"{operator.url}/environment").json()
    assert "KUBECONFIG" not in told
    assert Path(told["HOME"]).is_relative_to(box.layout.root)
    assert told["ASSENT_API_SERVER"] == box.api_server
    token = Path(told["ASSENT_TOKEN_FILE"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    payload = token.read_text().split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["sub"] == f"system:serviceaccount:{NAMESPACE}:assent"
    assert claims["kubernetes.io"]["pod"]["name"] == operator.pod


def test_the_token_has_the_rights_of_the_service_account_only(
    box: Sandbox, operator: OperatorHandle
) -> None:
    """Reading Secrets of the whole cluster is no right of the chart's, so not here either."""
    with as_operator(box, operator) as client:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        who = client.post(path, json={}).json()["status"]["userInfo"]
        assert who["username"] == f"system:serviceaccount:{NAMESPACE}:assent"
        assert who["extra"]["authentication.kubernetes.io/pod-name"] == [operator.pod]
        assert client.get("/api/v1/secrets").status_code == httpx.codes.FORBIDDEN


def test_the_token_ends_with_the_pod(box: Sandbox, operator: OperatorHandle) -> None:
    """A predecessor that is gone cannot write any more, whoever has kept its token."""
    with as_operator(box, operator) as client:
        operator.kill()
        operator.start(command=FAKE)

        def refused() -> bool:
            return client.get("/version/").status_code == httpx.codes.UNAUTHORIZED

        box.wait_for(refused, what="refusal of the old Pod's token")


def test_its_requests_are_told_apart_in_the_audit_log(
    box: Sandbox, operator: OperatorHandle
) -> None:
    """Tests count an operator's API writes by its username."""
    with as_operator(box, operator) as client:
        client.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps")

    def seen() -> list[ApiRequest]:
        return [
            line
            for line in box.audit()
            if line.user == f"system:serviceaccount:{NAMESPACE}:assent"
            and line.resource == "configmaps"
        ]

    assert box.wait_for(seen, what="the operator in the audit log")[0].verb == "list"


def test_an_operator_that_fails_to_start_says_why(box: Sandbox) -> None:
    """`up` must not end in silence or in a time-out when the operator cannot start."""
    broken = box.operator(NUMBER + 1)
    with pytest.raises(SandboxError, match=r"(?s)exit code 1.*\n.*the settings are wrong"):
        broken.start({"FAKE_MISTAKE": "the settings are wrong"}, command=FAKE)
    # The starter hears of the end at once, the Pod a moment later.
    ended = box.wait_for(
        lambda: container_state(box, broken.pod).get("terminated"), what="Pod that says ended"
    )
    assert ended["exitCode"] == 1

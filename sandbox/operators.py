"""Operator processes, each under a Pod object that tells the truth about it."""

import asyncio
import contextlib
import os
import secrets
import signal
import string
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx

from sandbox.child import Child, describe_exit, tail
from sandbox.errors import SandboxError
from sandbox.install import OPERATOR_NAMESPACE, SERVICE_ACCOUNT
from sandbox.kubeapi import MERGE, ApiError, KubeApi, Object
from sandbox.layout import Layout
from sandbox.pki import write_private
from sandbox.ports import LOOPBACK, free_port
from sandbox.waiting import wait_until

CONTAINER = "operator"
LABEL = "sandbox.assent.tikv.org/operator"
PODS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/pods"
TOKENS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts/{SERVICE_ACCOUNT}/token"
TOKEN_SECONDS = 3600
TOKEN_RETRY_SECONDS = 5.0
STATUS_RETRY_SECONDS = 0.5
STOP_GRACE_SECONDS = 20.0
# How long the end of a process waits for its Pod to say so; an API server that is up is faster.
REPORT_PATIENCE_SECONDS = 8.0
READY_TIMEOUT_SECONDS = 90.0
SUFFIX_LENGTH = 5
# All that an operator gets of the machine's environment; no credential is among it.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")


class OperatorProcess:
    """Operator `number`: stopped, or running under a Pod of its own.

    Its only credential is a token of the service account, bound to that Pod.
    """

    def __init__(
        self,
        number: int,
        api: KubeApi,
        layout: Layout,
        *,
        server: str,
        settings: Mapping[str, str],
    ) -> None:
        self.number = number
        self.name = f"operator-{number}"
        self.pod: str | None = None
        self.address: str | None = None
        self._api = api
        self._layout = layout
        self._server = server
        self._settings = dict(settings)
        self._started_at: str | None = None
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self._refresh: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """As `Child.state`."""
        return "new" if self._child is None else self._child.state

    @property
    def process_id(self) -> int | None:
        """As `Child.process_id`."""
        return None if self._child is None else self._child.process_id

    async def start(
        self, settings: Mapping[str, str] | None = None, command: Sequence[str] = ()
    ) -> None:
        """Start it under a new Pod; `settings` are more environment variables, kept for later.

        `command` is run in the operator's place; empty means this checkout's own operator.

        Does not wait for it to be ready. Nothing happens if it runs.

        Raises:
            SandboxError: the API server refused the Pod or the token; no process was started.
        """
        if self.process_id is not None:
            return
        if self._watch is not None:
            await self._watch  # so that its last Pod has ended before a new one begins
        self._settings.update(settings or {})
        await self._delete_pods()
        pod = await self._create_pod()
        self.pod, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        self.address = f"{LOOPBACK}:{free_port()}"
        home = self._layout.operator(self.number)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._write_token(uid)
        self._child = Child(
            self.name,
            list(command) or [sys.executable, "-m", "assent"],
            log=self._layout.log(self.name),
            environment=self._environment(),
            directory=home,
        )
        await self._child.start()
        await self._report_running()
        self._refresh = asyncio.create_task(self._keep_token(uid))
        self._watch = asyncio.create_task(self._report_end(self._child, self.pod))

    async def wait_ready(self) -> None:
        """Wait until it answers on /readyz.

        Raises:
            SandboxError: it ended, or was not ready in time; the message has the end of its log.
        """
        child, address = self._child, self.address
        if child is None:
            raise SandboxError(f"{self.name} was not started.")
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:

            async def ready() -> bool:
                child.raise_if_ended()
                try:
                    return (await client.get(f"http://{address}/readyz")).is_success
                except httpx.HTTPError:
                    return False

            try:
                await wait_until(ready, timeout_seconds=READY_TIMEOUT_SECONDS, what="ready answer")
            except TimeoutError as error:
                raise SandboxError(f"{self.name}: {error}\n{tail(child.log)}") from error

    async def stop(self, grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """SIGTERM, SIGKILL after `grace_seconds`; process and Pod have ended on return.

        Without an API server the Pod ends later, as soon as it can be told.
        """
        if self._child is not None and self._watch is not None:
            await self._child.stop(grace_seconds)
            await asyncio.wait({self._watch}, timeout=REPORT_PATIENCE_SECONDS)

    async def kill(self) -> None:
        """SIGKILL; otherwise as `stop`."""
        if self._child is not None and self._watch is not None:
            await self._child.kill()
            await asyncio.wait({self._watch}, timeout=REPORT_PATIENCE_SECONDS)

    def freeze(self) -> None:
        """SIGSTOP: it does nothing, its connections stay open, its Pod still says Running."""
        if self._child is not None:
            self._child.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        if self._child is not None:
            self._child.thaw()

    async def abandon(self) -> None:
        """End it at once, its Pod object untouched: the whole sandbox is going."""
        for task in (self._watch, self._refresh):
            if task is not None:
                task.cancel()
        if self._child is not None:
            await self._child.stop(2.0)

    def _environment(self) -> dict[str, str]:
        home = self._layout.operator(self.number)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {
            **inherited,
            "HOME": str(home),  # no ~/.kube/config there
            "PYTHONUNBUFFERED": "1",
            "ASSENT_API_SERVER": self._server,
            "ASSENT_CA_FILE": str(self._layout.pki / "ca.crt"),
            "ASSENT_TOKEN_FILE": str(home / "token"),
            "ASSENT_SERVICE_ACCOUNT": SERVICE_ACCOUNT,
            "ASSENT_HTTP_ADDRESS": self.address or "",
            "POD_NAME": self.pod or "",
            "POD_NAMESPACE": OPERATOR_NAMESPACE,
            **self._settings,
        }

    async def _create_pod(self) -> Object:
        alphabet = string.ascii_lowercase + string.digits
        suffix = "".join(secrets.choice(alphabet) for _ in range(SUFFIX_LENGTH))
        container = {"name": CONTAINER, "image": "localhost/assent:checkout"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"assent-{self.number}-{suffix}",
                "labels": {"app.kubernetes.io/name": "assent", LABEL: str(self.number)},
            },
            "spec": {
                "serviceAccountName": SERVICE_ACCOUNT,
                "nodeName": "sandbox",
                "containers": [container],
                "restartPolicy": "Never",
            },
        }
        return await self._api.request("POST", PODS, pod)

    async def _delete_pods(self) -> None:
        """Delete the Pods of earlier runs; all have ended, for this is their only process."""
        listed = await self._api.request("GET", f"{PODS}?labelSelector={LABEL}%3D{self.number}")
        for pod in listed["items"]:
            path = f"{PODS}/{pod['metadata']['name']}?gracePeriodSeconds=0"
            with contextlib.suppress(ApiError):  # somebody else was faster
                await self._api.request("DELETE", path)

    async def _write_token(self, pod_uid: str) -> None:
        pod = {"apiVersion": "v1", "kind": "Pod", "name": self.pod, "uid": pod_uid}
        spec = {"expirationSeconds": TOKEN_SECONDS, "boundObjectRef": pod}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await self._api.request("POST", TOKENS, request)
        token: str = answer["status"]["token"]
        write_private(self._layout.operator(self.number) / "token", token.encode())

    async def _keep_token(self, pod_uid: str) -> None:
        """Write a new token at half its life, as the kubelet does near its end."""
        pause = TOKEN_SECONDS / 2
        while True:
            await asyncio.sleep(pause)
            try:
                await self._write_token(pod_uid)
                pause = TOKEN_SECONDS / 2
            except ApiError:
                pause = TOKEN_RETRY_SECONDS

    async def _report_running(self) -> None:
        self._started_at = _now()
        state = {"running": {"startedAt": self._started_at}}
        await self._patch_status(
            self.pod or "", "Running", state, ready={"ready": True, "started": True}
        )

    async def _report_end(self, child: Child, pod: str) -> None:
        """Wait for the end of the process, then make its Pod say so, however long that takes."""
        code = await child.wait()
        finished = _now()
        if self._refresh is not None:
            self._refresh.cancel()
        terminated: Object = {
            "exitCode": code if code >= 0 else 128 - code,
            "reason": "Completed" if code == 0 else "Error",
            "message": describe_exit(code),
            "startedAt": self._started_at,
            "finishedAt": finished,
        }
        if code < 0:
            terminated["signal"] = int(signal.Signals(-code))
        phase = "Succeeded" if code == 0 else "Failed"
        while True:
            try:
                await self._patch_status(
                    pod, phase, {"terminated": terminated}, ready={"ready": False, "started": False}
                )
                return
            except ApiError as error:
                if error.status == httpx.codes.NOT_FOUND:  # somebody deleted it: nothing to say
                    return
                await asyncio.sleep(STATUS_RETRY_SECONDS)

    async def _patch_status(
        self, pod: str, phase: str, state: Object, *, ready: Mapping[str, bool]
    ) -> None:
        container = {
            "name": CONTAINER,
            "image": "localhost/assent:checkout",
            "imageID": "",
            "restartCount": 0,
            "state": state,
            **ready,
        }
        status = {"phase": phase, "containerStatuses": [container]}
        await self._api.request(
            "PATCH", f"{PODS}/{pod}/status", {"status": status}, content_type=MERGE
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

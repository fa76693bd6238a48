"""A sandbox as a Python object, for tests, the bench and the demo."""

import base64
import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from sandbox import client
from sandbox.child import tail
from sandbox.errors import SandboxError
from sandbox.identities import kubeconfig_file
from sandbox.layout import Layout
from sandbox.objects import ObjectError, Objects, Query, parse_query
from sandbox.options import Options
from sandbox.records import (
    ApiRequest,
    Growing,
    PdRequest,
    api_request,
    effective_writes,
    pd_request,
)
from sandbox.remote import Faults, PdClient, StoresClient
from sandbox.toolchain import Reporter, kubectl_path
from sandbox.waiting import wait_for

KUBECTL_TIMEOUT_SECONDS = 60.0
DEFAULT_TIMEOUT_SECONDS = 30.0
Fact = TypeVar("Fact")


class KubectlError(SandboxError):
    """kubectl failed; the message is what it said on stderr."""


class OperatorHandle:
    """One operator of a sandbox."""

    def __init__(self, layout: Layout, number: int) -> None:
        self._layout = layout
        self.number = number
        self.log = layout.log(f"operator-{number}")

    @property
    def facts(self) -> Mapping[str, Any]:
        """state, pid, pod and address, as the supervisor knows them; empty before its start."""
        state = client.running_state(self._layout)
        return dict(state["operators"].get(str(self.number), {}))

    @property
    def pod(self) -> str:
        """The name of its Pod, the last one if it has ended."""
        return str(self.facts["pod"])

    @property
    def url(self) -> str:
        """Where it serves /metrics, /healthz and /readyz."""
        return f"http://{self.facts['address']}"

    @property
    def process_id(self) -> int | None:
        """None when it does not run."""
        found: int | None = self.facts.get("pid")
        return found

    def start(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        command: Sequence[str] = (),
        wait: bool = True,
    ) -> None:
        """Start it under a new Pod; ready on return unless `wait` is False.

        `environment` is kept for later starts, too. `command` is run in the operator's place;
        empty means this checkout's own operator. Nothing happens if it runs.

        Raises:
            SandboxError: it ended or was not ready in time; the message has the end of its log.
        """
        details = {"environment": dict(environment or {}), "command": list(command), "wait": wait}
        self._order("start", **details)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it takes too long; the Pod says ended on return."""
        self._order("stop")

    def kill(self) -> None:
        """SIGKILL; the Pod says ended on return."""
        self._order("kill")

    def freeze(self) -> None:
        """SIGSTOP; the Pod goes on saying Running."""
        self._order("freeze")

    def thaw(self) -> None:
        """SIGCONT."""
        self._order("thaw")

    def _order(self, action: str, **details: object) -> None:
        client.order(self._layout, "operator", number=self.number, action=action, **details)


class Sandbox:
    """A running sandbox. Made by `start` (ends with this process) or `attach`."""

    def __init__(
        self,
        layout: Layout,
        state: client.State,
        supervisor: "subprocess.Popen[str] | None" = None,
    ) -> None:
        self.layout = layout
        self.state = state
        """What ran where when it started."""
        self._supervisor = supervisor
        members = state["pd"]
        self.pd = PdClient({member["name"]: member["direct_url"] for member in members})
        self.tikvsim = StoresClient(state["tikvsim"])
        self.objects = Objects(state["apiserver"], pki=layout.pki)
        self.faults = Faults([member["control_url"] for member in members])
        self.api_faults = Faults([proxy["control_url"] for proxy in state["api_proxies"]])
        """Faults between operators and API server; member 0 is operator 1's proxy."""
        self._journals = [
            Growing(layout.journal(member["name"]), partial(pd_request, member["name"]))
            for member in members
        ]
        self._effects = Growing(layout.effects, dict)
        self._audit = Growing(layout.audit, api_request)

    @classmethod
    def start(
        cls, *, directory: Path | None = None, reporter: Reporter | None = None, **options: Any
    ) -> "Sandbox":
        """A new sandbox with the given `Options`; without any it is bare and has no operator.

        It ends with `stop`, at the end of a `with`, or with this process however that ends.
        `directory` None means a temporary one, removed at the end.

        Raises:
            SandboxError, ToolchainError: it could not start; nothing is left running.
        """
        wanted = Options(**{"bare": True, "operators": 0, **options})
        chosen = directory or Path(tempfile.mkdtemp(prefix="assent-"))
        layout = Layout(chosen.absolute())
        try:
            supervisor, state = client.launch(layout, wanted, reporter or Reporter())
        except BaseException:
            if directory is None:
                with contextlib.suppress(OSError):  # not empty: the logs of what failed
                    chosen.rmdir()
            raise
        return cls(layout, state, supervisor)

    @classmethod
    def attach(cls, directory: Path | None = None) -> "Sandbox":
        """The sandbox that `python -m sandbox up` started in `directory` (None: the default).

        Raises:
            NotRunningError: there is none.
        """
        layout = client.directory(directory)
        return cls(layout, client.running_state(layout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; no process and no file is left. One that was attached goes on."""
        for connection in (
            self.pd, self.tikvsim, self.faults, self.api_faults, self.objects
        ):  # fmt: skip
            connection.close()
        if self._supervisor is not None:
            client.leave(self._supervisor)
            client.remove(self.layout)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.layout.kubeconfig

    @property
    def api_server(self) -> str:
        """The URL of the API server."""
        return str(self.state["apiserver"])

    @property
    def pd_urls(self) -> list[str]:
        """The journaling proxy of each member: what an operator is to be given."""
        return [member["proxy_url"] for member in self.state["pd"]]

    @property
    def process_ids(self) -> list[int]:
        """The processes that run at this moment, the supervisor included."""
        state = client.running_state(self.layout)
        units = [*state["processes"].values(), *state["operators"].values()]
        return [state["supervisor"], *(unit["pid"] for unit in units if unit["pid"])]

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """The kubeconfig of `user`, a member of `groups`, with the rights RBAC gives to them."""
        return kubeconfig_file(self.layout, self.api_server, user, groups)

    def kubectl(
        self,
        *arguments: str,
        user: str | None = None,
        groups: Sequence[str] = (),
        input: str | None = None,  # noqa: A002  as subprocess calls it
    ) -> str:
        """What kubectl prints, run as `user` (None: the administrator) with `input` on stdin.

        Raises:
            KubectlError: it failed; the message is its stderr.
        """
        chosen = self.kubeconfig if user is None else self.kubeconfig_for(user, groups)
        done = subprocess.run(
            [kubectl_path(), f"--kubeconfig={chosen}", *arguments],
            input=input or "",
            capture_output=True,
            text=True,
            timeout=KUBECTL_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """What `kubectl get … -o json` gives, decoded; errors as `kubectl`.

        Kind, name and namespace are asked for without a kubectl; anything else with one.
        """
        query = parse_query(arguments)
        if query is None:
            return dict(json.loads(self.kubectl("get", *arguments, "-o", "json")))
        try:
            return self.objects.get(query)
        except ObjectError as error:
            raise KubectlError(f"get {' '.join(arguments)}: {error}") from error

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Apply objects as the administrator, as `kubectl apply --server-side` does.

        Raises:
            KubectlError: one was refused; those before it are applied.
        """
        for manifest in manifests:
            try:
                self.objects.apply(manifest)
            except ObjectError as error:
                name = f"{manifest['kind']} {manifest['metadata']['name']}"
                raise KubectlError(f"apply {name}: {error}") from error

    def operator(self, number: int = 1) -> OperatorHandle:
        """The operator of that number, running or not."""
        return OperatorHandle(self.layout, number)

    def running_operators(self) -> list[int]:
        """The numbers of the operators that run, frozen ones too."""
        units = client.running_state(self.layout)["operators"]
        return [int(number) for number, unit in units.items() if unit["pid"]]

    def process(self, name: str, action: str) -> None:
        """start, stop, restart, kill, freeze or thaw a process: etcd, kube-apiserver, tikvsim, …

        Raises:
            SandboxError: there is no such process, or it does not come up.
        """
        client.order(self.layout, "process", name=name, action=action)

    def restart(self, name: str) -> None:
        """Stop a process and start it again on the same ports; ready on return."""
        self.process(name, "restart")

    def pd_journal(self, member: int = 0) -> list[PdRequest]:
        """All HTTP requests that reached the proxy of a member, oldest first."""
        return self._journals[member].read()

    def pd_writes(self, caller: str | None = None) -> list[PdRequest]:
        """The writes that reached any member's proxy, each once, in the order they were answered.

        `caller` None means of everybody, else of who sent that X-Caller-ID.
        """
        names = [member["name"] for member in self.state["pd"]]
        journals = [self.pd_journal(number) for number in range(len(names))]
        seen = effective_writes((line for journal in journals for line in journal), names)
        chosen = [line for line in seen if caller is None or line.caller == caller]
        return sorted(chosen, key=lambda line: line.time)

    def effects(self) -> list[dict[str, Any]]:
        """What the simulated stores carried out, oldest first."""
        return self._effects.read()

    def audit(self) -> list[ApiRequest]:
        """All requests that the API server answered, oldest first."""
        return self._audit.read()

    def wait_for(
        self,
        predicate: Callable[[], Fact | None],
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        what: str = "what was waited for",
    ) -> Fact:
        """The first true value of `predicate`, asked again and again.

        Raises:
            WaitTimeoutError: none came in time.
        """
        return wait_for(predicate, timeout_seconds=timeout_seconds, what=what)

    def create_namespace(self, name: str) -> str:
        """Create a namespace: its name."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def delete_namespace(self, name: str) -> None:
        """Delete all of Assent's objects in a namespace, in flight or not, and the namespace.

        There is no namespace controller here, so nothing else in it is deleted.
        """
        for kind in ("tikvclusters", "actionproposals"):
            for listed in self.get(kind, "-n", name)["items"]:
                self._delete(Query(kind, listed["metadata"]["name"], name))
        self.objects.delete(Query("namespaces", name, ""))
        unfinished = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        finished = {**unfinished, "spec": {"finalizers": []}}
        self.objects.request("PUT", f"/api/v1/namespaces/{name}/finalize", finished)

    def tails(self, lines: int = 40) -> str:
        """The end of every log, for a failure's report."""
        logs = sorted(self.layout.logs.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{tail(log, lines)}" for log in logs)

    def _delete(self, target: Query) -> None:
        with contextlib.suppress(ObjectError):  # gone meanwhile
            self.objects.patch(target, {"metadata": {"finalizers": []}})
        try:
            self.objects.delete(target)
        except ObjectError as error:
            if error.status != httpx.codes.NOT_FOUND:
                self.erase(target)

    def erase(self, target: Query) -> None:
        """Delete one of Assent's objects past the API server, which may be down.

        So goes what admission lets nobody delete: what is in flight, and any TiKVCluster in the
        first half minute of an API server, which does not know the policy's parameters yet.
        """
        key = f"/registry/assent.tikv.org/{target.kind}/{target.namespace}/{target.name}"
        body = {"key": base64.b64encode(key.encode()).decode()}
        httpx.post(
            f"{self.state['etcd']}/v3/kv/deleterange", json=body, trust_env=False
        ).raise_for_status()

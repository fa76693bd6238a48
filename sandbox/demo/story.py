"""The chapters of the demo. Every claim is checked against PD or the API server, not told."""

import json
import os
import shlex
from typing import Any

from sandbox.demo.narrator import Narrator, wait_for
from sandbox.demo.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    NAMESPACE,
    Person,
    approval,
    bindings,
    proposal,
    rejection,
)
from sandbox.library import KubectlError, Sandbox

EVICTED_STORE = 4


class StoryError(Exception):
    """PD or the API server shows something else than the story says."""


def _check(holds: bool, shown: str) -> None:  # noqa: FBT001 - reads like the statement it is
    if not holds:
        raise StoryError(f"this is not how the story goes: {shown}")


class Story:
    """Runs the chapters in order on one sandbox."""

    def __init__(self, box: Sandbox, tell: Narrator) -> None:
        self._box = box
        self._tell = tell
        self._pause = os.environ.get("DEMO_PAUSE") == "1"

    def run(self) -> None:
        """Tell all of it.

        Raises:
            TimeoutError: something that had to happen did not happen in time.
            StoryError: PD or the API server shows something else than the story says.
        """
        self._box.kubectl("apply", "-f", "-", input=bindings())
        self._break_something()
        name = self._see_the_proposal()
        self._approve(name)
        self._see_the_record(name)
        self._modify()
        self._reject()
        self._dry_run()

    # -- the chapters ------------------------------------------------------------------------

    def _break_something(self) -> None:
        tell = self._tell
        tell.chapter("Somebody forgot an eviction after maintenance")
        body = {"name": "evict-leader-scheduler", "store_id": EVICTED_STORE}
        tell.command(f"curl -X POST $PD/pd/api/v1/schedulers -d '{json.dumps(body)}'")
        tell.output(str(self._box.pd.post("/schedulers", body)))
        wait_for("the store's leaders to move away", lambda: self._leaders()[EVICTED_STORE] == 0)
        tell.say("The maintenance is long over, the scheduler is still there. PD's own view:")
        self._show_pd()

    def _see_the_proposal(self) -> str:
        tell = self._tell
        tell.chapter("Assent finds it and writes an ActionProposal")
        seconds = wait_for("a Pending proposal", lambda: self._found() is not None)
        tell.good(f"proposed {seconds:.1f} s later (the demo's threshold is 5 s, the default 1 h)")
        name = self._found()
        if name is None:
            raise StoryError("the proposal vanished")
        self._kubectl("get", "actionproposals")
        self._kubectl("describe", "actionproposal", name)
        return name

    def _approve(self, name: str) -> None:
        tell = self._tell
        tell.chapter("The wrong person says yes, then the right one")
        digest = self._status(name)["digest"]
        tell.say("mallory may edit proposals, but has no right to approve:")
        self._kubectl_refused(MALLORY, name, approval(MALLORY, digest, "looks fine to me"))
        tell.say("alice holds the role assent-approver-low:")
        self._decide(ALICE, name, approval(ALICE, digest, "maintenance ended at noon"))

    def _see_the_record(self, name: str) -> None:
        tell = self._tell
        tell.chapter("It happens once, and PD shows it")
        self._await_phase(name, "Succeeded")
        calls = [
            record
            for record in self._box.pd_writes()
            if record.method == "DELETE" and record.path.endswith(f"/delete/{EVICTED_STORE}")
        ]
        _check(len(calls) == 1, str(calls))
        tell.good(f"PD's journal holds exactly one call: {calls[0].method} {calls[0].path}")
        wait_for("leaders to return", lambda: self._leaders()[EVICTED_STORE] > 0)
        self._show_pd()
        tell.say("The record: who, what, when, before, after.")
        self._kubectl(
            "get", "actionproposal", name, "-o", "jsonpath={.status.execution}", as_json=True
        )
        self._kubectl(
            "get", "actionproposal", name, "-o", "jsonpath={.status.history}", as_json=True
        )

    def _modify(self) -> None:
        tell = self._tell
        tell.chapter("A proposal is modified before it is approved")
        limit = {"storeId": 2, "kind": "AddPeer", "ratePerMinute": 400}
        self._file(
            BOB,
            "faster-2",
            {"type": "SetStoreLimit", "setStoreLimit": limit},
            reason="catch up after the new disk",
        )
        first = self._await_phase("faster-2", "Pending")
        tell.say("carol finds 400 too bold and edits it. She becomes the author of what it now is:")
        patch = {
            "spec": {
                "proposedBy": CAROL.name,
                "action": {"setStoreLimit": {**limit, "ratePerMinute": 60}},
            }
        }
        self._kubectl(
            "patch",
            "actionproposal",
            "faster-2",
            "--type=merge",
            "-p",
            json.dumps(patch),
            person=CAROL,
        )
        wait_for("a new revision", lambda: self._status("faster-2")["digest"] != first["digest"])
        again = self._status("faster-2")
        tell.good(
            f"revision {again['revision']}: the digest that bob's text had is worth nothing now"
        )
        self._decide(ALICE, "faster-2", approval(ALICE, again["digest"], "60 is fine"))
        self._await_phase("faster-2", "Succeeded")
        limits = self._box.pd.get("/stores/limit")
        _check(limits["2"]["add-peer"] == 60, str(limits["2"]))
        tell.good(f"PD shows add-peer {limits['2']['add-peer']} for store 2")

    def _reject(self) -> None:
        tell = self._tell
        tell.chapter("A proposal is rejected")
        self._file(
            BOB,
            "evict-1",
            {"type": "EvictLeaders", "evictLeaders": {"storeId": 1}},
            reason="let us see what happens",
        )
        self._await_phase("evict-1", "Pending")
        patch = rejection(ALICE, "not on a Friday")
        self._kubectl(
            "patch", "actionproposal", "evict-1", "--type=merge", "-p", patch, person=ALICE
        )
        self._await_phase("evict-1", "Rejected")
        _check(not self._writes_about(1), str(self._writes_about(1)))
        tell.good("PD never heard of it")

    def _dry_run(self) -> None:
        tell = self._tell
        tell.chapter("A dry run shows its calls and sends none")
        self._file(
            BOB, "rehearsal", {"type": "EvictLeaders", "evictLeaders": {"storeId": 3}}, dryRun=True
        )
        status = self._await_phase("rehearsal", "Pending")
        self._decide(ALICE, "rehearsal", approval(ALICE, status["digest"], "a rehearsal is fine"))
        status = self._await_phase("rehearsal", "Succeeded")
        _check(status["reason"] == "DryRun", str(status["reason"]))
        tell.good("Succeeded (DryRun)")
        for step in status["execution"]["steps"]:
            _check(step["summary"].startswith("[DRY-RUN]"), str(step["summary"]))
            tell.output(step["summary"])
        _check(not self._writes_about(3), str(self._writes_about(3)))
        self._kubectl("get", "actionproposals")

    # -- how the chapters act and look ---------------------------------------------------------

    def _kubectl(self, *args: str, person: Person | None = None, as_json: bool = False) -> str:
        shown = " ".join(shlex.quote(part) for part in ("kubectl", "-n", NAMESPACE, *args))
        self._tell.command(shown + (f"    # as {person.name}" if person else ""))
        text = self._box.kubectl("-n", NAMESPACE, *args, user=person.name if person else None)
        self._tell.output(json.dumps(json.loads(text), indent=2) if as_json else text)
        return text

    def _kubectl_refused(self, person: Person, name: str, patch: str) -> None:
        args = ("patch", "actionproposal", name, "--type=merge", "-p", patch)
        shown = " ".join(shlex.quote(part) for part in ("kubectl", "-n", NAMESPACE, *args))
        self._tell.command(f"{shown}    # as {person.name}")
        try:
            self._box.kubectl("-n", NAMESPACE, *args, user=person.name)
        except KubectlError as refusal:
            self._tell.refused("Error" + str(refusal).rpartition(": Error")[2])
        else:
            raise StoryError(f"{person.name} could approve without the right")

    def _decide(self, person: Person, name: str, patch: str) -> None:
        args = ("patch", "actionproposal", name, "--type=merge", "-p", patch)
        if not self._pause:
            self._kubectl(*args, person=person)
            return
        kubeconfig = self._box.kubeconfig_for(person.name)
        quoted = " ".join(shlex.quote(part) for part in ("kubectl", "-n", NAMESPACE, *args))
        self._tell.say("Your turn. Run this in another terminal; the demo goes on when it is done:")
        self._tell.command(f"KUBECONFIG={shlex.quote(str(kubeconfig))} {quoted}")
        wait_for(
            f"your decision on {name}",
            lambda: bool(self._get(name)["spec"].get("approvals")),
            timeout_seconds=3600,
        )

    def _file(self, person: Person, name: str, action: dict[str, object], **ask: object) -> None:
        self._tell.say(f"{person.name} files {name}: {json.dumps(action)}")
        self._box.kubectl(
            "create", "-f", "-", input=proposal(name, person, action, **ask), user=person.name
        )

    def _get(self, name: str) -> dict[str, Any]:
        text = self._box.kubectl("-n", NAMESPACE, "get", "actionproposal", name, "-o", "json")
        found: dict[str, Any] = json.loads(text)
        return found

    def _status(self, name: str) -> dict[str, Any]:
        return dict(self._get(name).get("status", {}))

    def _await_phase(self, name: str, phase: str) -> dict[str, Any]:
        wait_for(
            f"{name} to be {phase}",
            lambda: (
                (s := self._status(name)).get("phase") == phase
                and (phase != "Pending" or bool(s.get("digest")))
            ),
        )
        status = self._status(name)
        self._tell.good(f"{name}: {status['phase']} ({status['reason']}) {status['message']}")
        return status

    def _found(self) -> str | None:
        listed = json.loads(
            self._box.kubectl("-n", NAMESPACE, "get", "actionproposals", "-o", "json")
        )
        for item in listed["items"]:
            status = item.get("status", {})
            if status.get("phase") == "Pending" and status.get("digest"):
                return str(item["metadata"]["name"])
        return None

    def _leaders(self) -> dict[int, int]:
        stores = self._box.pd.get("/stores")["stores"]
        return {item["store"]["id"]: item["status"].get("leader_count", 0) for item in stores}

    def _show_pd(self) -> None:
        self._tell.command("curl $PD/pd/api/v1/stores     # leaders by store")
        for store, leaders in sorted(self._leaders().items()):
            self._tell.output(f"store {store}  {leaders:4d} leaders  {'▇' * (leaders // 4)}")
        self._tell.command("curl $PD/pd/api/v1/schedulers")
        self._tell.output(json.dumps(self._box.pd.get("/schedulers")))

    def _writes_about(self, store_id: int) -> list[str]:
        return [
            f"{record.method} {record.path} {record.body}"
            for record in self._box.pd_writes()
            if record.body and f'"store_id":{store_id}' in record.body.replace(" ", "")
        ]

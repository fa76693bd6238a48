"""The chapters of the demo. Every claim is checked against PD or the API server, not told."""

import json
from typing import Any

from sandbox.demo.people import ALICE, BOB, CAROL, MALLORY, approval, bindings, edit, rejection
from sandbox.demo.stage import Stage, check

EVICTED_STORE = 4
EVICTION = {"name": "evict-leader-scheduler", "store_id": EVICTED_STORE}
DELETE = f"DELETE /pd/api/v1/scheduler-config/evict-leader-scheduler/delete/{EVICTED_STORE}"
# What a reader of `describe` should look at.
MARKED = ("Reason:       The evict", "Diagnosis:", "Tier:", "Summary:", "Normal  Awaiting")


class Story:
    """Runs the chapters in order on one sandbox; the first one is its start."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tell = stage.tell
        self._box = stage.box

    def run(self) -> None:
        """Tell all of it.

        Raises:
            WaitTimeoutError: something that had to happen did not happen in time.
            StoryError: PD or the API server shows something else than the story says.
        """
        self._show_the_stage()
        self._break_something()
        name = self._see_the_proposal()
        self._approve(name)
        self._see_the_record(name)
        self._tell.chapter("People modify, reject and rehearse")
        self._modify()
        self._reject()
        self._rehearse()
        self._count()

    def _show_the_stage(self) -> None:
        options = self._box.state["options"]
        kubernetes = json.loads(self._box.kubectl("get", "--raw", "/version"))["gitVersion"]
        pd = self._box.pd.get("/version")["version"]
        self._tell.good(
            f"Kubernetes API server {kubernetes} with etcd, PD {pd}, {options['stores']} "
            f"simulated TiKV stores with {options['regions']} regions"
        )
        self._tell.good("CRDs, roles and admission policies are installed as shipped")
        self._tell.good("the operator runs, as a process with the rights of its service account")
        self._box.kubectl("apply", "-f", "-", input=bindings())
        self._stage.wait("the operator to have seen PD", self._stage.is_watching)
        self._stage.kubectl("get", "tikvclusters")

    def _break_something(self) -> None:
        tell, stage = self._tell, self._stage
        tell.chapter("Somebody forgets an eviction after maintenance")
        tell.say(
            f"Before maintenance of store {EVICTED_STORE} its leaders were evicted. The "
            "maintenance ended, the eviction did not:"
        )
        tell.command(
            f'curl $PD/pd/api/v1/schedulers -d \'{{"name": "evict-leader-scheduler", '
            f'"store_id": {EVICTED_STORE}}}\''
        )
        tell.output(str(self._box.pd.post("/schedulers", EVICTION)))
        stage.wait("the leaders to move away", lambda: stage.leaders()[EVICTED_STORE] == 0)
        tell.say(
            f"Store {EVICTED_STORE} serves nothing now, the others carry its load, and no alert "
            "of PD's says so. PD's own view:"
        )
        stage.show_leaders()
        check(EVICTION["name"] in self._box.pd.schedulers(), self._box.pd.schedulers())

    def _see_the_proposal(self) -> str:
        tell, stage = self._tell, self._stage
        tell.chapter("Assent finds it and asks")
        seconds = stage.time("a proposal", stage.found)
        name = str(stage.found())
        tell.good(f"proposed {seconds:.0f} s later (forgotten means 5 s here, 1 h by default)")
        stage.kubectl("get", "actionproposals")
        tell.say(
            "Below, look at Spec.Reason and Status.Finding (why), Status.Gates (what was checked), "
            "Status.Message (how to approve, ready to copy) and the Events at the end."
        )
        stage.kubectl("describe", "actionproposal", name, marked=MARKED)
        check(not stage.calls(), stage.calls())
        tell.good("PD has not been asked to change anything")
        return name

    def _approve(self, name: str) -> None:
        tell, stage = self._tell, self._stage
        tell.chapter("The wrong person says yes, then the right one")
        digest = stage.status(name)["digest"]
        tell.say("mallory may file and edit proposals, but has no right to approve:")
        stage.refuse(MALLORY, name, approval(MALLORY, digest, "looks fine to me"))
        check(not stage.is_decided(name), stage.get(name)["spec"])
        tell.say(
            "alice has the role assent-approver-low. Her yes names the digest of what she read: "
            "should the proposal change, it counts no more."
        )
        stage.patch(
            ALICE,
            name,
            approval(ALICE, digest, "maintenance ended at noon"),
            lambda: stage.is_decided(name),
        )

    def _see_the_record(self, name: str) -> None:
        tell, stage = self._tell, self._stage
        tell.chapter("It happens once, and PD shows it")
        status = stage.await_phase(name, "Succeeded")
        check(stage.calls() == [DELETE], stage.calls())
        tell.good("the journal in front of PD holds exactly one write:")
        tell.output(DELETE)
        check(EVICTION["name"] not in self._box.pd.schedulers(), self._box.pd.schedulers())
        stage.wait("leaders to return", lambda: stage.leaders()[EVICTED_STORE] > 0)
        tell.good(f"the scheduler is gone and leaders are back on store {EVICTED_STORE}:")
        stage.show_leaders()
        tell.say("The record stays on the object:")
        tell.command(f"kubectl -n tikv get actionproposal {name} -o yaml    # .status, in short")
        tell.output(record(stage.get(name)["spec"], status))

    def _modify(self) -> None:
        tell, stage = self._tell, self._stage
        tell.section("Modify: carol changes what bob asked for, then alice approves that")
        limit = {"storeId": 2, "kind": "AddPeer", "ratePerMinute": 400}
        action = {"type": "SetStoreLimit", "setStoreLimit": limit}
        first = stage.file(BOB, "faster-2", action, reason="catch up after the new disk")
        tell.say("carol finds 400 too bold. By editing it she becomes the author:")
        modest = {"setStoreLimit": {**limit, "ratePerMinute": 60}}

        def assessed_anew() -> bool:
            return bool(stage.status("faster-2")["digest"] != first["digest"])

        stage.patch(CAROL, "faster-2", edit(CAROL, modest), assessed_anew)
        again = stage.status("faster-2")
        tell.good(
            f"revision {again['revision']}, {again['risk']['tier']} risk instead of "
            f"{first['risk']['tier']}; a yes to bob's text would be worth nothing now"
        )
        yes = approval(ALICE, again["digest"], "60 is fine")
        stage.patch(ALICE, "faster-2", yes, lambda: stage.is_decided("faster-2"))
        stage.await_phase("faster-2", "Succeeded")
        limits = self._box.pd.get("/stores/limit")
        check(limits["2"]["add-peer"] == 60, limits["2"])
        tell.good(f"PD shows add-peer {limits['2']['add-peer']} for store 2")

    def _reject(self) -> None:
        tell, stage = self._tell, self._stage
        tell.section("Reject: alice says no")
        before = stage.calls()
        action = {"type": "EvictLeaders", "evictLeaders": {"storeId": 1}}
        stage.file(BOB, "evict-1", action, reason="let us see what happens")
        no = rejection(ALICE, "not on a Friday")
        stage.patch(ALICE, "evict-1", no, lambda: stage.is_decided("evict-1"))
        stage.await_phase("evict-1", "Rejected")
        check(stage.calls() == before, stage.calls())
        tell.good("PD never heard of it")

    def _rehearse(self) -> None:
        tell, stage = self._tell, self._stage
        tell.section("Rehearse: dryRun shows the calls and sends none")
        before = stage.calls()
        action = {"type": "EvictLeaders", "evictLeaders": {"storeId": 3}}
        status = stage.file(BOB, "rehearsal", action, dryRun=True)
        yes = approval(ALICE, status["digest"], "a rehearsal is fine")
        stage.patch(ALICE, "rehearsal", yes, lambda: stage.is_decided("rehearsal"))
        status = stage.await_phase("rehearsal", "Succeeded")
        check(status["reason"] == "DryRun", status["reason"])
        for step in status["execution"]["steps"]:
            check(step["summary"].startswith("[DRY-RUN]"), step["summary"])
            tell.output(step["summary"])
        check(stage.calls() == before, stage.calls())
        tell.good("PD never heard of it")

    def _count(self) -> None:
        tell, stage = self._tell, self._stage
        tell.section("What is left")
        stage.kubectl("get", "actionproposals")
        calls = stage.calls()
        check(len(calls) == 2, calls)
        tell.good("all that the operator ever asked PD to change, from the journal in front of PD:")
        tell.output("\n".join(calls))
        tell.say(
            "To do this yourself: docs/quickstart.md, where `kubectl proposals` and `kubectl "
            "approve` do the patches; or DEMO_PAUSE=1 make demo, where you type what people type."
        )


def record(spec: dict[str, Any], status: dict[str, Any]) -> str:
    """Who, what, when, before, after: one proposal's record in a few lines."""
    execution = status["execution"]
    (step,) = execution["steps"]
    decided = ", ".join(
        f"{seat['by']} ({seat['decision']}: {seat.get('comment', '')})"
        for seat in spec["approvals"]
    )
    rows = [
        ("who", f"{decided}; sent by {step['holder']}"),
        ("what", f"{step['call']['method']} {step['call']['path']}"),
        ("answer", step["answer"]),
        ("when", f"sent {step['intendedAt']}, proved {step['verifiedAt']}"),
        ("before", _facts(step["before"])),
        ("after", _facts(step["after"])),
    ]
    history = [
        f"  {entry['at']}  {entry['phase']:<10} {entry['message']}" for entry in status["history"]
    ]
    return "\n".join([*(f"{name:<8}{value}" for name, value in rows), "history", *history])


def _facts(facts: list[dict[str, str]]) -> str:
    return "  ".join(f"{fact['name']}={fact['value']}" for fact in facts)

"""The approval gate while leading: what a test of it proves, and for whom."""

import asyncio

from assent.controllers.clusters import Gate
from assent.controllers.leader import RETEST
from assent.kube.resources import KINDS
from tests.support.proposals import EVICT_4
from tests.unit.controllers.test_leader import leading, made
from tests.unit.execution.rig import NS, Rig


class Trials:
    """Tests of the gate that end when they are told to, with what they are told."""

    def __init__(self) -> None:
        self.begun = 0
        self._results: asyncio.Queue[Gate] = asyncio.Queue()

    async def __call__(self) -> Gate:
        """Wait for the result of one test."""
        self.begun += 1
        return await self._results.get()

    def find(self, problem: str | None, *, deviates: bool = False) -> None:
        """Let one test end."""
        self._results.put_nowait(Gate(problem, deviates=deviates))


async def test_a_test_that_began_before_a_policy_changed_proves_nothing(op: Rig) -> None:
    """It may have looked before somebody took the binding away: what it found must not open the
    way for what is approved through the gap.
    """
    tests = Trials()
    leader = made(op, check_gate=tests)
    tests.find(None)
    async with leading(op, leader):
        await op.until(lambda: leader.gate.problem is None)
        leader.gate_moved()
        await op.until(lambda: tests.begun == 2)
        leader.gate_moved()  # the binding is deleted while the test runs
        tests.find(None)
        await op.until(lambda: tests.begun == 3)
        assert leader.gate == RETEST
        tests.find("the binding is missing", deviates=True)
        await op.until(lambda: leader.gate.deviates)


async def test_an_open_gate_is_believed_also_when_it_changed_meanwhile(op: Rig) -> None:
    """It was seen open: that it is being mended does not unsay it."""
    tests = Trials()
    leader = made(op, check_gate=tests)
    tests.find(None)
    async with leading(op, leader):
        await op.until(lambda: leader.gate.problem is None)
        leader.gate_moved()
        await op.until(lambda: tests.begun == 2)
        leader.gate_moved()
        tests.find("the binding is missing", deviates=True)
        await op.until(lambda: tests.begun == 3)
        assert leader.gate.deviates


async def test_the_first_test_of_a_term_is_no_exception(op: Rig) -> None:
    """A new leader may begin in the middle of an upgrade."""
    tests = Trials()
    leader = made(op, check_gate=tests)
    async with leading(op, leader):
        await op.until(lambda: tests.begun == 1)
        leader.gate_moved()
        tests.find(None)
        await op.until(lambda: tests.begun == 2)
        assert leader.gate == RETEST


async def test_a_namespace_where_nothing_was_forged_yet_is_tested_at_once(op: Rig) -> None:
    """The first TiKVCluster of a new namespace must not act for two minutes behind a gate that may
    not be in force there; the other namespaces go on meanwhile.
    """
    tried: list[frozenset[str]] = [frozenset()]

    async def check() -> Gate:
        tested.set()
        await go_on.wait()
        return Gate(None, tried_in=tried[-1])

    tested, go_on = asyncio.Event(), asyncio.Event()
    go_on.set()
    op.server.delete(KINDS.cluster, NS, "demo")
    async with leading(op, made(op, check_gate=check)):
        await op.until(tested.is_set)
        tested.clear()
        go_on.clear()
        tried.append(frozenset({NS}))
        op.watch()
        await op.until(tested.is_set)
        op.file("p1", EVICT_4)
        status = await op.until_phase("p1", "Pending")
        seats = [{"by": "sre-2", "decision": "Approve", "digest": status["digest"]}]
        op.say("p1", approvals=seats)
        held = await op.until_phase("p1", "Approved")
        assert held["reason"] == "GateNotInstalled"
        go_on.set()
        await op.until_phase("p1", "Succeeded")


def test_a_test_without_a_word_on_namespaces_was_for_all() -> None:
    """As where they are watched by name."""
    assert Gate(None).covers("anywhere")
    assert not Gate(None, tried_in=frozenset()).covers("anywhere")

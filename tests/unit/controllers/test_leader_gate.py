"""The approval gate while leading: what a test of it proves, and for whom."""

import asyncio

from assent.controllers.clusters import Gate
from assent.controllers.leader import RETEST
from tests.unit.controllers.test_leader import leading, made
from tests.unit.execution.rig import Rig


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

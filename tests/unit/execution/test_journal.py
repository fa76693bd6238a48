"""What was decided on one state is never stored over another."""

import pytest

from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.model.resource import Proposal
from assent.errors import LeadershipLost, OutcomeUnknown, Retryable
from assent.kube.errors import Conflict, Forbidden, Invalid
from assent.kube.resources import KINDS
from tests.support.fake_kube import lose, refusal
from tests.support.proposals import EVICT_4
from tests.unit.execution.rig import NS, Rig

STATUS = "/status$"


async def decided(op: Rig) -> tuple[Proposal, Decision]:
    """A proposal that was just filed, and what is to be said of it first."""
    op.file("p1", EVICT_4)
    proposal = op.world.proposal(f"{NS}/p1")
    assert proposal is not None
    facts = await op.proposals._gather(proposal, op.world.clusters[0], op.term)
    return proposal, decide(facts)


async def test_what_is_stored_is_known_at_once(op: Rig) -> None:
    """The next decision must not wait for the watch to tell of our own write."""
    op.server.listeners.clear()
    op.server.listeners.append(op._watch)
    proposal, decision = await decided(op)
    op.server.listeners.clear()
    stored = await op.journal.store(proposal, decision)
    assert stored.status.phase == "Pending"
    found = op.world.proposal(f"{NS}/p1")
    assert found is not None
    assert found.meta.resource_version == stored.meta.resource_version
    assert op.metric("assent_proposal_phase_changes_total", phase="Pending") == 1


async def test_a_decision_on_an_older_version_writes_nothing(op: Rig) -> None:
    """Somebody spoke while it was decided: decide again."""
    proposal, decision = await decided(op)
    op.say("p1", reason="please hurry")
    with pytest.raises(Retryable, match="changed while it was decided"):
        await op.journal.store(proposal, decision)
    assert op.server.requests("PATCH") == []


async def test_a_decision_on_an_object_that_is_gone_writes_nothing(op: Rig) -> None:
    """Deleted while it was decided."""
    proposal, decision = await decided(op)
    op.server.delete(KINDS.proposal, NS, "p1")
    with pytest.raises(Retryable):
        await op.journal.store(proposal, decision)
    assert op.server.requests("PATCH") == []


async def test_the_api_server_judges_versions_that_we_have_not_heard_of(op: Rig) -> None:
    """Compare-and-swap is the server's; our own look only saves a request."""
    proposal, decision = await decided(op)
    op.server.listeners.clear()
    op.say("p1", reason="please hurry")
    with pytest.raises(Conflict):
        await op.journal.store(proposal, decision)
    assert op.status("p1") == {}


async def test_a_lost_answer_is_unknown_and_never_sent_twice(op: Rig) -> None:
    """The write landed; the caller reads before it decides."""
    proposal, decision = await decided(op)
    op.server.order("PATCH", STATUS, lose, after_storing=True)
    with pytest.raises(OutcomeUnknown):
        await op.journal.store(proposal, decision)
    assert len(op.server.requests("PATCH")) == 1
    assert op.status("p1")["phase"] == "Pending"


@pytest.mark.parametrize(
    ("code", "reason", "message", "expected"),
    [
        pytest.param(
            403, "Forbidden", "denied: fenced: not the holder", LeadershipLost, id="fenced"
        ),
        pytest.param(422, "Invalid", "status: stale epoch", LeadershipLost, id="a later epoch"),
        pytest.param(403, "Forbidden", "no such right", Forbidden, id="a right is missing"),
        pytest.param(422, "Invalid", "status.message: Too long", Invalid, id="against the schema"),
        pytest.param(500, "InternalError", "etcd is away", OutcomeUnknown, id="a 5xx to a write"),
        pytest.param(429, "TooManyRequests", "slow down", Retryable, id="too many requests"),
    ],
)
async def test_refusals_say_what_to_do_next(
    op: Rig, code: int, reason: str, message: str, expected: type[Exception]
) -> None:
    """Fenced long after the start of the term means that another leads."""
    proposal, decision = await decided(op)
    op.server.order("PATCH", STATUS, lambda: refusal(code, reason, message))
    with pytest.raises(expected):
        await op.journal.store(proposal, decision)
    assert op.status("p1") == {}


async def test_nothing_changed_is_nothing_written(op: Rig) -> None:
    """Deciding again on the same facts costs no request."""
    proposal, decision = await decided(op)
    stored = await op.journal.store(proposal, decision)
    again = await op.journal.store(stored, Decision(status=stored.status))
    assert again.meta.resource_version == stored.meta.resource_version
    assert len(op.server.requests("PATCH")) == 1


async def test_the_transition_is_announced_beside_and_not_waited_for(op: Rig) -> None:
    """Events cost the execution nothing."""
    proposal, decision = await decided(op)
    await op.journal.store(proposal, decision)
    await op.until(lambda: bool(op.server.requests("POST", "/events$")))
    (event,) = op.server.requests("POST", "/events$")
    assert event.body["involvedObject"]["name"] == "p1"

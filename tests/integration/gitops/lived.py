"""Objects as the operator really writes them: one of every phase and class of reason, made by the
product's own decisions, never by hand.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from assent.api.v1alpha1.actionproposal import ActionProposalStatus, Resolution, ResolutionOutcome
from assent.api.v1alpha1.actions import plan
from assent.api.v1alpha1.parameters.store import SetStoreLimit, StoreLimitKind
from assent.api.v1alpha1.tikvcluster import Mode
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from assent.core.model.call import CallOutcome, Did, DidNot, PdCall, Unknown
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.obedient_pd import obey, with_store
from tests.support.proposals import (
    LIMIT_4,
    MOVE_17,
    OPERATOR,
    STOP_4,
    approved,
    assessed,
    at,
    cancel,
    claimed,
    cluster,
    facts,
    halt,
    later,
    problem,
    proposal,
    rejection,
    stored,
    with_spec,
)
from tests.support.snapshots import snapshot
from tests.support.voyage import Voyage

LOST = Unknown(answer="connection reset")
REFUSED = DidNot("500 not the leader")


@dataclass(frozen=True)
class Lived:
    """An ActionProposal at one moment of its life."""

    why: str
    known: Facts

    @property
    def status(self) -> ActionProposalStatus:
        """Its status as stored."""
        return self.known.proposal.status

    @property
    def document(self) -> dict[str, Any]:
        """The object as the API server gives it."""
        found = self.known.proposal
        status = found.status.wire()
        return {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {
                "name": found.meta.name,
                "namespace": found.meta.namespace,
                "generation": found.meta.generation,
            },
            "spec": found.spec.wire(),
            **({"status": status} if status else {}),
        }


def _looked(known: Facts) -> Facts:
    return stored(known, decide(known))


def _held(**changes: Any) -> Facts:
    return _looked(replace(approved(facts(), "sre-2"), **changes))


def _over(**changes: Any) -> Facts:
    return _looked(with_spec(assessed(facts()), **changes))


def _found(**changes: Any) -> Facts:
    """One of the operator's own, and then the facts change."""
    own = proposal(STOP_4, proposed_by=OPERATOR)
    known = assessed(facts(own, problem=problem(), detection_ran=True))
    return _looked(replace(known, **changes))


def _travelled(voyage: Voyage) -> Facts:
    voyage.go()
    return voyage.known


def _short(patience: float, voyage: Voyage) -> Voyage:
    voyage.step_seconds = patience
    return voyage


def _active() -> Voyage:
    voyage = Voyage(LIMIT_4, snapshot(), obey, revert_after="15m")
    voyage.go()
    return voyage


def _reverting(turns: int) -> Facts:
    voyage = _active()
    voyage.wait(1000.0)
    voyage.revert()
    voyage.go(turns)
    return voyage.known


def _changed_since() -> Facts:
    voyage = _active()
    voyage.wait(1000.0)
    voyage.shown = with_store(voyage.shown, 4, add_peer_limit_per_minute=99.0)
    voyage.revert()
    return voyage.known


def _limit(rate: int, store_id: int) -> SetStoreLimit:
    return SetStoreLimit(store_id=store_id, kind=StoreLimitKind.ADD_PEER, rate_per_minute=rate)


def _refusing(first: int) -> Callable[[PdCall, ClusterSnapshot], tuple[CallOutcome, Any]]:
    count = 0

    def answer(call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        nonlocal count
        count += 1
        return (REFUSED, shown) if count == first else obey(call, shown)

    return answer


def _rolled_back() -> Facts:
    asks = plan(_limit(20, 1), _limit(20, 2), _limit(20, 3))
    return _travelled(Voyage(asks, snapshot(), _refusing(3)))


def _unknown() -> Facts:
    return _travelled(_short(600, Voyage(LIMIT_4, snapshot(), lambda _, shown: (LOST, shown))))


def _resolved(outcome: ResolutionOutcome) -> Facts:
    known = _unknown()
    said = Resolution(by="sre-9", outcome=outcome, digest=str(known.proposal.status.digest))
    return _looked(with_spec(known, resolution=said))


def lives() -> Iterator[Lived]:
    """One object of every phase and class of reason."""
    yield Lived("nobody has looked at it", facts())
    yield Lived("people are asked", assessed(facts()))
    yield Lived("its TiKVCluster is missing", _looked(facts(cluster=None)))
    yield Lived("the gate is not installed", _looked(facts(gate_installed=False)))
    yield Lived("the gate was open", _looked(facts(gate_open="anybody may approve")))
    yield Lived("PD is not reached", _looked(facts(cluster_ready="PD does not answer")))
    yield Lived("its target is not shown", _looked(facts(proposal(MOVE_17), snapshot=snapshot())))
    yield Lived("only suggested", assessed(facts(cluster=cluster(mode=Mode.OBSERVE))))
    yield Lived("approved, and suspended", _held(cluster=cluster(suspend=True)))
    yield Lived("approved, and halted", _held(halts=(halt(),)))
    yield Lived("approved, and another is in flight", _held(in_flight=("other",)))
    yield Lived("approved, before its time", _looked(_early()))
    yield Lived("the call is on its way", facts(claimed()))
    yield Lived("done", _travelled(Voyage(LIMIT_4, snapshot(), obey)))
    yield Lived("a dry run", _looked(approved(facts(proposal(dry_run=True)), "sre-2")))
    yield Lived("done already", _travelled(Voyage(STOP_4, snapshot(), obey)))
    yield Lived("done for a while", _active().known)
    yield Lived("being taken back", _reverting(0))
    yield Lived("taken back as asked", _reverting(200))
    yield Lived("changed by somebody since", _changed_since())
    yield Lived("taken back after a failure", _rolled_back())
    yield Lived(
        "refused by PD",
        _travelled(Voyage(LIMIT_4, snapshot(), lambda _, shown: (REFUSED, shown))),
    )
    yield Lived(
        "without effect",
        _travelled(_short(60, Voyage(LIMIT_4, snapshot(), lambda _, shown: (Did("200"), shown)))),
    )
    yield Lived("nobody knows", _unknown())
    yield Lived("a person says it happened", _resolved(ResolutionOutcome.HAPPENED))
    yield Lived("a person says it did not happen", _resolved(ResolutionOutcome.DID_NOT_HAPPEN))
    yield Lived("rejected", _over(approvals=[rejection("sre-4")]))
    yield Lived("cancelled", _over(cancel=cancel()))
    yield Lived("expired", _looked(later(assessed(facts()), 2 * 86400.0)))
    yield Lived("the problem is gone", _found(problem=None))
    yield Lived("a better one", _found(problem=problem(LIMIT_4, "f2")))


def _early() -> Facts:
    return approved(facts(proposal(not_before=at(3600.0))), "sre-2")

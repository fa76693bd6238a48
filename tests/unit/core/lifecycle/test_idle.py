"""Nothing that stays as it is costs anything: neither a write, nor a look that follows at once."""

from dataclasses import replace

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.tikvcluster import Mode
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from tests.support.proposals import approved, cluster, facts, halt, stored


def suggested_again() -> Facts:
    """Return what people agreed to, made a suggestion by Observe and a question again since."""
    observed = replace(approved(facts()), cluster=cluster(mode=Mode.OBSERVE))
    back = replace(stored(observed, decide(observed)), cluster=cluster())
    return stored(back, decide(back))


CASES = {
    "waits for people": facts(),
    "approved and halted": replace(approved(facts()), halts=(halt(),)),
    "in Observe with approvals": replace(approved(facts()), cluster=cluster(mode=Mode.OBSERVE)),
    "asked again, and its cluster is gone": replace(suggested_again(), cluster=None),
    "asked again, and PD is silent": replace(suggested_again(), snapshot=None),
    "under an open gate": replace(approved(facts()), gate_installed=False, gate_open="no binding"),
}


@pytest.mark.parametrize("known", CASES.values(), ids=CASES)
def test_what_rests_is_left_alone_for_a_while(known: Facts) -> None:
    """After one look, the next finds nothing to write, and asks for no third at once."""
    rests = stored(known, decide(known))
    again = decide(rests)
    assert again.status == rests.proposal.status
    assert again.look_again_at is not None
    assert again.look_again_at > rests.now


def test_what_is_enough_once_more_is_claimed_at_once() -> None:
    """The one case in which the next look follows immediately."""
    observed = replace(approved(facts()), cluster=cluster(mode=Mode.OBSERVE))
    back = replace(stored(observed, decide(observed)), cluster=cluster())
    asked = decide(back)
    assert (asked.status.phase, asked.look_again_at) == (Phase.PENDING, back.now)
    assert decide(stored(back, asked)).call is not None

"""A TiKVCluster says in one word and one sentence how it stands, and only on change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assent.api.reasons import ClusterState
from assent.api.v1alpha1.actionproposal import Finding
from assent.api.v1alpha1.halt import HaltSpec
from assent.api.v1alpha1.tikvcluster import PdAccess, TiKVClusterSpec, TiKVClusterStatus
from assent.core.detection.finding import Problem
from assent.core.lifecycle.cluster import ClusterFacts, claimant, decide_cluster, standing
from assent.core.model.resource import Cluster, HaltOrder, Metadata
from assent.core.model.snapshot import PdIdentity
from assent.errors import Retryable, Terminal

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PD = PdIdentity(7001, "v8.1.0", "pd-0", 11, "http://127.0.0.1:2379")


def cluster(
    name: str = "prod",
    *,
    born: datetime = NOW,
    wanted_id: str | None = None,
    status: TiKVClusterStatus | None = None,
    suspend: bool = False,
) -> Cluster:
    meta = Metadata("tikv", name, f"uid-{name}", "1", 3, born)
    pd = PdAccess(endpoints=["http://pd:2379"], cluster_id=wanted_id)
    spec = TiKVClusterSpec(pd=pd, suspend=suspend)
    return Cluster(meta, spec, status or TiKVClusterStatus())


def facts(given: Cluster | None = None, /, **changes: Any) -> ClusterFacts:
    base = ClusterFacts(
        now=NOW,
        cluster=given or cluster(),
        others=(),
        pd=PD,
        prepared=True,
        failure=None,
        halts=(),
        gate_problem=None,
        gate_mark="here",
        missing_right=None,
        problems=(),
        epoch=4,
    )
    return replace(base, **changes)


def problem(no_action: str | None, seen_since: datetime = NOW) -> Problem:
    finding = Finding(
        rule="StoreDown",
        severity="Critical",
        target="store/4",
        diagnosis="store 4 is silent",
        evidence=[],
        fingerprint="f",
        confidence=90,
        seen_since=seen_since,
    )
    return Problem(finding, None, no_action)


HALT = HaltOrder(Metadata("", "stop", "uid-h", "1", 1, NOW), HaltSpec(reason="incident 7"))


@pytest.mark.parametrize(
    ("changes", "want", "words"),
    [
        pytest.param({}, ClusterState.WATCHING, "7001", id="all is well"),
        pytest.param(
            {"pd": None, "failure": Retryable("PDUnreachable", "no endpoint answers")},
            ClusterState.PD_UNREACHABLE,
            "no endpoint answers",
            id="the client's own sentence is shown, not replaced",
        ),
        pytest.param(
            {"pd": None, "failure": Retryable("TLSFailed", "certificate verify failed")},
            ClusterState.TLS_FAILED,
            "certificate",
            id="a TLS failure is told from an unreachable PD",
        ),
        pytest.param(
            {"pd": None, "failure": Terminal("PDAnswerUnusable", "/stores lacks store.id")},
            ClusterState.PD_ANSWER_UNUSABLE,
            "store.id",
            id="a missing field is named, never guessed",
        ),
        pytest.param(
            {"pd": None, "failure": Terminal("SomethingNew", "odd")},
            ClusterState.PD_UNREACHABLE,
            "odd",
            id="an unknown reason still says its sentence",
        ),
        pytest.param(
            {"prepared": False},
            ClusterState.PD_NOT_READY,
            "schedulers",
            id="an empty scheduler list means not ready, not healthy (P15)",
        ),
        pytest.param(
            {"gate_problem": "policy assent-approvals is missing"},
            ClusterState.GATE_NOT_INSTALLED,
            "assent-approvals",
            id="without the gate nobody may believe that approvals hold",
        ),
        pytest.param(
            {"missing_right": "cannot create actionproposals"},
            ClusterState.FORBIDDEN,
            "create actionproposals",
            id="a missing right is named where people look",
        ),
        pytest.param(
            {"halts": (HALT,)}, ClusterState.HALTED, "incident 7", id="a halt names its reason"
        ),
    ],
)
def test_the_state_names_the_worst_that_holds(
    changes: dict[str, Any], want: ClusterState, words: str
) -> None:
    got = standing(facts(**changes))
    assert got.state is want
    assert words in got.message


@pytest.mark.parametrize(
    ("changes", "ready"),
    [
        ({}, "True"),
        ({"halts": (HALT,)}, "True"),
        ({"gate_problem": "a policy is missing"}, "False"),
        ({"missing_right": "cannot create actionproposals"}, "False"),
        ({"prepared": False}, "False"),
    ],
    ids=["well", "halted by a person", "no gate", "no right", "PD not ready"],
)
def test_ready_is_what_could_carry_something_out(changes: dict[str, Any], ready: str) -> None:
    """A tool that waits must not take for done what can do nothing before somebody heals it; what
    a person stopped is as that person wants it.
    """
    conditions = {item.type: item for item in decide_cluster(facts(**changes)).conditions or []}
    assert conditions["Ready"].status == ready


def test_suspend_is_shown_but_does_not_stop_watching() -> None:
    got = standing(facts(cluster(suspend=True)))
    assert got.state is ClusterState.SUSPENDED
    assert not got.blocks


def test_another_cluster_behind_the_endpoint_is_refused_and_the_old_id_is_kept() -> None:
    """A PD that was rebuilt, or a wrong address, must never be acted on as if it were ours."""
    ours = cluster(status=TiKVClusterStatus(cluster_id="6999", pd_version="v7.5.0"))
    status = decide_cluster(facts(ours))
    assert status.state == ClusterState.WRONG_CLUSTER
    assert status.cluster_id == "6999"
    assert "spec.pd.clusterId to 7001" in (status.message or "")


def test_an_explicit_id_lets_a_person_follow_a_rebuilt_cluster() -> None:
    ours = cluster(wanted_id="7001", status=TiKVClusterStatus(cluster_id="6999"))
    status = decide_cluster(facts(ours))
    assert status.state == ClusterState.WATCHING
    assert status.cluster_id == "7001"


def test_the_second_object_on_one_pd_says_who_claimed_it() -> None:
    first = cluster("first", status=TiKVClusterStatus(cluster_id="7001"))
    second = cluster("second", born=NOW - timedelta(days=9))
    status = decide_cluster(facts(second, others=(first,)))
    assert status.state == ClusterState.CLUSTER_CLAIMED
    assert "tikv/first" in (status.message or "")
    assert status.cluster_id is None


def test_two_that_start_together_agree_on_the_older() -> None:
    """Both may have stored the id before either saw the other."""
    seen = TiKVClusterStatus(cluster_id="7001", state="Watching")
    older = cluster("older", born=NOW - timedelta(minutes=1), status=seen)
    younger = cluster("younger", status=seen)
    for order in ((older, younger), (younger, older)):
        owner = claimant("7001", order)
        assert owner is not None
        assert owner.meta.name == "older"


def test_a_claimed_one_takes_over_when_the_owner_is_gone() -> None:
    claimed = cluster("second", status=TiKVClusterStatus(cluster_id=None, state="ClusterClaimed"))
    assert standing(facts(claimed)).state is ClusterState.WATCHING


def test_deliberate_inaction_is_listed_and_keeps_its_first_time() -> None:
    first = decide_cluster(facts(problems=(problem("No action, because PD repairs it."),)))
    assert first.diagnoses is not None
    later = facts(
        cluster(status=first),
        now=NOW + timedelta(hours=1),
        problems=(problem("No action, because PD repairs it.", NOW + timedelta(hours=1)),),
    )
    assert decide_cluster(later) == first


def test_a_problem_with_a_cure_is_a_proposal_and_not_listed() -> None:
    assert decide_cluster(facts(problems=(problem(None),))).diagnoses is None


def test_deciding_again_on_its_own_output_changes_nothing() -> None:
    """Idle writes must be zero: neither time nor repetition moves the status."""
    first = decide_cluster(facts())
    again = facts(cluster(status=first), now=NOW + timedelta(days=1))
    assert decide_cluster(again) == first


def test_what_was_known_is_kept_while_pd_is_silent() -> None:
    before = decide_cluster(facts(problems=(problem("No action, because PD repairs it."),)))
    silent = facts(
        cluster(status=before), pd=None, prepared=False, failure=Retryable("PDUnreachable", "x")
    )
    status = decide_cluster(silent)
    assert (status.cluster_id, status.pd_version) == ("7001", "v8.1.0")
    assert status.diagnoses == before.diagnoses


def test_the_epoch_never_falls() -> None:
    ahead = cluster(status=TiKVClusterStatus(epoch=9, cluster_id="7001"))
    assert decide_cluster(facts(ahead)).epoch == 9


@pytest.mark.parametrize(
    ("mark", "known", "noted"),
    [
        pytest.param("now", "then", "now", id="all is asked under the one that stands"),
        pytest.param(None, "then", "then", id="some is not yet, or it does not stand"),
        pytest.param(None, None, None, id="nothing was ever known"),
    ],
)
def test_the_gate_people_were_asked_under_is_noted(
    mark: str | None, known: str | None, noted: str | None
) -> None:
    """The next leader compares it with the gate that it finds."""
    ours = cluster(status=TiKVClusterStatus(gate=known))
    assert decide_cluster(facts(ours, gate_mark=mark)).gate == noted

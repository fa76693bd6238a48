"""SetStoreLabels: some labels there and back; what PD would refuse or mistake is not sent."""

from typing import Any

import pytest
from pydantic import ValidationError

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.store import SetStoreLabels, StoreLabel
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.set_store_labels import SetStoreLabelsAction
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import REPLICATION, snapshot, store, unprepared

ACTION = SetStoreLabelsAction()
STRICT = {**REPLICATION, "location-labels": "zone,host", "strictly-match-label": "true"}


def ask(**values: str) -> SetStoreLabels:
    labels = [StoreLabel(key=key, value=value) for key, value in values.items()]
    return SetStoreLabels(store_id=4, labels=labels)


def labelled(replication: dict[str, str] | None = REPLICATION, **labels: str) -> ClusterSnapshot:
    return snapshot(store(1), store(4, labels=labels), replication=replication)


ASK = ask(zone="z2", rack="r1", host="")
SEEN = labelled(zone="z1", host="h1")
BEFORE = ACTION.before(ASK, SEEN)


def verdicts(seen: ClusterSnapshot, params: SetStoreLabels = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(params, seen)}


def test_labels_may_be_set() -> None:
    """The plain case."""
    assert all(isinstance(verdict, Allow) for verdict in verdicts(SEEN).values())
    assert list(verdicts(unprepared(SEEN))) == ["Prepared"]


def test_the_call_merges() -> None:
    """Never with `force`: that replaces all labels. An empty value removes one."""
    assert ACTION.call(ASK).line == (
        'POST /pd/api/v1/store/4/label {"host":"","rack":"r1","zone":"z2"}'
    )


def test_every_named_label_is_captured_and_restored() -> None:
    """Also that there was none; what is not named is not touched."""
    assert (
        Fact(name="label/host", value="h1"),
        Fact(name="label/rack", value=""),
        Fact(name="label/zone", value="z1"),
    ) == BEFORE, "all of them"
    undo = ACTION.inverse(ASK, BEFORE)
    assert undo is not None
    assert undo.body == {"host": "h1", "rack": "", "zone": "z1"}
    assert ACTION.inverse(ASK, ()) is None


@pytest.mark.parametrize(
    ("params", "seen", "reason"),
    [
        pytest.param(
            ask(engine="tiflash"), SEEN, "LabelReserved", id="it would be another kind of store"
        ),
        pytest.param(ask(Exclusive="x"), SEEN, "LabelReserved", id="PD compares without case"),
        pytest.param(ask(zone="a", Zone="b"), SEEN, "LabelsTwice", id="one label by two names"),
        pytest.param(ask(Zone="z2"), SEEN, "LabelSpelling", id="it would change zone"),
    ],
)
def test_labels_that_pd_would_mistake_are_refused(
    params: SetStoreLabels, seen: ClusterSnapshot, reason: str
) -> None:
    """PD says 200 to each of them."""
    verdict = verdicts(seen, params)["LabelsAllowed"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


def test_an_unknown_store_is_refused_and_a_leaving_one_is_a_warning() -> None:
    """PD would answer 500 to the first."""
    unknown = verdicts(snapshot(store(1), replication=REPLICATION))
    assert isinstance(unknown["StoreKnown"], Deny)
    assert isinstance(unknown["LabelsMatch"], Hold)
    leaving = snapshot(store(1), store(4, state=StoreState.OFFLINE), replication=REPLICATION)
    assert isinstance(verdicts(leaving)["StoreKnown"], Warn)


@pytest.mark.parametrize(
    ("params", "seen", "reason"),
    [
        pytest.param(ask(zone="z2"), labelled(STRICT, zone="z1", host="h1"), None, id="they match"),
        pytest.param(
            ask(host="h1"), labelled(STRICT, zone="z1"), None, id="the one that was missing"
        ),
        pytest.param(
            ask(zone=""),
            labelled(STRICT, zone="z1", host="h1"),
            "LabelMissing",
            id="one is removed",
        ),
        pytest.param(
            ask(rack="r1"),
            labelled(STRICT, zone="z1", host="h1"),
            "LabelUnexpected",
            id="rack is no location",
        ),
        pytest.param(
            ask(rack=""), labelled(STRICT, zone="z1", host="h1", rack="r1"), None, id="cleaned up"
        ),
        pytest.param(ask(zone="z2"), labelled(None), "ReplicationUnknown", id="not shown"),
        pytest.param(ask(zone="z2"), labelled({}), "ReplicationUnknown", id="not all is shown"),
    ],
)
def test_under_strictly_match_label_pd_would_refuse(
    params: SetStoreLabels, seen: ClusterSnapshot, reason: str | None
) -> None:
    """It may be turned off, so this waits."""
    verdict = verdicts(seen, params)["LabelsMatch"]
    assert (verdict.reason if isinstance(verdict, Hold) else None) == reason


@pytest.mark.parametrize(
    "label",
    [
        {"key": "", "value": "x"},
        {"key": "$mode", "value": "x"},
        {"key": "zone-", "value": "x"},
        {"key": "k" * 57, "value": "x"},
        {"key": "zone", "value": "a b"},
        {"key": "zone", "value": "v" * 64},
        {"key": "zone"},
    ],
    ids=["no name", "PD's own", "its end", "long name", "blank", "long value", "no value"],
)
def test_labels_have_bounds(label: dict[str, Any]) -> None:
    """PD would refuse most; a captured value must fit into a fact."""
    with pytest.raises(ValidationError):
        SetStoreLabels.model_validate({"storeId": 4, "labels": [label]})


def test_verification_and_repeat_go_by_the_named_labels() -> None:
    """All of them, and no other."""
    done = labelled(zone="z2", rack="r1", disk="ssd")
    assert ACTION.verify(ASK, BEFORE, SEEN).progress is Progress.NOT_SEEN
    half = ACTION.verify(ASK, BEFORE, labelled(zone="z2", host="h1"))
    assert half.progress is Progress.NOT_SEEN
    assert half.message == "store 4 still has host=h1, rack=, zone=z2"
    assert ACTION.verify(ASK, BEFORE, done).progress is Progress.SETTLED
    gone = snapshot(store(1))
    assert "no labels that PD shows" in ACTION.verify(ASK, BEFORE, gone).message
    assert ACTION.already_done(ASK, done)
    assert not ACTION.already_done(ASK, gone)
    assert ACTION.unchanged(ASK, BEFORE, labelled(zone="z1", host="h1", disk="ssd"))
    assert not ACTION.unchanged(ASK, BEFORE, done)
    assert not ACTION.unchanged(ASK, (), gone)


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what the engine goes by."""
    assert ACTION.sentence(ASK) == "label store 4 with zone=z2, rack=r1, no host"
    assert ACTION.pd_ctl(ask(zone="z2", host="")) == (
        "pd-ctl store label 4 zone=z2; pd-ctl store label 4 host --delete"
    )
    assert ACTION.scope(ASK) == Scope(frozenset({4}))
    assert ACTION.risk(ASK, SEEN).tier is Tier.HIGH
    located = ACTION.risk(ASK, labelled(STRICT))
    assert located.factors[-1] == "replicas are spread by host, zone"
    assert ACTION.reversibility is Reversibility.FULLY
    assert ACTION.idempotency is Idempotency.ABSOLUTE
    assert ACTION.wanted(ASK).readings == {Reading.REPLICATION}

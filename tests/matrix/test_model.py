"""The model must see what must not be: it is the judge of random lives."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.matrix.model import NEEDED, Life, ask_of, may_configure, may_decide

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT_ROBOT = "system:serviceaccount:gitops:root"
DEPLOYER = "system:serviceaccount:gitops:deployer"
D = "sha256:01"


def yes(by: str, digest: str = D, **fields: str) -> dict[str, Any]:
    return {"by": by, "decision": "Approve", "digest": digest, **fields}


def no(by: str) -> dict[str, Any]:
    return {"by": by, "decision": "Reject"}


def assessed(tier: str = "Low", *entries: dict[str, Any], author: str = "proposer") -> Life:
    """Return a pending life of which the operator wrote digest, tier and target; then entries."""
    spec: dict[str, Any] = {
        "clusterRef": {"name": "prod"},
        "proposedBy": author,
        "action": {"type": "StopEvictLeaders", "stopEvictLeaders": {"storeId": 4}},
    }
    life = Life(spec)
    life.looked(status("Pending", tier), NOW, NEEDED)
    for entry in entries:
        life.written(entry["by"], said(life, entry))
    return life


def status(phase: str, tier: str = "Low", digest: str = D) -> dict[str, Any]:
    risk, target = {"tier": tier}, {"id": "store/4"}
    return {"phase": phase, "digest": digest, "risk": risk, "target": target}


def said(life: Life, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the spec with that entry in its writer's seat."""
    others = [one for by, one in life.voices.items() if by != entry["by"]]
    return {**deepcopy(life.spec), "approvals": [*others, entry]}


def edited(life: Life, **fields: Any) -> dict[str, Any]:
    spec = {**deepcopy(life.spec), **fields}
    return {key: value for key, value in spec.items() if value is not None}


AGREED = [
    pytest.param("Low", [yes("low")], id="one with the right"),
    pytest.param("Low", [yes(DEPLOYER)], id="a service account's one seat"),
    pytest.param("High", [yes("high"), yes("second")], id="two at High"),
    pytest.param("High", [yes("glass", breakGlass="nobody else")], id="a broken glass for two"),
    pytest.param(
        "Critical",
        [yes("critical", confirm="store/4"), yes("root", confirm="store/4")],
        id="two at Critical, the target typed",
    ),
]


@pytest.mark.parametrize(("tier", "entries"), AGREED)
@pytest.mark.parametrize("phase", ["Approved", "Executing", "Succeeded"])
def test_enough_people_are_enough(phase: str, tier: str, entries: list[dict[str, Any]]) -> None:
    """What the operator may do."""
    life = assessed(tier, *entries)
    life.looked(status(phase, tier), NOW, NEEDED)
    assert life.phase == phase


NOT_AGREED = [
    pytest.param("Low", [], id="nobody"),
    pytest.param("High", [yes("high")], id="one of two"),
    pytest.param("Low", [no("low")], id="a no"),
    pytest.param("Low", [yes("glass"), no("low")], id="a yes and a no"),
]


@pytest.mark.parametrize(("tier", "entries"), NOT_AGREED)
@pytest.mark.parametrize("phase", ["Approved", "Executing", "Succeeded"])
def test_too_few_are_not_enough(phase: str, tier: str, entries: list[dict[str, Any]]) -> None:
    """What the operator must not do, though every word was rightfully said."""
    life = assessed(tier, *entries)
    with pytest.raises(AssertionError):
        life.looked(status(phase, tier), NOW, NEEDED)


@pytest.mark.parametrize(
    ("tier", "entry"),
    [
        ("Low", yes("low", "sha256:02")),
        ("High", yes("low")),
        ("Low", yes("proposer")),
        ("High", yes(ROOT_ROBOT)),
        ("Critical", yes("root")),
        ("Critical", yes("root", confirm="store/5")),
        ("Critical", yes("root", confirm="store/4", breakGlass="now")),
        ("High", yes("high", breakGlass="no right to that")),
        ("Low", no("medium")),
    ],
)
def test_a_word_that_must_not_be_stored_is_seen(tier: str, entry: dict[str, Any]) -> None:
    """Each is one that the gate must have refused."""
    life = assessed(tier)
    with pytest.raises(AssertionError):
        life.written(entry["by"], said(life, entry))


def test_words_in_anothers_name_are_seen() -> None:
    """Added, changed, removed: by whom, is what the API server proved."""
    life = assessed("Low", yes("glass"))
    for spec in (
        said(life, yes("low")),
        said(life, yes("glass", comment="I love it")),
        edited(life, approvals=None),
    ):
        with pytest.raises(AssertionError):
            life.written("gitops", spec)


def test_a_second_robot_is_seen() -> None:
    """All of them together have one seat."""
    life = assessed("Low", yes(DEPLOYER))
    with pytest.raises(AssertionError, match="a second robot"):
        life.written(ROOT_ROBOT, said(life, yes(ROOT_ROBOT)))


def test_an_author_has_no_seat_also_when_others_wrote_since() -> None:
    """Whoever wrote a revision that was assessed is one of its authors for good."""
    life = assessed(author="low")
    life.written("second", edited(life, reason="better", proposedBy="second"))
    life.looked(status("Pending", digest="sha256:02"), NOW, NEEDED)
    with pytest.raises(AssertionError, match="an author"):
        life.written("low", said(life, yes("low", "sha256:02")))


def test_a_no_is_not_taken_back() -> None:
    """Neither removed nor turned, nor edited around."""
    life = assessed("Low", no("low"))
    for user, spec in (
        ("low", edited(life, approvals=None)),
        ("low", said(life, yes("low"))),
        ("second", edited(life, approvals=None, reason="please", proposedBy="second")),
    ):
        with pytest.raises(AssertionError):
            life.written(user, spec)


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "forged", "approvals": None},
        {"reason": "mine", "proposedBy": "second"},
        {"clusterRef": {"name": "other"}},
        {"cancel": {"by": "low"}},
        {"resolution": {"by": "second", "outcome": "Happened", "digest": D}},
    ],
)
def test_a_forged_ask_is_seen(fields: dict[str, Any]) -> None:
    """In the author's name, over approvals, elsewhere, or what others have to say."""
    life = assessed("Low", yes("low"))
    with pytest.raises(AssertionError):
        life.written("second", edited(life, **fields))


def test_what_is_executed_is_frozen() -> None:
    """Also one's own approval."""
    life = assessed("Low", yes("low"))
    life.looked(status("Executing"), NOW, NEEDED)
    with pytest.raises(AssertionError, match="changed in phase Executing"):
        life.written("low", edited(life, approvals=None))


def test_a_changed_ask_under_the_old_digest_is_seen() -> None:
    """The operator acts on what it has not looked at."""
    life = assessed()
    life.written("second", edited(life, reason="better", proposedBy="second"))
    with pytest.raises(AssertionError):
        life.written("low", said(life, yes("low")))
    life.spec["approvals"] = [yes("low")]
    with pytest.raises(AssertionError, match="another ask"):
        life.looked(status("Approved"), NOW, NEEDED)


def test_what_has_expired_is_not_approved() -> None:
    """The policy has no clock; the operator has."""
    life = assessed("Low", yes("low"))
    with pytest.raises(AssertionError, match="expired"):
        life.looked(status("Approved"), NOW + timedelta(hours=24), NEEDED)


def test_what_was_cancelled_is_not_approved() -> None:
    """Anybody may stop it, and nobody can take that back."""
    life = assessed("Low", yes("low"))
    life.written("neighbour", edited(life, cancel={"by": "neighbour"}))
    with pytest.raises(AssertionError, match="takes a cancel back"):
        life.written("neighbour", edited(life, cancel=None))
    with pytest.raises(AssertionError, match="after a cancel"):
        life.looked(status("Approved"), NOW, NEEDED)


def test_rights_are_those_of_the_roles() -> None:
    """Spelled out once more, by hand."""
    assert may_decide("typed", "Medium", "TransferLeader")
    assert not may_decide("typed", "Medium", "StopEvictLeaders")
    assert not may_decide("typed", "Low", "TransferLeader")
    assert not may_decide("neighbour", "Low", "TransferLeader")
    assert not may_decide("operator", "Low", "TransferLeader")
    assert may_configure("configurer")
    assert not may_configure("glass")


def test_the_ask_is_all_but_what_others_say() -> None:
    """A field that nobody knows yet is part of it."""
    spec = {"clusterRef": 1, "approvals": 2, "cancel": 3, "resolution": 4, "new": 5}
    assert ask_of(spec) == {"new": 5}

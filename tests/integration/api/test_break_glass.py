"""Break-glass on the API server: a right of its own, beside every other rule of the gate."""

from typing import Any

import pytest

from tests.integration.api.kubeapi import ADMIN, APPLY, KubeApi, Who, path
from tests.integration.api.life import EVICT, Life, approval, rejection
from tests.integration.api.people import ALICE, ARGO, BOB, CAROL, FLUX, GRETA, MALLORY, SAM
from tests.integration.api.waiting import until

WHY = "both colleagues are on a plane"
NO_GLASS = "may not break the glass for"


def broken(who: Who, **fields: str) -> dict[str, Any]:
    return {"approvals": [approval(who, breakGlass=WHY, **fields)]}


@pytest.mark.parametrize("tier", ["Low", "Medium", "High"])
def test_the_right_breaks_it_with_a_reason(life: Life, tier: str) -> None:
    """The reason is part of the seat, for everybody to read."""
    proposal = life.assessed(tier=tier)
    stored = proposal.patch(broken(GRETA), by=GRETA).ok()
    (seat,) = stored["spec"]["approvals"]
    assert (seat["by"], seat["breakGlass"]) == ("greta", WHY)


def test_the_right_to_approve_is_not_the_right_to_break(life: Life) -> None:
    """And the sentence names the verb that is missing."""
    proposal = life.assessed()
    proposal.patch(broken(ALICE), by=ALICE).refused(
        403, f"user alice {NO_GLASS} Low-risk TransferLeader", "verb break-glass on"
    )
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).ok()


def test_the_right_to_break_is_not_the_right_to_approve(life: Life, kube: KubeApi) -> None:
    """`assent-glass-breaker` alone opens nothing."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "tests-only-glass"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "assent-glass-breaker",
        },
        "subjects": [{"kind": "User", "name": "mallory", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    at = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/tests-only-glass"
    kube.apply(at, binding).ok()
    try:
        proposal = life.assessed()
        answer = proposal.patch(broken(MALLORY), by=MALLORY)
        answer.refused(403, "user mallory may not approve Low-risk TransferLeader")
    finally:
        kube.call("DELETE", at).ok()


REFUSED = [
    pytest.param(
        {"tier": "Critical"},
        broken(ADMIN, by="admin", confirm="region/4"),
        ADMIN,
        "Critical: the glass cannot be broken",
        id="Critical, by an administrator with every verb",
    ),
    pytest.param(
        {"author": ADMIN, "proposedBy": "admin"},
        broken(ADMIN, by="admin"),
        ADMIN,
        "you proposed this",
        id="the author's own ask",
    ),
    pytest.param({}, broken(FLUX), FLUX, "only a person can break the glass", id="a robot"),
    pytest.param(
        {}, broken(GRETA, digest="sha256:0b"), GRETA, "the digest is not that", id="old digest"
    ),
    pytest.param(
        {"phase": "Suggested"}, broken(GRETA), GRETA, "only a Pending proposal", id="a suggestion"
    ),
    pytest.param({"phase": "Executing"}, broken(GRETA), GRETA, "frozen", id="what runs already"),
    pytest.param(
        {},
        {"approvals": [approval(BOB, breakGlass=WHY)]},
        GRETA,
        "in your own name (greta)",
        id="a colleague's hand on the hammer",
    ),
    pytest.param(
        {"approvals": ((ALICE, approval(ALICE)),)},
        {"approvals": [approval(ALICE, breakGlass=WHY)]},
        GRETA,
        "in your own name (greta)",
        id="a reason put into what a colleague said",
    ),
    pytest.param(
        {},
        {"approvals": [{**rejection(GRETA), "breakGlass": WHY}]},
        GRETA,
        "breakGlass stands beside an Approve only",
        id="a no needs no glass",
    ),
    pytest.param(
        {},
        {"approvals": [{**approval(GRETA), "breakGlass": "urgent"}]},
        GRETA,
        "at least 10 chars long",
        id="a reason that gives none",
    ),
    pytest.param(
        {},
        {"approvals": [{**approval(GRETA), "breakGlass": "x" * 513}]},
        GRETA,
        "may not be more than 512",
        id="a reason that nobody reads",
    ),
]


@pytest.mark.parametrize(("state", "write", "by", "says"), REFUSED)
def test_it_skips_people_and_no_rule(
    life: Life, state: dict[str, Any], write: dict[str, Any], by: Who, says: str
) -> None:
    """Everything that binds an approval binds this one; the stored object stays as it was."""
    proposal = life.assessed(**state)
    before = proposal.read()
    proposal.patch(write, by=by).refused(422, says)
    assert proposal.read() == before


def test_it_follows_the_type_of_the_right(life: Life, kube: KubeApi) -> None:
    """A name in the rule limits a breaker of glass to types, as it limits an approver."""
    kinds: list[tuple[str, dict[str, Any]]] = [
        (
            "clusterroles",
            {
                "kind": "ClusterRole",
                "rules": [
                    {
                        "apiGroups": ["assent.tikv.org"],
                        "resources": ["actionproposals/high"],
                        "resourceNames": ["TransferLeader"],
                        "verbs": ["break-glass"],
                    }
                ],
            },
        ),
        (
            "clusterrolebindings",
            {
                "kind": "ClusterRoleBinding",
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "tests-typed-glass",
                },
                "subjects": [
                    {"kind": "User", "name": "carol", "apiGroup": "rbac.authorization.k8s.io"}
                ],
            },
        ),
    ]
    root = "/apis/rbac.authorization.k8s.io/v1"
    for plural, body in kinds:
        named = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": {"name": "tests-typed-glass"},
            **body,
        }
        kube.apply(f"{root}/{plural}/tests-typed-glass", named).ok()
    own = life.assessed(tier="High")
    # RBAC learns of role and binding by watches, a moment after they are stored.
    until(
        lambda: own.patch(broken(CAROL), by=CAROL).code == 200,
        what="Carol's right to break the glass",
    )
    other = life.assessed(tier="High", action=EVICT)
    other.patch(broken(CAROL), by=CAROL).refused(403, NO_GLASS)
    for plural, _ in kinds:
        kube.call("DELETE", f"{root}/{plural}/tests-typed-glass").ok()


def test_it_can_be_added_to_ones_own_seat_and_taken_back(life: Life) -> None:
    """First an approval, then, when nobody else answers, the glass; and second thoughts."""
    proposal = life.assessed(tier="High", approvals=((GRETA, approval(GRETA)),))
    proposal.patch(broken(GRETA), by=GRETA).ok()
    stored = proposal.patch({"approvals": [approval(GRETA)]}, by=GRETA).ok()
    assert "breakGlass" not in stored["spec"]["approvals"][0]
    proposal.patch({"approvals": None}, by=GRETA).ok()


def test_server_side_apply_breaks_it_too(life: Life, kube: KubeApi) -> None:
    """The rule sees objects, not the way of writing."""
    proposal = life.assessed()
    for who, code in ((GRETA, 200), (BOB, 403)):
        manifest = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "ActionProposal",
            "metadata": {"name": proposal.name},
            "spec": broken(who),
        }
        query = {"fieldManager": f"glass-{who.user}"}
        at = path("actionproposals", proposal.name)
        answer = kube.call("PATCH", at, manifest, by=who, content_type=APPLY, query=query)
        assert answer.code == code, answer.message


ROBOTS = [
    pytest.param("Low", FLUX, 200, "", id="one robot on Low"),
    pytest.param("Medium", FLUX, 200, "", id="one robot on Medium"),
    pytest.param("High", FLUX, 422, "no seat for tier High", id="none on High"),
    pytest.param("Critical", FLUX, 422, "no seat for tier Critical", id="none on Critical"),
]


@pytest.mark.parametrize(("tier", "who", "code", "says"), ROBOTS)
def test_robots_have_a_seat_below_high(
    life: Life, tier: str, who: Who, code: int, says: str
) -> None:
    """With every right that RBAC knows: where data can be lost, people answer."""
    proposal = life.assessed(tier=tier)
    answer = proposal.patch({"approvals": [approval(who, confirm="region/4")]}, by=who)
    assert answer.code == code, answer.message
    assert says in answer.message


def test_robots_share_one_seat(life: Life) -> None:
    """Two of them are not two people; a person beside one is."""
    proposal = life.assessed(approvals=((FLUX, approval(FLUX)),))
    both = {"approvals": [approval(FLUX), approval(ARGO)]}
    proposal.patch(both, by=ARGO).refused(422, "together have one seat")
    beside = {"approvals": [approval(FLUX), approval(ALICE)]}
    proposal.patch(beside, by=ALICE).ok()


def test_a_robot_may_apply_its_own_decision_for_ever(life: Life) -> None:
    """What a GitOps tool writes again and again is no second seat."""
    proposal = life.assessed(approvals=((FLUX, approval(FLUX)),))
    proposal.patch({"approvals": [approval(FLUX, comment="from Git")]}, by=FLUX).ok()


def test_a_robot_takes_the_seat_that_an_old_digest_left(life: Life) -> None:
    """Only an approval that counts holds it."""
    proposal = life.assessed(approvals=((FLUX, approval(FLUX)),))
    proposal.status({"digest": "sha256:0c"}).ok()
    both = {"approvals": [approval(FLUX), approval(ARGO, digest="sha256:0c")]}
    proposal.patch(both, by=ARGO).ok()


def test_nobody_approves_what_they_wrote_a_part_of(life: Life) -> None:
    """Filed by Alice, changed by Sam: neither of the two; Bob may."""
    proposal = life.assessed(author=ALICE)
    proposal.patch({"reason": "better so", "proposedBy": "sam"}, by=SAM).ok()
    proposal.assess()
    proposal.patch({"approvals": [approval(ALICE)]}, by=ALICE).refused(
        422, "you wrote an earlier revision of this ask: somebody else must approve it"
    )
    proposal.patch({"approvals": [approval(BOB)]}, by=BOB).ok()


def test_a_no_is_final_for_who_said_it_too(life: Life) -> None:
    """Nobody can be talked out of it between the no and the operator's look."""
    proposal = life.assessed(approvals=((ALICE, rejection(ALICE)),))
    for change in (None, [approval(ALICE)], [{**rejection(ALICE), "comment": "well"}]):
        proposal.patch({"approvals": change}, by=ALICE).refused(422, "a Reject is final")
    both = {"approvals": [rejection(ALICE), rejection(BOB)]}
    proposal.patch(both, by=BOB).ok()


def test_one_made_anew_from_git_with_a_decision_is_told_which_lines_to_remove(
    life: Life, kube: KubeApi
) -> None:
    """Yesterday's file must not approve tomorrow's proposal, and its owner must know what to do."""
    manifest = life.manifest(author=FLUX, approvals=[approval(FLUX), approval(ALICE)])
    at = path("actionproposals", manifest["metadata"]["name"])
    query = {"fieldManager": "kustomize-controller", "force": "true"}
    by = Who(FLUX.user, ("system:masters",))
    answer = kube.call("PATCH", at, manifest, by=by, content_type=APPLY, query=query)
    lines = f"remove the lines of spec.approvals (by: {FLUX.user}, alice)"
    answer.refused(422, lines, "give them once it is assessed")
    manifest["spec"]["approvals"] = [approval(FLUX)]
    answer = kube.call("PATCH", at, manifest, by=by, content_type=APPLY, query=query)
    answer.refused(422, f"remove the lines of spec.approvals (by: {FLUX.user})")
    del manifest["spec"]["approvals"]
    kube.call("PATCH", at, manifest, by=by, content_type=APPLY, query=query).ok()

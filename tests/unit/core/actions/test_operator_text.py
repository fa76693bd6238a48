"""The texts of PD's operators in the forms of all versions (pd-api.md 2.6, 6)."""

import pytest

from assent.core.actions.operator_text import read_operator

V8 = (
    "admin-split-region {split: region 9 use policy APPROXIMATE} (kind:admin,split, "
    "region:9(24, 5), createAt:2026-11-21 15:57:02.700312381 +0000 UTC m=+7.930912390, "
    "startAt:2026-11-21 15:57:02.700487741 +0000 UTC m=+7.931087750, currentStep:0, size:96, "
    "steps:[0:{split region with policy APPROXIMATE}], timeout:[1m0s])"
)
"""As the PD of the sandbox wrote it."""

V6 = (
    "admin-move-peer {mv peer: store [1] to [4]} (kind:admin,region, region:7(3, 5), "
    "createAt:2023-02-03 01:53:56.1 +0000 UTC m=+12.3, startAt:2023-02-03 01:53:56.2 +0000 UTC "
    "m=+12.4, currentStep:1, size:20, steps:[0:{add learner peer 77 on store 4}, 1:{use joint "
    "consensus, promote learner peer 77 on store 4 to voter, demote voter peer 8 on store 1 to "
    "learner}, 2:{leave joint state, promote learner peer 77 on store 4 to voter, demote voter "
    "peer 8 on store 1 to learner}, 3:{remove peer on store 1}]，timeout:[18m0s])"
)
"""With the full-width comma of v6.5 and v7.1, written after pd-api.md 2.6: those versions have no
sandbox of their own."""

V66 = (
    "admin-merge-region {merge: region 101 to 9} (kind:admin,merge, region:101(25, 5), "
    "createAt:2026-11-21 18:51:29.938401187 +0000 UTC m=+5.461641662, "
    "startAt:0001-01-01 00:00:00 +0000 UTC, currentStep:0, size:5, "
    "steps:[merge region 101 into region 9]，timeout:[10m0s])"
)
"""As the older PD of the sandbox wrote it: the comma, and steps without numbers."""

V6_SCATTER = V6.replace("admin-move-peer", "scatter-region").replace("]，", "], ")

V85 = (
    "evict-leader-scheduler {transfer leader: store 1 to 2} (kind:leader, region:12(40, 11), "
    "createAt:2025-08-21 10:00:00 +0000 UTC m=+1.5, startAt:0001-01-01 00:00:00 +0000 UTC, "
    "currentStep:0, size:1, steps:[0:{transfer leader from store 1 to store 2}], timeout:[1m0s])"
)
"""v8.5 names the operators of evictions otherwise; before its first step one has no start."""


@pytest.mark.trap("P26")
@pytest.mark.parametrize(
    ("text", "description", "brief", "region_id", "epoch", "created_at"),
    [
        pytest.param(
            V8,
            "admin-split-region",
            "split: region 9 use policy APPROXIMATE",
            9,
            "24/5",
            "2026-11-21 15:57:02.700312381 +0000 UTC m=+7.930912390",
            id="v8.1",
        ),
        pytest.param(
            V6,
            "admin-move-peer",
            "mv peer: store [1] to [4]",
            7,
            "3/5",
            "2023-02-03 01:53:56.1 +0000 UTC m=+12.3",
            id="v6.5 and v7.1",
        ),
        pytest.param(
            V66,
            "admin-merge-region",
            "merge: region 101 to 9",
            101,
            "25/5",
            "2026-11-21 18:51:29.938401187 +0000 UTC m=+5.461641662",
            id="v6.6",
        ),
        pytest.param(
            V6_SCATTER,
            "scatter-region",
            "mv peer: store [1] to [4]",
            7,
            "3/5",
            "2023-02-03 01:53:56.1 +0000 UTC m=+12.3",
            id="v7.5",
        ),
        pytest.param(
            V85,
            "evict-leader-scheduler",
            "transfer leader: store 1 to 2",
            12,
            "40/11",
            "2025-08-21 10:00:00 +0000 UTC m=+1.5",
            id="v8.5",
        ),
    ],
)
def test_p26_every_form_is_read(
    text: str, description: str, brief: str, region_id: int, epoch: str, created_at: str
) -> None:
    """Whatever comma stands behind: what identifies the operator is before it."""
    found = read_operator(text)
    assert found is not None
    assert (found.description, found.brief) == (description, brief)
    assert (found.region_id, found.epoch, found.created_at) == (region_id, epoch, created_at)


@pytest.mark.parametrize("status", ["RUNNING", "SUCCESS", "TIMEOUT", "CANCEL", "REPLACE"])
def test_a_status_before_it_changes_nothing(status: str) -> None:
    """As GET /operators/{id} answers."""
    assert read_operator(f"status: {status}, operator: {V6}") == read_operator(V6)


@pytest.mark.parametrize("suffix", ["", " finished", " timeout", " finished timeout"])
def test_how_far_it_is_changes_nothing(suffix: str) -> None:
    """The same operator at any time of its life."""
    assert read_operator(V8 + suffix) == read_operator(V8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status: RUNNING",
        "merge-region",
        V8.replace("createAt", "createdAt"),
        V8.replace("region:9(24, 5)", "region:9"),
        V8.replace("region:9(24, 5)", "region:nine(24, 5)"),
        V8.replace(" {", " <"),
    ],
    ids=["empty", "a status", "a name only", "no time", "no epoch", "no number", "no brief"],
)
def test_another_form_is_not_guessed(text: str) -> None:
    """None, so that whoever asks holds."""
    assert read_operator(text) is None


def test_what_it_says_of_the_operator() -> None:
    """A merge has a twin; only what begins with admin was somebody's wish."""
    split, eviction = read_operator(V8), read_operator(V85)
    merge = read_operator(V8.replace("kind:admin,split", "kind:admin,merge,region"))
    assert split is not None
    assert eviction is not None
    assert merge is not None
    assert (split.is_merge, merge.is_merge) == (False, True)
    assert (split.is_admin, eviction.is_admin) == (True, False)

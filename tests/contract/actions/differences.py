"""Where PD's lines differ so that a test of an action means nothing on one of them.

Each row names a test that is left out there, and what Assent does instead; the matrix of
`versions.py` and docs/reference/versions.md show them. What is not in the table has to pass.
"""

from dataclasses import dataclass

from assent.api.v1alpha1.actions import ActionType

NEWER, OLDER = "v8.1", "v6.6"


@dataclass(frozen=True, slots=True)
class Difference:
    """One test that a line leaves out, with the reason."""

    line: str
    test: str
    """File and name, with the parameter where only that one is meant."""
    pd: str
    """What PD does there."""
    ours: str
    """What Assent makes of it."""
    actions: tuple[ActionType, ...] = ()
    """Of which actions this is a part."""
    less: bool = False
    """True where those can do less on that line."""


_NO_HALT = "PD has no `halt-scheduling`, and says so before it changes anything."
_LEADS_AGAIN = (
    "A member that leads a second time counts no region anew and lists no scheduler for up to"
    " 5 minutes (`collectTimeout`)."
)

DIFFERENCES = (
    Difference(
        OLDER,
        "test_schedulers.py::test_a_default_scheduler_is_removed_and_added_again"
        "[evict-slow-store-scheduler]",
        "PD does not start `evict-slow-store-scheduler` by itself.",
        "There is nothing to remove until somebody adds it.",
        (ActionType.REMOVE_SCHEDULER,),
    ),
    Difference(
        NEWER,
        "test_older_pd.py::test_a_scheduler_that_this_pd_does_not_know_is_refused",
        "PD knows every scheduler of our list.",
        "AddScheduler works with each.",
        (ActionType.ADD_SCHEDULER,),
    ),
    Difference(
        OLDER,
        "test_schedulers.py::test_a_scheduler_is_added_and_erased_again"
        "[evict-slow-trend-scheduler]",
        "PD does not know `evict-slow-trend-scheduler`: 400 `unknown scheduler`, before anything.",
        "Failed, with PD's words; nothing has changed.",
        (ActionType.ADD_SCHEDULER,),
        less=True,
    ),
    Difference(
        OLDER,
        "test_settings.py::test_p09_a_scheduling_setting_is_set_and_restored[halt-scheduling]",
        _NO_HALT,
        "Failed, with PD's words; nothing has changed.",
        (ActionType.SET_SCHEDULE_CONFIG,),
        less=True,
    ),
    Difference(
        OLDER,
        "test_split_region.py::test_halted_scheduling_is_refused",
        _NO_HALT,
        "Nothing can halt a split.",
        (ActionType.SPLIT_REGION,),
    ),
    Difference(
        OLDER,
        "test_transfer_peer.py::test_p19_pd_moves_a_peer_although_scheduling_is_halted_or_denied",
        _NO_HALT,
        "A denial by a region label holds as it does elsewhere.",
        (ActionType.TRANSFER_PEER,),
    ),
    Difference(
        NEWER,
        "test_older_pd.py::test_a_setting_that_this_pd_does_not_have_is_refused",
        "PD has every setting of our list.",
        "SetScheduleConfig works with each.",
        (ActionType.SET_SCHEDULE_CONFIG,),
    ),
    Difference(
        OLDER,
        "test_settings.py::test_the_isolation_level_goes_with_the_labels",
        "PD does not carry `isolation-level` into the rule `pd/default`, which is what counts.",
        "Seen and never settled: verification names the rule, and the value is taken back.",
        (ActionType.SET_REPLICATION_CONFIG,),
        less=True,
    ),
    Difference(
        NEWER,
        "test_older_pd.py::test_an_isolation_level_that_reaches_no_rule_is_not_done",
        "PD carries `isolation-level` into the rule `pd/default`.",
        "SetReplicationConfig works with it.",
        (ActionType.SET_REPLICATION_CONFIG,),
    ),
    Difference(
        OLDER,
        "test_cancel_operator.py::test_a_merge_is_ended_on_both_regions",
        "PD ends a merge on the one region; on the other it runs on until its time is over.",
        "The region that was named is free; the other stays held by `RegionIdle`.",
        (ActionType.CANCEL_OPERATOR,),
        less=True,
    ),
    Difference(
        NEWER,
        "test_older_pd.py::test_a_merge_is_ended_on_one_region_only",
        "PD ends a merge on both regions.",
        "The warning `OneRegion` says which.",
        (ActionType.CANCEL_OPERATOR,),
    ),
    Difference(
        OLDER,
        "test_transfer_pd_leader.py::test_another_member_leads_and_the_first_one_again",
        _LEADS_AGAIN,
        "The way back takes that long: reading says PDNotReady, and everything holds until then.",
        (ActionType.TRANSFER_PD_LEADER,),
        less=True,
    ),
    Difference(
        OLDER,
        "test_merge_regions.py::test_p14_the_last_regions_sibling_is_a_lie",
        "PD shows no right neighbour of the last region, as it should.",
        "Nothing: neighbours are judged by their keys.",
        (ActionType.MERGE_REGIONS,),
    ),
    Difference(
        OLDER,
        "test_callers.py::test_p05_the_caller_is_one_constant_label",
        "PD reads the caller from the header `component`, not from `X-Caller-ID`.",
        "Its log and metrics call us anonymous; nothing depends on them.",
    ),
    Difference(
        OLDER,
        "test_hidden_stores.py::test_p33_a_buried_store_is_hidden_but_where_one_asks_for_it",
        "PD has no `/stores/check`.",
        "Nothing: we do not ask it.",
    ),
)


def left_out(line: str, nodeid: str) -> Difference | None:
    """Return why that line leaves a test out, None when it runs there."""
    name = nodeid.rpartition("/")[2].partition("@")[0]
    for row in DIFFERENCES:
        if row.line == line and (name == row.test or name.startswith(f"{row.test}[")):
            return row
    return None

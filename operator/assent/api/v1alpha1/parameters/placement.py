"""Parameters of actions on placement rules and on the labels of key ranges."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from assent.api.v1alpha1.base import ApiModel, Duration

RuleName = Annotated[
    str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
]
"""The group or the id of a placement rule: a part of a path of PD, so no slash."""
LabelRuleId = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")
]
HexKey = Annotated[str, Field(max_length=256, pattern=r"^([0-9A-Fa-f]{2})*$")]
"""A key as PD writes it: two hex digits a byte."""
LabelText = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[$A-Za-z0-9_][A-Za-z0-9_./-]*$")
]
"""A key or a value of a label."""


class RuleRole(StrEnum):
    """What the replicas of a placement rule are."""

    VOTER = "Voter"
    LEADER = "Leader"
    FOLLOWER = "Follower"
    LEARNER = "Learner"


class LabelOperator(StrEnum):
    """How a store's label is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    NOT_EXISTS = "NotExists"


class LabelConstraint(ApiModel):
    """One condition on the labels of a store; a store must meet all of a rule's."""

    key: LabelText
    """The label, for example zone."""
    op: LabelOperator
    """In and NotIn compare with values; Exists and NotExists take none."""
    values: Annotated[tuple[LabelText, ...], Field(max_length=8)] = ()
    """Values for In and NotIn. A store without the label is never In and always NotIn."""


class SetPlacementRule(ApiModel):
    """Set one placement rule: how many replicas of which role a key range has, on which stores."""

    group_id: RuleName
    """The rule's group; PD's own default rule is id default of group pd."""
    id: RuleName
    """The rule; one that exists is replaced, whole."""
    index: Annotated[int, Field(ge=0, le=1000)] = 0
    """Rules of a group apply in this order, lower ones first."""
    override: bool = False
    """True to disable the rules of the same group that come before this one."""
    start_key: HexKey = ""
    """Beginning of the range in hex, encoded as PD encodes keys; empty for the very first key."""
    end_key: HexKey = ""
    """End of the range in hex, itself outside; empty for no end."""
    role: RuleRole
    """Voter may lead or follow, Leader must lead, Follower must not, Learner never votes."""
    count: Annotated[int, Field(ge=1, le=9)]
    """How many replicas of that role; fewer voters than now makes it Critical."""
    label_constraints: Annotated[tuple[LabelConstraint, ...], Field(max_length=4)] = ()
    """Which stores may hold them; without any, every store without a label engine."""
    location_labels: Annotated[tuple[LabelText, ...], Field(max_length=8)] = ()
    """Labels by which replicas are kept apart, the widest first, for example zone, host."""
    isolation_level: LabelText | None = None
    """The location label that no two replicas may share, whatever the cost; absent for none."""


class RegionLabel(ApiModel):
    """One label of a key range."""

    key: LabelText
    """For example schedule: with value deny PD's schedulers leave the regions alone."""
    value: LabelText
    """The label's value."""
    ttl: Duration | None = None
    """How long it lasts, for example 30m; absent for ever."""


class KeyRange(ApiModel):
    """One range of keys."""

    start_key: HexKey = ""
    """Beginning in hex, encoded as PD encodes keys; empty for the very first key."""
    end_key: HexKey = ""
    """End in hex, itself outside; empty for no end."""


class SetRegionLabelRule(ApiModel):
    """Label key ranges, for example schedule=deny for half an hour."""

    id: LabelRuleId
    """The rule; one that exists is replaced, whole. Not keyspaces/… and schema/…: those belong to
    PD and to TiDB."""
    labels: Annotated[tuple[RegionLabel, ...], Field(min_length=1, max_length=8)]
    """The labels; each may end by itself."""
    ranges: Annotated[tuple[KeyRange, ...], Field(min_length=1, max_length=4)]
    """The key ranges. A border inside a region makes PD split it there."""


class DeleteRegionLabelRule(ApiModel):
    """Remove one rule that labels key ranges."""

    id: LabelRuleId
    """The rule. Not keyspaces/… and schema/…: those belong to PD and to TiDB."""

"""The CEL rules of the custom resources, by the model at which they stand.

What must compare old with new across ``status`` stands at the root: a rule on ``.status`` itself
is bypassed by the merge patch ``{"status": null}`` (kubernetes.md 2.3).
"""

from dataclasses import dataclass

from assent.api.v1alpha1.actionproposal import (
    ActionProposal,
    ActionProposalSpec,
    ClusterRef,
    Phase,
)
from assent.api.v1alpha1.actions import Action, ActionType, PlanStep, SingleAction
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.halt import HaltSpec
from assent.api.v1alpha1.lifecycle import FINISHED, moves
from assent.api.v1alpha1.parameters.region import MergeRegions, SplitRegion, TransferPeer
from assent.api.v1alpha1.parameters.waiting import WaitUntil
from assent.api.v1alpha1.tikvcluster import (
    Detection,
    LeaderImbalanceRule,
    Policy,
    TiKVCluster,
    TiKVClusterSpec,
    TypeOverride,
)

MAX_EPOCH_STEP = 1000
"""A term grows by one; a leap beyond this would use the numbers up and is refused."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One validation: a CEL expression that must hold, and the sentence people get if not."""

    rule: str
    message: str
    message_expression: str | None = None
    """CEL that makes the sentence from the values; ``message`` is used where it fails."""

    def wire(self) -> dict[str, str]:
        """Return it as an entry of ``x-kubernetes-validations``."""
        entry = {"rule": self.rule, "message": self.message}
        if self.message_expression is not None:
            entry["messageExpression"] = self.message_expression
        return entry


def rules_of(model: type[ApiModel]) -> tuple[Rule, ...]:
    """Return the rules that stand at every field of this model, none for most models."""
    return _RULES.get(model, ())


def cel_list(values: list[str]) -> str:
    """Return a CEL list literal of strings."""
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def never_falls(*fields: str) -> Rule:
    """Return the root rule by which a stale leader is refused: the epoch there never falls.

    A write that leaves the epoch out passes when the stored one stays (merge patch), so the
    operator always sends it; the leader fence stops the rest.
    """
    path = ["status", *fields]
    steps = [".".join(path[: end + 1]) for end in range(len(path))]
    unset = " || ".join(f"!has(oldSelf.{step})" for step in steps)
    kept = " && ".join(f"has(self.{step})" for step in steps)
    new, old = f"self.{steps[-1]}", f"oldSelf.{steps[-1]}"
    bounds = f"{new} >= {old} && {new} - {old} <= {MAX_EPOCH_STEP}"
    return Rule(f"{unset} || ({kept} && {bounds})", "stale epoch: another leader has taken over")


CRITICAL_TYPES = frozenset({"ForceRemoveStore", "RemoveTombstones"})
"""Types that can never be a step of a plan: each stands alone, under its own confirmation."""


def _union(model: type[SingleAction]) -> tuple[Rule, ...]:
    """Return the rule by which `type` and its member go together.

    One for all types: a rule apiece cost every write of a proposal 1.5 ms with 29 types
    (docs/adr/0013).
    """
    kinds = [kind for kind in ActionType if kind.name.lower() in model.model_fields]
    named = " || ".join(
        f"(self.type == '{kind.value}' && has(self.{kind.member}))" for kind in kinds
    )
    present = ", ".join(f"has(self.{kind.member})" for kind in kinds)
    return (
        Rule(
            f"({named}) && [{present}].filter(one, one).size() == 1",
            "type and its member go together: exactly the member that type names",
            "'type ' + self.type + ' and the member ' + self.type.substring(0, 1).lowerAscii()"
            " + self.type.substring(1) + ' go together: exactly the member that type names'",
        ),
    )


def _plan_step() -> tuple[Rule, ...]:
    never = sorted({ActionType.PLAN.value, *CRITICAL_TYPES})
    alone = Rule(
        f"!(self.type in {cel_list(never)})",
        f"a step of a plan cannot be {', '.join(never[:-1])} or {never[-1]}: file it by itself",
    )
    return (alone, *_union(PlanStep))


def _phase_moves() -> Rule:
    """Return the lifecycle table as a transition rule over the whole object."""
    reach = moves()
    by_phase = [
        f"oldSelf.status.phase == '{phase.value}' && self.status.phase in "
        + cel_list(sorted(reach[phase]))
        for phase in Phase
        if reach[phase]
    ]
    same = "self.status.phase == oldSelf.status.phase"
    known = "has(oldSelf.status) && has(oldSelf.status.phase)"
    now = "has(self.status) && has(self.status.phase)"
    first = f"self.status.phase in {cel_list(sorted(reach[None]))}"
    onward = " || ".join([same, *(f"({move})" for move in by_phase)])
    return Rule(
        f"({known}) ? ({now} && ({onward})) : (!({now}) || {first})",
        "status.phase cannot move so",
        "'status.phase cannot move from '"
        f" + ({known} ? oldSelf.status.phase : 'nothing')"
        f" + ' to ' + ({now} ? self.status.phase : 'nothing')",
    )


def _finished_keeps_history() -> Rule:
    """Return the rule by which a finished proposal's record can be added to, never changed.

    Entries are chained by hash, so that the last old one stands for all before it.
    """
    finished = (
        "has(oldSelf.status) && has(oldSelf.status.phase) && has(oldSelf.status.history)"
        f" && oldSelf.status.phase in {cel_list(sorted(FINISHED))}"
        " && size(oldSelf.status.history) > 0"
    )
    kept = (
        "has(self.status) && has(self.status.history)"
        " && size(self.status.history) >= size(oldSelf.status.history)"
        " && self.status.history[size(oldSelf.status.history) - 1].hash"
        " == oldSelf.status.history[size(oldSelf.status.history) - 1].hash"
    )
    return Rule(
        f"!({finished}) || ({kept})",
        "status.history of a finished proposal can only be added to",
    )


def _journal_grows() -> Rule:
    old = "has(oldSelf.status) && has(oldSelf.status.execution)"
    kept = (
        "has(self.status) && has(self.status.execution)"
        " && size(self.status.execution.steps) >= size(oldSelf.status.execution.steps)"
    )
    return Rule(f"!({old}) || ({kept})", "status.execution.steps is a journal: it only grows")


def _at_least_a_second(field: str) -> Rule:
    return Rule(f"duration(self.{field}) >= duration('1s')", f"{field} must be at least 1s")


_RULES: dict[type[ApiModel], tuple[Rule, ...]] = {
    ActionProposal: (
        never_falls("execution", "epoch"),
        _phase_moves(),
        _finished_keeps_history(),
        _journal_grows(),
    ),
    ActionProposalSpec: (
        Rule(
            "!has(self.notBefore) || !has(self.notAfter) || self.notBefore < self.notAfter",
            "notBefore must be earlier than notAfter",
        ),
        Rule(
            "!has(self.revertAfter) || duration(self.revertAfter) >= duration('1s')",
            "revertAfter must be at least 1s",
        ),
    ),
    ClusterRef: (Rule("self == oldSelf", "clusterRef is immutable: file a new proposal"),),
    Action: _union(Action),
    PlanStep: _plan_step(),
    WaitUntil: (_at_least_a_second("timeout"),),
    SplitRegion: (
        Rule(
            "self.policy == 'UseKey' ? has(self.keys) : !has(self.keys)",
            "keys and policy UseKey go together",
        ),
    ),
    TransferPeer: (
        Rule(
            "self.fromStoreId != self.toStoreId",
            "a peer cannot move to where it is: fromStoreId and toStoreId must differ",
        ),
    ),
    MergeRegions: (
        Rule(
            "self.sourceRegionId != self.targetRegionId",
            "a region cannot be merged into itself: sourceRegionId and targetRegionId must differ",
        ),
    ),
    TiKVCluster: (
        Rule(
            "size(self.metadata.name) <= 63",
            "metadata.name may have at most 63 characters: it is used as a label",
        ),
        never_falls("epoch"),
    ),
    TiKVClusterSpec: (
        Rule("self.mode != 'Autonomous'", "mode Autonomous is not available yet: use Approval"),
    ),
    Detection: (_at_least_a_second("interval"),),
    LeaderImbalanceRule: (
        Rule(
            "self.clearPercent <= self.aboveMeanPercent",
            "clearPercent must be at most aboveMeanPercent",
        ),
    ),
    Policy: (_at_least_a_second("expireAfter"), _at_least_a_second("actionTimeout")),
    TypeOverride: (_at_least_a_second("timeout"),),
    HaltSpec: (Rule("self == oldSelf", "a Halt cannot be changed: delete it and create another"),),
}

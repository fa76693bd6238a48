"""Plan: several actions in order, as one ask. Each of its steps is executed as a stage of its own
(``program``); what is here judges the plan as a whole, before it begins.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, groupby, takewhile

from assent.api.v1alpha1.actionproposal import Fact, Risk, Target
from assent.api.v1alpha1.actions import ActionType, Plan
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import (
    Action,
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Scope,
    Verification,
)
from assent.core.actions.program import Singles, Stage, awaited, stages_of
from assent.core.model.call import PdCall
from assent.core.model.reading import Wanted
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

MAX_FACTORS = 16
MAX_TARGET_ID = 128
MAX_PIN = 512


class PlanAction(Action[Plan]):
    """The whole of a plan. Nothing of it is sent as such: ``call`` and ``inverse`` are those of
    its first step, and every stage is verified and undone by its own action.
    """

    type = ActionType.PLAN
    base_tier = Tier.LOW
    """As high as the highest of its steps."""
    reversibility = Reversibility.PARTLY
    idempotency = Idempotency.NEVER_REPEAT
    timeout_seconds = None
    """Each step has its own."""
    goal_required = True

    def __init__(self, singles: Singles, manual: Manual[Plan]) -> None:
        """Take the actions that steps may name."""
        self._singles = singles
        self.manual = manual  # type: ignore[misc]  # of the class elsewhere: here it needs steps

    def sentence(self, params: Plan) -> str:
        """Return the steps in order, in one line."""
        stages = self._stages(params)
        lines = [f"{one.index + 1}. {one.action.sentence(one.params)}" for one in stages]
        return f"do {len(stages)} steps: " + "; ".join(lines)

    def pd_ctl(self, params: Plan) -> str:
        """Return the equivalent lines, in order."""
        return "\n".join(one.action.pd_ctl(one.params) for one in self._stages(params))

    def scope(self, params: Plan) -> Scope:
        """Return all that any step touches."""
        scopes = [one.action.scope(one.params) for one in self._stages(params)]
        return Scope(
            store_ids=frozenset().union(*(scope.store_ids for scope in scopes)),
            region_ids=frozenset().union(*(scope.region_ids for scope in scopes)),
            settings=frozenset().union(*(scope.settings for scope in scopes)),
        )

    def wanted(self, params: Plan) -> Wanted:
        """Return what any step needs to see."""
        wanted = Wanted()
        for one in self._stages(params):
            wanted |= one.action.wanted(one.params)
        return wanted

    def target(self, params: Plan, snapshot: ClusterSnapshot) -> Target | None:
        """Return the targets of all steps as one; None when PD does not show one of them."""
        ids: dict[str, None] = {}
        identity = []
        for one in self._stages(params):
            found = one.action.target(one.params, snapshot)
            if found is None:
                return None
            ids.setdefault(found.id)
            identity.append(pinned(one, found))
        return Target(
            cluster_id=str(snapshot.pd.cluster_id),
            id=f"plan/{','.join(ids)}"[:MAX_TARGET_ID],
            identity=identity,
        )

    def risk(self, params: Plan, snapshot: ClusterSnapshot) -> Risk:
        """Return the highest tier of its steps; each factor says which step it is of.

        An eviction counts with those that earlier steps leave behind: two in a plan are no less
        risky than one after the other.
        """
        risks = [
            one.action.risk(one.params, seen)
            for one, seen in _in_turn(self._stages(params), snapshot)
        ]
        factors = [
            f"step {number}: {factor}"
            for number, risk in enumerate(risks, start=1)
            for factor in risk.factors
        ]
        tier = max((risk.tier for risk in risks), key=lambda tier: tier.rank)
        return Risk(tier=tier, factors=factors[:MAX_FACTORS])

    def preconditions(self, params: Plan, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return the checks of the first step that has something to do as they are, and of each
        later one what it will wait for or be refused by if nothing changes: earlier steps may
        change it, so only what the first one needs stands in the way now.
        """
        stages = self._stages(params)
        done = list(takewhile(lambda one: _is_done(one, snapshot), stages))
        checks = [_passed_over(one, snapshot) for one in done]
        rest = stages[len(done) :]
        checks.append(_no_critical(stages, snapshot))
        checks.append(Check("Groups", _groups_stand(stages, snapshot)))
        if rest:
            checks += rest[0].action.preconditions(rest[0].params, snapshot)
        for one in rest[1:]:
            obstacles = [
                check.verdict.message
                for check in one.action.preconditions(one.params, snapshot)
                if isinstance(check.verdict, (Hold, Deny))
            ]
            name = f"Step{one.index + 1}"
            if obstacles:
                message = f"as things are now: {'; '.join(obstacles)[:900]}"
                checks.append(Check(name, Warn(message)))
            else:
                checks.append(Check(name, Allow("nothing stands against it now")))
        return checks

    def already_done(self, params: Plan, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD is as every single step asks: then nothing is left to do."""
        return all(_is_done(one, snapshot) for one in self._stages(params))

    def call(self, params: Plan) -> PdCall:
        """Return the call of the first step."""
        first = self._stages(params)[0]
        return first.action.call(first.params)

    def before(self, params: Plan, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the values that the first step changes."""
        first = self._stages(params)[0]
        return first.action.before(first.params, snapshot)

    def verify(
        self, params: Plan, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return how far the last step is, which stands for all before it."""
        last = self._stages(params)[-1]
        found = last.action.verify(last.params, (), snapshot)
        return Verification(Progress.NOT_SEEN, f"step {last.index + 1}: {found.message}", ())

    def unchanged(self, params: Plan, before: Sequence[Fact], snapshot: ClusterSnapshot) -> bool:
        """Return True while the first step's values are as before."""
        first = self._stages(params)[0]
        return first.action.unchanged(first.params, before, snapshot)

    def inverse(self, params: Plan, before: Sequence[Fact]) -> PdCall | None:
        """Return None: each stage is taken back by its own inverse."""
        return None

    def _stages(self, params: Plan) -> tuple[Stage, ...]:
        return stages_of(params, self._singles)


def pinned(stage: Stage, target: Target) -> Fact:
    """Return all that must still hold of the step's target as one fact: a plan of 16 steps has
    room for each, under a name that no other step has.
    """
    value = "; ".join(f"{fact.name}={fact.value}" for fact in target.identity)
    if len(value) > MAX_PIN:
        value = f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    return Fact(name=f"{stage.index + 1}/{target.id}"[:64], value=value)


def _is_done(stage: Stage, snapshot: ClusterSnapshot) -> bool:
    return stage.action.already_done(stage.params, snapshot)


def _in_turn(
    stages: Sequence[Stage], snapshot: ClusterSnapshot, *, together: bool = False
) -> Iterator[tuple[Stage, ClusterSnapshot]]:
    """Yield each stage with what PD shows now, and the evictions as earlier steps leave them;
    with ``together``, those that end in a group still stand for all of it.
    """
    evicted = snapshot.evicted_store_ids
    ending: frozenset[int] = frozenset()
    group: str | None = None
    for one in stages:
        if not together or one.group is None or one.group != group:
            evicted, ending = evicted - ending, frozenset()
        group = one.group
        yield one, replace(snapshot, evicted_store_ids=evicted)
        if one.action.type is ActionType.EVICT_LEADERS:
            evicted |= one.action.scope(one.params).store_ids
        elif one.action.type is ActionType.STOP_EVICT_LEADERS:
            ending |= one.action.scope(one.params).store_ids


def _no_critical(stages: Sequence[Stage], snapshot: ClusterSnapshot) -> Check:
    """Facts can make a step Critical whose type is not. Nothing automatic happens around those,
    and a plan takes back its steps by itself.
    """
    for one in stages:
        risk = one.action.risk(one.params, snapshot)
        if risk.tier is Tier.CRITICAL:
            number = f"step {one.index + 1} is Critical"
            message = f"{number}, which no plan may hold: propose it by itself"
            return Check("NoCriticalStep", Deny("CriticalStep", message))
    return Check("NoCriticalStep", Allow("no step is Critical"))


def _groups_stand(stages: Sequence[Stage], snapshot: ClusterSnapshot) -> Verdict:
    """Return whether the steps of each group stand in a row, are Low or Medium, wait for nothing
    within it, and touch nothing that another of it touches.
    """
    grouped = [list(group) for name, group in groupby(stages, lambda one: one.group) if name]
    names = [group[0].group for group in grouped]
    tiers = {
        one.index: one.action.risk(one.params, seen).tier
        for one, seen in _in_turn(stages, snapshot, together=True)
    }
    for number, group in enumerate(grouped):
        if names[number] in names[:number]:
            return _ungrouped(group[0], "its group begins a second time: name one otherwise")
        for one in group:
            if one.wait_until is not None and one is not group[-1]:
                return _ungrouped(one, "only the last step of a group may have waitUntil")
            if len(group) > 1 and one.action.type is ActionType.TRANSFER_PD_LEADER:
                return _ungrouped(one, "PD's new leader forgets what works beside the step (P23)")
            if one.action.base_tier.rank > Tier.MEDIUM.rank:
                return _ungrouped(one, _too_risky(one.action.base_tier))
        evictions = [one for one in group if one.action.type is ActionType.EVICT_LEADERS]
        if len(evictions) > 1:
            return _ungrouped(evictions[1], _too_risky(Tier.HIGH))
        for one, other in combinations(group, 2):
            shared = one.action.scope(one.params).meets(other.action.scope(other.params))
            if shared is not None:
                return _ungrouped(
                    other, f"step {one.index + 1} of its group works on {shared}, too"
                )
    for one in (one for group in grouped for one in group):
        if tiers[one.index].rank > Tier.MEDIUM.rank:  # by facts, which come and go
            return Hold("RiskyGroup", _ungrouped(one, _too_risky(tiers[one.index])).message)
    return Allow("steps that work beside each other touch different things")


def _ungrouped(stage: Stage, why: str) -> Deny:
    return Deny("BadGroup", f"action.plan.steps[{stage.index}].group: {why}")


def _too_risky(tier: Tier) -> str:
    return f"the step is {tier.value}; in a group all are Low or Medium"


def _passed_over(stage: Stage, snapshot: ClusterSnapshot) -> Check:
    """Return whether what follows a step that has nothing to do may begin."""
    name = f"Step{stage.index + 1}"
    missing = awaited(stage.wait_until, snapshot) if stage.wait_until is not None else None
    if missing is not None:
        return Check(name, Hold("StepWaits", f"it is done already; waiting for {missing}"))
    return Check(name, Allow("PD already is as asked: nothing will be sent for it"))

"""SetPlacementRule: one whole rule there and back, and what PD does not look at."""

from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.placement import (
    LabelConstraint,
    LabelOperator,
    RuleRole,
    SetPlacementRule,
)
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Progress, Scope
from assent.core.actions.set_placement_rule import SetPlacementRuleAction
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.placement import apply_placement, placed, rule
from tests.support.snapshots import REPLICATION, store, unprepared

ACTION = SetPlacementRuleAction()


def ask(**fields: Any) -> SetPlacementRule:
    """One follower more, of all keys, unless told otherwise."""
    asked = {"group_id": "pd", "id": "extra", "role": RuleRole.FOLLOWER, "count": 1}
    return SetPlacementRule.model_validate({**asked, **fields})


def default(**fields: Any) -> SetPlacementRule:
    """PD's own rule: three voters, unless told otherwise."""
    return ask(**{"id": "default", "role": RuleRole.VOTER, "count": 3, **fields})


def verdicts(params: SetPlacementRule, seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(params, seen)}


def reasons(params: SetPlacementRule, seen: ClusterSnapshot) -> dict[str, str]:
    return {
        name: verdict.reason
        for name, verdict in verdicts(params, seen).items()
        if isinstance(verdict, Hold | Deny)
    }


def done(params: SetPlacementRule, seen: ClusterSnapshot) -> ClusterSnapshot:
    after = apply_placement(ACTION.call(params), seen)
    assert after is not None
    return after


def test_the_call_is_one_whole_rule() -> None:
    """Keys in upper case, roles and operators as PD spells them."""
    constraint = LabelConstraint(key="zone", op=LabelOperator.NOT_IN, values=("c",))
    params = ask(
        start_key="ab",
        end_key="cd",
        index=2,
        override=True,
        label_constraints=(constraint,),
        location_labels=("zone", "host"),
        isolation_level="zone",
    )
    assert ACTION.call(params) == PdCall(
        "POST",
        "/pd/api/v1/config/rule",
        {
            "group_id": "pd",
            "id": "extra",
            "index": 2,
            "override": True,
            "start_key": "AB",
            "end_key": "CD",
            "role": "follower",
            "count": 1,
            "label_constraints": [{"key": "zone", "op": "notIn", "values": ["c"]}],
            "location_labels": ["zone", "host"],
            "isolation_level": "zone",
        },
    )


def test_the_longest_rule_fits_into_the_journal() -> None:
    """A call that cannot be stored must not be one that can be asked for."""
    text = "x" * 64
    constraint = LabelConstraint(key=text, op=LabelOperator.IN, values=(text,) * 8)
    params = ask(
        group_id="g" * 60,
        id="i" * 60,
        start_key="ab" * 128,
        end_key="cd" * 128,
        label_constraints=(constraint,) * 4,
        location_labels=(text,) * 8,
        isolation_level=text,
    )
    assert len(ACTION.call(params).body_text or "") < 8192
    target = ACTION.target(params, placed())
    assert target is not None
    assert len(target.id) <= 128


def test_a_new_rule_is_removed_again() -> None:
    """P12: also when somebody else has removed it meanwhile."""
    before = ACTION.before(ask(), placed())
    assert before == (Fact(name="rule", value="absent"),)
    assert ACTION.inverse(ask(), before) == PdCall("DELETE", "/pd/api/v1/config/rule/pd/extra")


def test_a_rule_that_was_there_is_put_back_whole() -> None:
    """With fields that no ask can have, but not with PD's own count and date."""
    former = rule("extra", role="learner", count=2, start_key="aB", version=3, create_timestamp=9)
    before = ACTION.before(ask(), placed(rule(), former))
    undo = ACTION.inverse(ask(), before)
    assert undo is not None
    assert undo.path == "/pd/api/v1/config/rule"
    kept = {k: v for k, v in former.document.items() if k not in ("version", "create_timestamp")}
    assert undo.body == kept
    assert ACTION.inverse(ask(), ()) is None


def test_pds_count_of_changes_is_no_change() -> None:
    """An undo puts back the same rule under another number."""
    before = ACTION.before(ask(), placed(rule(), rule("extra", version=3)))
    assert ACTION.unchanged(ask(), before, placed(rule(), rule("extra", version=5)))
    assert not ACTION.unchanged(ask(), before, placed(rule(), rule("extra", count=1)))
    assert not ACTION.unchanged(ask(), before, placed(rule()))
    assert not ACTION.unchanged(ask(), (), placed(rule()))


def test_verification_goes_by_the_shown_rule() -> None:
    """PD's 200 is not asked."""
    seen = placed()
    before = ACTION.before(ask(), seen)
    assert ACTION.verify(ask(), before, seen).progress is Progress.NOT_SEEN
    assert not ACTION.already_done(ask(), seen)
    after = done(ask(), seen)
    assert ACTION.verify(ask(), before, after).progress is Progress.SETTLED
    assert ACTION.already_done(ask(), after)
    assert "absent" in ACTION.verify(ask(), before, seen).message


@pytest.mark.parametrize(
    ("params", "seen", "tier"),
    [
        pytest.param(ask(), placed(), Tier.HIGH, id="one more"),
        pytest.param(default(count=2), placed(), Tier.CRITICAL, id="one voter fewer"),
        pytest.param(default(count=4), placed(), Tier.HIGH, id="one voter more"),
        pytest.param(
            default(role=RuleRole.LEARNER), placed(), Tier.CRITICAL, id="no voters at all"
        ),
        pytest.param(
            default(start_key="74"), placed(), Tier.CRITICAL, id="none before the new start"
        ),
        pytest.param(
            ask(role=RuleRole.VOTER, index=1, override=True),
            placed(),
            Tier.CRITICAL,
            id="a new rule that switches three voters off",
        ),
        pytest.param(
            ask(role=RuleRole.VOTER, index=1, override=True, start_key="74", end_key="75"),
            placed(),
            Tier.CRITICAL,
            id="in one range only",
        ),
        pytest.param(ask(), placed(placement_rules=None), Tier.CRITICAL, id="nobody can tell"),
    ],
)
def test_fewer_voters_anywhere_are_critical(
    params: SetPlacementRule, seen: ClusterSnapshot, tier: Tier
) -> None:
    """PD deletes copies of the data then."""
    assert ACTION.risk(params, seen).tier is tier


def test_as_many_healthy_stores_must_match_as_replicas_are_wanted() -> None:
    """PD asks for one store, of any state (P20)."""
    ssd = {"disk": "ssd"}
    fast = (LabelConstraint(key="disk", op=LabelOperator.IN, values=("ssd",)),)
    params = ask(count=2, role=RuleRole.LEARNER, label_constraints=fast)
    stores = [store(number) for number in (1, 2, 3)]
    fits = placed(stores=(*stores, store(4, labels=ssd), store(5, labels=ssd)))
    assert reasons(params, fits) == {}
    silent = placed(
        stores=(*stores, store(4, labels=ssd), store(5, labels=ssd, state=StoreState.DOWN))
    )
    assert reasons(params, silent) == {
        "StoresMatch": "TooFewStores",
        "RangesServed": "RangeUnplaceable",
    }
    verdict = verdicts(params, silent)["StoresMatch"]
    assert isinstance(verdict, Hold)
    assert verdict.message == "1 healthy stores match (4), 2 are wanted"


def test_all_rules_of_a_range_must_find_stores_together() -> None:
    """Three voters and two followers do not fit on four stores."""
    assert reasons(ask(count=1), placed()) == {}
    assert reasons(ask(count=2), placed()) == {"RangesServed": "RangeUnplaceable"}


def test_ranges_with_the_same_rules_are_judged_once() -> None:
    """TiDB makes thousands of ranges; most of them are served alike."""
    table = rule("table_1", group="TiDB_DDL_1", start_key="74", end_key="75")
    assert reasons(ask(), placed(rule(), table)) == {}


def test_a_group_whose_order_is_not_known_is_a_warning() -> None:
    """It may override the others, which a snapshot does not show."""
    verdict = verdicts(ask(group_id="own", count=2), placed())["RangesServed"]
    assert isinstance(verdict, Warn)
    assert "overrides" in verdict.message


def test_a_range_without_a_voter_is_refused() -> None:
    """PD would refuse, too: its text is not needed."""
    seen = placed(stores=tuple(store(number) for number in range(1, 8)))
    params = default(role=RuleRole.FOLLOWER)
    assert reasons(params, seen)["RangesServed"] == "RangeUnserved"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"start_key": "ff", "end_key": "AA"}, "RangeEmpty", id="ends before it begins"
        ),
        pytest.param(
            {"start_key": "aa", "end_key": "AA"}, "RangeEmpty", id="case is no difference"
        ),
        pytest.param({"role": RuleRole.LEADER, "count": 2}, "SeveralLeaders", id="two leaders"),
        pytest.param(
            {"label_constraints": [{"key": "a", "op": "In"}]}, "ConstraintUnclear", id="In of none"
        ),
        pytest.param(
            {"label_constraints": [{"key": "a", "op": "Exists", "values": ["b"]}]},
            "ConstraintUnclear",
            id="Exists with values",
        ),
        pytest.param({"isolation_level": "zone"}, "IsolationUnclear", id="isolated by no label"),
    ],
)
def test_an_ask_that_means_nothing_is_refused_for_good(
    fields: dict[str, object], reason: str
) -> None:
    """Deny: no change of facts can heal it."""
    verdict = verdicts(ask(**fields), placed())["RuleMakesSense"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


@pytest.mark.parametrize("group", ["TiDB_DDL_71", "tiflash"])
def test_rules_that_tidb_keeps_are_left_to_it(group: str) -> None:
    """The refusal names the right tool."""
    verdict = verdicts(ask(group_id=group), placed())["RuleUnmanaged"]
    assert isinstance(verdict, Deny)
    assert "PLACEMENT POLICY" in verdict.message


@pytest.mark.parametrize(
    ("former", "reason"),
    [
        pytest.param(rule("extra", is_witness=True), "RuleIsWitness", id="witnesses hold no data"),
        pytest.param(rule("extra", news=1), "RuleNotUnderstood", id="a field of a newer PD"),
        pytest.param(
            rule("extra", location_labels=["x" * 60] * 40), "RuleTooLong", id="too long to keep"
        ),
    ],
)
def test_a_rule_that_could_not_be_put_back_is_not_replaced(former: Any, reason: str) -> None:
    """Nothing is captured halfway."""
    assert reasons(ask(), placed(rule(), former))["RuleCaptured"] == reason


def test_a_rule_too_long_to_keep_is_known_by_its_hash() -> None:
    """Whoever approves still approves that one."""
    seen = placed(rule(), rule("extra", location_labels=["x" * 60] * 40))
    target = ACTION.target(ask(), seen)
    assert target is not None
    assert target.identity[0].value.startswith("sha256:")
    assert ACTION.before(ask(), seen) == ()


def test_the_target_is_the_rule_as_it_stands() -> None:
    """Another change of it between approval and execution voids the approval."""
    one, other = ACTION.target(ask(), placed()), ACTION.target(ask(), placed(rule("extra"), rule()))
    assert one is not None
    assert other is not None
    assert (one.id, one.identity) == ("rule/pd/extra", [Fact(name="rule", value="absent")])
    assert other.identity != one.identity
    assert ACTION.target(ask(), placed(placement_rules=None)) is None


def test_without_placement_rules_it_waits() -> None:
    """PD would answer 412; nothing can be captured."""
    seen = placed(placement_rules=None)
    assert reasons(ask(), seen) == {"PlacementRulesEnabled": "PlacementRulesDisabled"}
    assert ACTION.before(ask(), seen) == ()


def test_while_scheduling_is_halted_nothing_will_move() -> None:
    """The rule is stored all the same, so it is said."""
    verdict = verdicts(ask(), placed(halt_scheduling=True))["PlacementRulesEnabled"]
    assert isinstance(verdict, Warn)


def test_it_waits_until_pd_is_prepared() -> None:
    """Nothing is judged from what PD shows just after a leader change."""
    assert list(verdicts(ask(), unprepared(placed()))) == ["Prepared"]


class TestDefaultRule:
    """PD sets max-replicas with its default rule, and lets it change only in step."""

    def test_max_replicas_is_captured_verified_and_restored(self) -> None:
        """It changes silently, so it counts."""
        seen = placed()
        before = ACTION.before(default(count=4), seen)
        assert before[1] == Fact(name="maxReplicas", value="3")
        after = done(default(count=4), seen)
        assert (after.replication or {})["max-replicas"] == "4"
        assert ACTION.already_done(default(count=4), after)
        half = placed(rule(count=4))
        assert ACTION.verify(default(count=4), before, half).progress is Progress.NOT_SEEN
        undo = ACTION.inverse(default(count=4), before)
        assert undo is not None
        assert apply_placement(undo, after) == seen

    @pytest.mark.parametrize(
        ("former", "replication", "fields", "reason"),
        [
            pytest.param(rule(), {}, {"count": 4}, None, id="in step"),
            pytest.param(rule(), None, {}, "ReplicationUnknown", id="settings not read"),
            pytest.param(rule("other"), {}, {}, "NoDefaultRule", id="somebody removed it"),
            pytest.param(rule(count=5), {}, {}, "DefaultRuleOutOfStep", id="edited by hand"),
            pytest.param(
                rule(location_labels=["zone"]),
                {},
                {"count": 4, "location_labels": ("zone",)},
                "DefaultRuleOutOfStep",
                id="labels differ: PD refuses another count",
            ),
            pytest.param(
                rule(location_labels=["zone"]),
                {"location-labels": "zone"},
                {"count": 4, "location_labels": ("zone",)},
                None,
                id="labels agree",
            ),
            pytest.param(
                rule(),
                {},
                {"count": 4, "location_labels": ("zone",)},
                "ChangeOneThing",
                id="both at once has no way back",
            ),
            pytest.param(
                rule(), {}, {"location_labels": ("zone",)}, None, id="labels alone have one"
            ),
        ],
    )
    def test_a_change_without_a_way_back_is_refused(
        self, former: Any, replication: Any, fields: dict[str, object], reason: str | None
    ) -> None:
        """server.go SetReplicationConfig, found on the real PD."""
        shown = None if replication is None else {**REPLICATION, **replication}
        seen = placed(former, replication=shown)
        assert reasons(default(**fields), seen).get("DefaultRuleInStep") == reason

    def test_other_rules_are_not_asked_for_it(self) -> None:
        """Only pd/default carries a setting."""
        assert "DefaultRuleInStep" not in verdicts(ask(), placed())
        assert ACTION.before(ask(), placed()) == (Fact(name="rule", value="absent"),)


def test_what_it_says_of_itself() -> None:
    """The words people approve, and what it is in conflict with."""
    constraint = LabelConstraint(key="disk", op=LabelOperator.IN, values=("ssd", "nvme"))
    params = ask(start_key="74", label_constraints=(constraint,))
    assert ACTION.sentence(params) == (
        "set placement rule pd/extra: 1 Follower for keys [74, ) on stores with disk In ssd nvme"
    )
    assert ACTION.sentence(ask()).endswith("1 Follower for all keys")
    assert ACTION.pd_ctl(ask()).startswith("echo '[{")
    assert ACTION.scope(ask()) == Scope(settings=frozenset({"rule/pd/extra"}))
    both = frozenset({"rule/pd/default", "replicate/max-replicas"})
    assert ACTION.scope(default()) == Scope(settings=both)
    allowed = verdicts(ask(), placed())
    assert all(isinstance(verdict, Allow) for verdict in allowed.values())

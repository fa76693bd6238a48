"""The CEL rules as text; what they do is tested on a real API server (integration/api)."""

import pytest

from assent.api.crdgen.rules import Rule, cel_list, never_falls, rules_of
from assent.api.v1alpha1.actionproposal import ActionProposal, Approval, Phase
from assent.api.v1alpha1.actions import Action, ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.lifecycle import FINISHED, moves
from assent.api.v1alpha1.tikvcluster import TiKVCluster, TiKVClusterSpec


def test_models_without_rules_have_none() -> None:
    """Most models say all in their types."""
    assert rules_of(Approval) == ()


def test_one_rule_knows_every_type_of_the_union() -> None:
    """A new type cannot be forgotten: the rule is made from the enum. And it stays one rule, since
    each costs every write of a proposal.
    """
    (rule,) = rules_of(Action)
    for kind in ActionType:
        assert f"(self.type == '{kind.value}' && has(self.{kind.member}))" in rule.rule
    assert rule.rule.count("has(self.") == 2 * len(ActionType)


def test_union_members_are_fields_of_the_model() -> None:
    """Each type's member exists, and no member is without its type."""
    aliases = {field.alias for name, field in Action.model_fields.items() if name != "type"}
    assert aliases == {kind.member for kind in ActionType}


def test_epoch_rule_speaks_of_every_level() -> None:
    """Taking away a parent of the epoch must not look like never having had one."""
    rule = never_falls("execution", "epoch").rule
    assert rule == (
        "!has(oldSelf.status) || !has(oldSelf.status.execution)"
        " || !has(oldSelf.status.execution.epoch)"
        " || (has(self.status) && has(self.status.execution) && has(self.status.execution.epoch)"
        " && self.status.execution.epoch >= oldSelf.status.execution.epoch"
        " && self.status.execution.epoch - oldSelf.status.execution.epoch <= 1000)"
    )


@pytest.mark.parametrize("model", [ActionProposal, TiKVCluster])
def test_rules_over_status_stand_at_the_root(model: type[ApiModel]) -> None:
    """On .status itself they are bypassed by {"status": null}."""
    stale = [rule for rule in rules_of(model) if rule.message.startswith("stale epoch")]
    assert len(stale) == 1
    assert "oldSelf.status" in stale[0].rule


def test_phase_rule_names_every_move() -> None:
    """The lifecycle table, nothing else."""
    rule = next(rule for rule in rules_of(ActionProposal) if "status.phase cannot" in rule.message)
    reach = moves()
    for phase in Phase:
        said = f"oldSelf.status.phase == '{phase.value}' && self.status.phase in "
        if reach[phase]:
            assert said + cel_list(sorted(reach[phase])) in rule.rule
        else:
            assert said not in rule.rule
    assert cel_list(sorted(reach[None])) in rule.rule


def test_history_rule_names_every_finished_phase() -> None:
    """A phase that becomes final is protected from the day it does."""
    rule = next(rule for rule in rules_of(ActionProposal) if "history" in rule.message)
    assert cel_list(sorted(FINISHED)) in rule.rule


def test_autonomous_is_refused_in_so_many_words() -> None:
    """People are told what to use instead."""
    (rule,) = rules_of(TiKVClusterSpec)
    assert rule.message == "mode Autonomous is not available yet: use Approval"


def test_rule_on_the_wire() -> None:
    """The API server's spelling; an expression for the message only where there is one."""
    assert Rule("a", "b").wire() == {"rule": "a", "message": "b"}
    assert Rule("a", "b", "c").wire()["messageExpression"] == "c"


def test_list_literal() -> None:
    """CEL's own notation."""
    assert cel_list(["A", "B"]) == "['A', 'B']"
    assert cel_list([]) == "[]"

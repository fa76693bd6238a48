"""The plugins' own small table says what the models and the catalogue say."""

import pytest

from assent.api.v1alpha1 import actions
from assent.api.v1alpha1.actionproposal import Ask, Phase
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.lifecycle import IN_FLIGHT, OPEN
from assent.api.v1alpha1.tikvcluster import Tier
from assent.cli import failures, proposal, wording
from assent.cli.kinds import KINDS, member_of, undo_of
from assent.cli.next_step import ENDED
from assent.core.actions.catalogue import CATALOGUE


def test_every_type_is_there_and_no_other() -> None:
    """A new action must say how it is taken back before anybody is asked to approve one."""
    assert list(KINDS) == [kind.value for kind in ActionType]


@pytest.mark.parametrize("kind", list(ActionType))
def test_a_type_has_the_parameters_of_its_model(kind: ActionType) -> None:
    """For did-you-mean and completion of modify."""
    model = getattr(actions, kind.value)
    names = tuple(field.alias for field in model.model_fields.values())
    assert KINDS[kind.value].parameters == names
    assert member_of(kind.value) == kind.member


@pytest.mark.parametrize("kind", [kind for kind in ActionType if kind in CATALOGUE])
def test_a_type_promises_no_more_undo_than_the_catalogue(kind: ActionType) -> None:
    """What cannot be undone says so in its first words."""
    reversible = CATALOGUE[kind].reversibility.value
    assert KINDS[kind.value].reversible == reversible
    assert undo_of(kind.value).startswith("It cannot be undone") == (reversible == "not")


def test_an_unknown_type_promises_nothing() -> None:
    """A newer operator may have more types than this plugin."""
    assert undo_of("Teleport") == "This plugin does not know this type: see the reference."


def test_the_phases_are_those_of_the_lifecycle() -> None:
    """Open, in flight, ended: the plugins sort by them and wait for them."""
    assert set(proposal.OPEN) - {""} == {phase.value for phase in OPEN}
    assert set(proposal.IN_FLIGHT) == {phase.value for phase in IN_FLIGHT}
    moving = {"Executing", "RollingBack", "Suggested", "Pending", "Approved"}
    assert set(failures.OUTCOMES) == {phase.value for phase in Phase} - moving
    assert set(ENDED) <= {phase.value for phase in Phase}


def test_the_ask_is_that_of_the_model() -> None:
    """A new field of the ask must show in the difference."""
    fields = {field.alias for field in Ask.model_fields.values()} - {"proposedBy"}
    assert set(proposal.ASK) == fields


def test_every_tier_has_a_colour() -> None:
    """Critical looks like nothing else."""
    assert set(wording.TIERS) == {tier.value for tier in Tier}
    assert len({wording.TIERS[tier.value] for tier in Tier}) == len(Tier)


def test_the_message_is_shown_without_the_line_for_those_without_a_plugin() -> None:
    """The operator's words and this cut belong together."""
    status = {"message": "Needs 1 more approval. To approve: kubectl -n tikv patch ap x -p '{}'"}
    shown = proposal.Proposal({"metadata": {}, "status": status}).message
    assert shown == "Needs 1 more approval"


def test_exit_codes_are_distinct() -> None:
    """A script must tell Failed from RolledBack."""
    codes = [code for name, code in vars(failures.Exit).items() if name.isupper()]
    assert len(codes) == len(set(codes))
    ends = [code for phase, code in failures.OUTCOMES.items() if phase not in ("Active",)]
    assert len(ends) == len(set(ends))

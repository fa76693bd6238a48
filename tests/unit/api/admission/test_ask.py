"""Comparing asks covers every field of the ask, now and when fields are added."""

from assent.api.admission.ask import NOT_ASKED, ask_fields, changed, same
from assent.api.v1alpha1.actionproposal import ActionProposalSpec, Ask

SPEC_FIELDS = {field.alias for field in ActionProposalSpec.model_fields.values()}
ASK_FIELDS = {field.alias for field in Ask.model_fields.values()}


def test_spec_is_the_ask_and_what_people_say_to_it() -> None:
    """A new field of spec is part of the ask unless it is named here: forgotten means guarded."""
    assert set(ask_fields()) == SPEC_FIELDS - NOT_ASKED
    assert NOT_ASKED < SPEC_FIELDS


def test_operator_copies_every_field_of_the_ask() -> None:
    """What Ask does not hold could be changed between assessment and approval unseen."""
    assert set(ask_fields()) == ASK_FIELDS


def test_instants_are_told_from_texts() -> None:
    """Only these may be spelled in several ways."""
    instants = {name for name, instant in ask_fields().items() if instant}
    assert instants == {"notBefore", "notAfter"}


def test_changed_speaks_of_every_field() -> None:
    """One comparison a field, absent and present alike."""
    text = changed("old.spec", "new.spec")
    assert text.split(" || ") == [f"old.spec.?{name} != new.spec.?{name}" for name in ask_fields()]


def test_author_can_be_left_out() -> None:
    """Authorship alone must not count as a change of the ask: it would be self-approval."""
    text = changed("o", "n", without_author=True)
    assert "proposedBy" not in text
    assert text.count("!=") == len(ask_fields()) - 1


def test_same_speaks_of_every_field() -> None:
    """An approval is for all of the ask."""
    text = same("a", "b")
    parts = text.split(" && ")
    assert len(parts) == len(ask_fields())
    assert "a.?action == b.?action" in parts
    assert "a.?notAfter.optMap(t, timestamp(t)) == b.?notAfter.optMap(t, timestamp(t))" in parts

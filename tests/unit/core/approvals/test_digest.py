"""The digest: one canonical spelling, and every part of what was seen is in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Ask, Fact, Target
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.approvals.digest import (
    Material,
    ask_of,
    canonical_bytes,
    digest_of,
    same_ask,
    sha256_text,
)
from tests.support.proposals import AUTHOR, EVICT_4, STOP_4, approval, cancel, proposal

WHEN = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ASK = Ask(action=STOP_4, proposed_by="sre-1", dry_run=False, reason="nach Wartung: Größe")
TARGET = Target(
    cluster_id="7000000001", id="store/4", identity=[Fact(name="address", value="tikv-4:20160")]
)
MATERIAL = Material(
    uid="uid-1",
    cluster_name="demo",
    target=TARGET,
    ask=ASK,
    tier=Tier.LOW,
    effective_dry_run=False,
    revision=1,
)

GOLDEN_BYTES = (
    '{"ask":{"action":{"stopEvictLeaders":{"storeId":4},"type":"StopEvictLeaders"},'
    '"dryRun":false,"proposedBy":"sre-1","reason":"nach Wartung: Größe"},'
    '"cluster":"demo","effectiveDryRun":false,"revision":1,'
    '"target":{"clusterId":"7000000001","id":"store/4",'
    '"identity":[{"name":"address","value":"tikv-4:20160"}]},'
    '"tier":"Low","uid":"uid-1","version":"assent.tikv.org/v1alpha1/ask.1"}'
).encode()
GOLDEN_DIGEST = "sha256:738a57e0ddedfc696d645b1cd443aa04ca9f9020712abc71260ffa7753e2224e"


def test_canonical_bytes_are_the_golden_ones() -> None:
    """Sorted keys, no spaces, UTF-8 unescaped: another spelling would void stored approvals."""
    assert canonical_bytes(MATERIAL) == GOLDEN_BYTES


def test_digest_is_the_golden_one() -> None:
    """A digest that an earlier version wrote must stay good over an upgrade."""
    assert digest_of(MATERIAL) == GOLDEN_DIGEST


def test_digest_is_short_enough_for_the_api() -> None:
    """The CRD bounds status.digest to 80 characters."""
    assert len(sha256_text(b"")) == len("sha256:") + 64


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"uid": "uid-2"}, "a copy under the same name is another object"),
        ({"cluster_name": "prod"}, "the same ask on another cluster"),
        ({"target": TARGET.model_copy(update={"cluster_id": "8"})}, "another PD behind the name"),
        ({"target": TARGET.model_copy(update={"id": "store/5"})}, "another store"),
        ({"target": TARGET.model_copy(update={"identity": []})}, "another identity"),
        ({"tier": Tier.HIGH}, "the risk rose"),
        ({"effective_dry_run": True}, "a yes to a rehearsal is no yes to the call"),
        ({"revision": 2}, "what was void stays void when the change is taken back"),
        ({"ask": ASK.model_copy(update={"action": EVICT_4})}, "another action"),
        ({"ask": ASK.model_copy(update={"proposed_by": "sre-2"})}, "another author"),
        ({"ask": ASK.model_copy(update={"dry_run": True})}, "the ask's own dry-run"),
        ({"ask": ASK.model_copy(update={"reason": None})}, "the reason people read"),
        ({"ask": ASK.model_copy(update={"not_before": WHEN})}, "another start"),
        ({"ask": ASK.model_copy(update={"not_after": WHEN})}, "another end"),
        ({"ask": ASK.model_copy(update={"revert_after": "5m"})}, "another way back"),
    ],
)
def test_every_part_changes_the_digest(changes: dict[str, Any], why: str) -> None:
    """Whatever shapes what will run is what was approved."""
    assert digest_of(replace(MATERIAL, **changes)) != digest_of(MATERIAL), why


OTHER: dict[str, Any] = {
    "action": EVICT_4,
    "proposed_by": "sre-2",
    "dry_run": True,
    "reason": None,
    "not_before": WHEN,
    "not_after": WHEN,
    "revert_after": "5m",
}


def test_every_field_of_the_ask_has_another_value_here() -> None:
    """A new field needs one, and so its place in the digest."""
    assert set(OTHER) == set(Ask.model_fields)


@pytest.mark.parametrize("field", OTHER)
def test_no_field_of_the_ask_is_forgotten(field: str) -> None:
    """Copied from spec, compared with what was assessed, and hashed: each of them."""
    spec = proposal().spec
    changed = spec.model_copy(update={field: OTHER[field]})
    if getattr(spec, field) == OTHER[field]:
        changed, spec = spec, spec.model_copy(update={field: "something else"})
    before, after = ask_of(spec), ask_of(changed)
    assert not same_ask(before, after)
    assert digest_of(replace(MATERIAL, ask=before)) != digest_of(replace(MATERIAL, ask=after))


def test_start_and_end_are_not_interchangeable() -> None:
    """The same instant in another field is another ask."""
    start = replace(MATERIAL, ask=ASK.model_copy(update={"not_before": WHEN}))
    end = replace(MATERIAL, ask=ASK.model_copy(update={"not_after": WHEN}))
    assert digest_of(start) != digest_of(end)


def test_an_instant_has_one_spelling() -> None:
    """The API server may give the same instant back in another zone."""
    elsewhere = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    here = replace(MATERIAL, ask=ASK.model_copy(update={"not_before": WHEN}))
    there = replace(MATERIAL, ask=ASK.model_copy(update={"not_before": elsewhere}))
    assert digest_of(here) == digest_of(there)
    assert b'"notBefore":"2026-03-01T12:00:00.250Z"' in canonical_bytes(here)


def test_what_people_say_is_no_part_of_the_ask() -> None:
    """Approvals, cancel and resolution do not void approvals."""
    plain = proposal()
    said = proposal(approvals=[approval("sre-2", "sha256:x")], cancel=cancel())
    assert ask_of(plain.spec) == ask_of(said.spec)
    assert ask_of(plain.spec).proposed_by == AUTHOR


def test_same_ask_compares_what_the_api_would_write() -> None:
    """An instant finer than a millisecond would else differ from its own stored copy for ever."""
    fine = ASK.model_copy(update={"not_after": WHEN + timedelta(microseconds=7)})
    kept = Ask.model_validate(fine.wire())
    assert same_ask(kept, fine)
    assert not same_ask(None, fine)
    assert not same_ask(ASK, fine)

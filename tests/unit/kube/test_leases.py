"""Leases as values."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from assent.kube.errors import Malformed
from assent.kube.leases import micro_time, parse_lease

META = {"metadata": {"resourceVersion": "5", "uid": "u"}}


def test_a_micro_time_is_utc_with_six_digits() -> None:
    """The API server refuses other numbers of digits, and a local time would lie under its Z."""
    tokyo = timezone(timedelta(hours=9))
    at = datetime(2026, 1, 2, 12, 4, 5, 7, tzinfo=tokyo)
    assert micro_time(at) == "2026-01-02T03:04:05.000007Z"


def test_a_lease_without_spec_was_never_taken() -> None:
    """What an administrator creates by hand."""
    record = parse_lease(META)
    assert (record.holder, record.transitions, record.duration_seconds) == ("", 0, 0.0)


def test_the_beat_moves_with_every_renewal_and_not_with_labels() -> None:
    """Somebody who annotates the Lease must not keep a dead leader alive."""
    spec: dict[str, Any] = {"holderIdentity": "a", "leaseTransitions": 2, "renewTime": "t1"}
    record = parse_lease({**META, "spec": spec})
    labelled = parse_lease({"metadata": {"resourceVersion": "6", "uid": "u"}, "spec": spec})
    renewed = parse_lease({**META, "spec": {**spec, "renewTime": "t2"}})
    assert record.beat == labelled.beat
    assert record.beat != renewed.beat


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"metadata": {"uid": "u"}},
        {**META, "spec": {"leaseTransitions": "many"}},
        {**META, "spec": {"leaseDurationSeconds": [15]}},
    ],
)
def test_a_lease_of_another_shape_is_malformed(raw: dict[str, Any]) -> None:
    """Never a guess about who leads."""
    with pytest.raises(Malformed):
        parse_lease(raw)

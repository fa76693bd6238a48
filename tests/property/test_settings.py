"""What holds for every setting and every text that people or PD could write for it."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.scheduling import (
    ReplicationKey,
    ScheduleKey,
    SetReplicationConfig,
    SetScheduleConfig,
)
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.on_setting import SettingAction
from assent.core.actions.set_replication_config import SetReplicationConfigAction
from assent.core.actions.set_schedule_config import SetScheduleConfigAction
from assent.core.actions.setting_value import Kind, is_wire, parse, wire
from assent.core.actions.settings_table import REPLICATION, SCHEDULE, Setting
from assent.pd.whitelist.table import allowed
from tests.support.examples import examples
from tests.support.scheduling import dressed
from tests.support.snapshots import snapshot

MANY = settings(max_examples=examples(300), deadline=None)

SEEN = dressed(snapshot())

LABELS = st.from_regex(r"[a-z][a-z0-9./_-]{0,20}[a-z0-9]", fullmatch=True)


def go_duration(nanoseconds: int) -> str:
    """Return the text that Go's ``time.Duration.String`` makes, by which PD shows durations."""
    if nanoseconds == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 1000**2)):
        if nanoseconds < size * 1000:
            return f"{_decimal(nanoseconds, size)}{unit}"
    seconds, rest = divmod(nanoseconds, 10**9)
    hours, minutes = divmod(seconds // 60, 60)
    text = f"{_decimal((seconds % 60) * 10**9 + rest, 10**9)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _decimal(count: int, size: int) -> str:
    value = Decimal(count) / Decimal(size)
    return format(value.normalize(), "f")


def shown_texts(kind: Kind) -> st.SearchStrategy[str]:
    """Texts that PD can show for a setting of that kind, whoever set it."""
    return {
        Kind.INTEGER: st.integers(0, 10**15 - 1).map(str),
        Kind.RATIO: st.floats(0, 10**6, allow_subnormal=False)
        .filter(lambda value: value == 0 or value > 1e-9)
        .map(lambda value: json.dumps(round(value, 12))),
        Kind.DURATION: st.integers(0, 10**16).map(go_duration),
        Kind.BOOLEAN: st.sampled_from(["true", "false"]),
        Kind.WORD: st.sampled_from(["count", "size"]),
        Kind.LABEL: st.one_of(st.just(""), LABELS),
        Kind.LABELS: st.lists(LABELS, max_size=5, unique=True).map(",".join),
    }[kind]


@st.composite
def shown(draw: st.DrawFn) -> tuple[SettingAction[Any], Any, Setting, str]:
    """Draw a setting, and a text that PD may show for it; the parameters ask for that text."""
    key = draw(st.sampled_from([*ScheduleKey, *ReplicationKey]))
    if isinstance(key, ScheduleKey):
        row = SCHEDULE[key]
        text = draw(shown_texts(row.kind))
        return SetScheduleConfigAction(), SetScheduleConfig(key=key, value=text), row, text
    row = REPLICATION[key]
    text = draw(shown_texts(row.kind))
    return SetReplicationConfigAction(), SetReplicationConfig(key=key, value=text), row, text


@MANY
@given(shown())
def test_what_pd_shows_is_put_back_as_the_same_value(
    case: tuple[SettingAction[Any], Any, Setting, str],
) -> None:
    """The way back: whatever stood there passes the door and means what it meant."""
    found, params, row, text = case
    value = parse(row.kind, text)
    assert value is not None
    undo = found.inverse(params, (Fact(name=params.key, value=text),))
    assert undo is not None
    assert allowed(undo) is not None
    assert undo.body is not None
    (sent,) = undo.body.values()
    again = json.loads(undo.body_text or "")[next(iter(undo.body))]
    assert again == sent
    assert parse(row.kind, str(sent)) == value


@MANY
@given(shown())
def test_whatever_may_be_asked_for_passes_the_door(
    case: tuple[SettingAction[Any], Any, Setting, str],
) -> None:
    """No proposal is approved that then cannot leave; and what is denied has a sentence."""
    found, params, row, text = case
    fault = row.fault(text)
    if fault is None:
        assert allowed(found.call(params)) is not None
        assert is_wire(row.kind, wire(row.kind, text))
    else:
        assert text in fault
    risk = found.risk(params, SEEN)
    assert risk.tier.rank >= Tier.MEDIUM.rank
    assert risk.factors


@MANY
@given(st.sampled_from([*ScheduleKey]), st.text(max_size=40))
def test_any_text_is_judged_and_none_leaves_that_was_denied(key: ScheduleKey, text: str) -> None:
    """People write anything: it is denied with a reason, or it is a value of the kind."""
    row, found = SCHEDULE[key], SetScheduleConfigAction()
    params = SetScheduleConfig(key=key, value=text)
    if row.fault(text) is not None and parse(row.kind, text) is None:
        assert allowed(found.call(params)) is None
    else:
        assert parse(row.kind, text) is not None


@MANY
@given(st.integers(0, 10**16))
def test_a_duration_that_go_wrote_is_read_exactly(nanoseconds: int) -> None:
    """PD shows durations as Go writes them; a rounded one would look changed."""
    value = parse(Kind.DURATION, go_duration(nanoseconds))
    assert isinstance(value, Decimal)
    assert value * 10**9 == nanoseconds


def test_go_durations_are_those_of_pd() -> None:
    """The generator above writes as PD does: its defaults."""
    assert [go_duration(n * 10**6) for n in (10, 1500, 1_800_000, 3_600_000)] == [
        "10ms",
        "1.5s",
        "30m0s",
        "1h0m0s",
    ]
    assert [go_duration(n) for n in (0, 7, 1500)] == ["0s", "7ns", "1.5µs"]

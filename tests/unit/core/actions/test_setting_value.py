"""Values of settings: what texts mean, and with which JSON type they leave."""

from decimal import Decimal

import pytest

from assent.core.actions.setting_value import Kind, Value, is_wire, parse, wire
from assent.core.model.call import Json


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        pytest.param(Kind.INTEGER, "0", 0, id="zero"),
        pytest.param(Kind.INTEGER, "2048", 2048, id="a number"),
        pytest.param(Kind.RATIO, "0.8", 0.8, id="a ratio"),
        pytest.param(Kind.RATIO, "0", 0.0, id="PD writes a whole ratio without a point"),
        pytest.param(Kind.RATIO, "1e-7", 1e-7, id="PD writes small ratios with an exponent"),
        pytest.param(Kind.DURATION, "30m0s", Decimal(1800), id="as PD writes it"),
        pytest.param(Kind.DURATION, "30m", Decimal(1800), id="as people write it"),
        pytest.param(Kind.DURATION, "1h30m", Decimal(5400), id="hours and minutes"),
        pytest.param(Kind.DURATION, "10ms", Decimal("0.01"), id="milliseconds, not minutes"),
        pytest.param(Kind.DURATION, "1.5s", Decimal("1.5"), id="a part of a second"),
        pytest.param(Kind.DURATION, "500µs", Decimal("0.0005"), id="as PD writes microseconds"),
        pytest.param(Kind.BOOLEAN, "true", True, id="true"),
        pytest.param(Kind.BOOLEAN, "false", False, id="false"),
        pytest.param(Kind.WORD, "count", "count", id="a word"),
        pytest.param(Kind.LABEL, "", "", id="no label"),
        pytest.param(Kind.LABEL, "topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
        pytest.param(Kind.LABELS, "", (), id="no labels"),
        pytest.param(Kind.LABELS, "zone,host", ("zone", "host"), id="two labels in order"),
    ],
)
def test_texts_mean_values(kind: Kind, text: str, value: Value) -> None:
    """Two texts of one value are equal: PD writes 30m back as 30m0s."""
    assert parse(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.INTEGER, ""),
        (Kind.INTEGER, "-1"),
        (Kind.INTEGER, "4.0"),
        (Kind.INTEGER, "4 "),
        (Kind.INTEGER, "٤"),
        (Kind.INTEGER, "4\n"),
        (Kind.INTEGER, "9" * 16),
        (Kind.RATIO, "NaN"),
        (Kind.RATIO, "inf"),
        (Kind.RATIO, "-0.1"),
        (Kind.RATIO, ".8"),
        (Kind.RATIO, "80%"),
        (Kind.DURATION, "30"),
        (Kind.DURATION, "m"),
        (Kind.DURATION, "-5m"),
        (Kind.DURATION, "5 m"),
        (Kind.DURATION, "5d"),
        (Kind.DURATION, ""),
        (Kind.BOOLEAN, "True"),
        (Kind.BOOLEAN, "1"),
        (Kind.BOOLEAN, "yes"),
        (Kind.WORD, ""),
        (Kind.WORD, "two words"),
        (Kind.LABEL, "-zone"),
        (Kind.LABEL, "zone,host"),
        (Kind.LABELS, "zone,"),
        (Kind.LABELS, "zone, host"),
        (Kind.LABELS, "zone,zone"),
    ],
)
def test_texts_that_mean_nothing(kind: Kind, text: str) -> None:
    """PD would refuse them, or understand something else; here they are told before."""
    assert parse(kind, text) is None
    assert wire(kind, text) == text
    assert not is_wire(kind, wire(kind, text)), "and they would not pass the whitelist"


@pytest.mark.trap("P09")
@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        pytest.param(Kind.INTEGER, "8", 8, id="numbers as numbers"),
        pytest.param(Kind.RATIO, "0.8", 0.8, id="ratios as numbers"),
        pytest.param(Kind.RATIO, "1", 1.0, id="a whole ratio as a number, too"),
        pytest.param(Kind.BOOLEAN, "true", "true", id="booleans as strings, or PD refuses"),
        pytest.param(Kind.DURATION, "30m0s", "30m0s", id="durations as strings"),
        pytest.param(Kind.LABELS, "zone,host", "zone,host", id="lists as one string"),
        pytest.param(Kind.LABELS, "", "", id="no labels as an empty string"),
    ],
)
def test_p09_each_kind_has_its_json_type(kind: Kind, text: str, value: Json) -> None:
    """PD's structures say ``json:",string"`` for booleans, and take durations and lists as text."""
    found = wire(kind, text)
    assert found == value
    assert type(found) is type(value)
    assert is_wire(kind, found)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.INTEGER, True),
        (Kind.INTEGER, 8.0),
        (Kind.INTEGER, "8"),
        (Kind.INTEGER, -8),
        (Kind.INTEGER, 10**16),
        (Kind.RATIO, 1),
        (Kind.RATIO, -0.5),
        (Kind.RATIO, float("nan")),
        (Kind.RATIO, float("inf")),
        (Kind.RATIO, "0.8"),
        (Kind.BOOLEAN, True),
        (Kind.BOOLEAN, "TRUE"),
        (Kind.DURATION, 30),
        (Kind.LABELS, ["zone"]),
        (Kind.LABELS, None),
    ],
)
def test_no_other_json_value_is_ours(kind: Kind, value: Json) -> None:
    """What no action of ours makes does not leave."""
    assert not is_wire(kind, value)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_says_its_form(kind: Kind) -> None:
    """The sentence that people get for a wrong value."""
    assert kind.form

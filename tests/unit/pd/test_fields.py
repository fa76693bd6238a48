"""Reading single fields: exact where PD is exact, a named complaint everywhere else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from assent.errors import Terminal
from assent.pd.fields import Node, parse

CALL = "GET /pd/api/v1/stores"


def node(value: object) -> Node:
    return Node(value, CALL, "stores[0].x")


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        pytest.param("0B", 0, id="an empty disk"),
        pytest.param("1023B", 1023, id="below one unit"),
        pytest.param("1KiB", 1024, id="exactly one unit"),
        pytest.param("171.9GiB", 184576219546, id="a fraction as real PD prints it"),
        pytest.param("1.8TiB", 1979120929997, id="the size of the reference page"),
        pytest.param("2PiB", 2 * 1024**5, id="beyond tera"),
    ],
)
def test_humanised_sizes_become_bytes(text: str, size_bytes: int) -> None:
    """PD prints four digits with Docker's units; anything that compares needs bytes."""
    assert node(text).size_bytes() == size_bytes


@pytest.mark.parametrize("text", ["", "1.8", "TiB", "1.8TB", "-1KiB", "1 8KiB", "NaNKiB", "١KiB"])
def test_a_size_of_another_shape_is_refused_with_its_field(text: str) -> None:
    """A unit that is not known would be wrong by powers of 1024: no guess."""
    with pytest.raises(Terminal, match=r"stores\[0\]\.x is not a size") as caught:
        node(text).size_bytes()
    assert caught.value.reason == "PDAnswerUnusable"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param(
            "2026-11-21T13:02:49.134675813Z",
            datetime(2026, 11, 21, 13, 2, 49, 134675, tzinfo=UTC),
            id="Go prints nanoseconds",
        ),
        pytest.param(
            "2026-11-21T13:02:49Z", datetime(2026, 11, 21, 13, 2, 49, tzinfo=UTC), id="none"
        ),
        pytest.param(
            "2026-11-21T13:02:49.1+02:00",
            datetime(2026, 11, 21, 13, 2, 49, 100000, tzinfo=timezone(timedelta(hours=2))),
            id="PD prints its own zone, and drops trailing zeros",
        ),
    ],
)
def test_times_keep_their_zone_and_microseconds(text: str, moment: datetime) -> None:
    """An unaware time would be off by PD's zone."""
    assert node(text).moment() == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-21 13:02:49Z", "2026-13-41T99:02:49Z"])
def test_a_time_of_another_shape_is_refused(text: str) -> None:
    """Also one that only looks like a time."""
    with pytest.raises(Terminal, match="is not a time"):
        node(text).moment()


def test_ids_keep_all_64_bits() -> None:
    """Cluster ids are larger than a float can hold exactly."""
    root = parse(b'{"id": 18446744073709551615}', CALL)
    assert root.need("id").identity() == 2**64 - 1


@pytest.mark.parametrize("value", [0, -1, 2**64, 4.0, "4", True, None, [4]])
def test_what_is_no_id_is_refused(value: object) -> None:
    """Zero is PD's way to say "none"; a float or a string would be a guess."""
    with pytest.raises(Terminal):
        node(value).identity()


@pytest.mark.parametrize("value", [-1, 1.5, "3", True, {}])
def test_what_is_no_count_is_refused(value: object) -> None:
    """True is an int to Python, and no count to anybody else."""
    with pytest.raises(Terminal, match="whole number"):
        node(value).count()


@pytest.mark.parametrize("value", [-0.5, "15", False, float("inf"), float("nan")])
def test_what_is_no_number_is_refused(value: object) -> None:
    """A limit that is not finite could not be restored."""
    with pytest.raises(Terminal, match="is not a number"):
        node(value).number()


@pytest.mark.parametrize(
    ("value", "flag"), [(True, True), (False, False), ("true", True), ("false", False)]
)
def test_booleans_come_in_both_of_pds_shapes(value: object, flag: object) -> None:
    """Schedule settings carry Go's ``,string`` tag in some versions (pd-api.md 1.7)."""
    assert node(value).flag() is flag


@pytest.mark.parametrize("value", [1, "yes", None, "True"])
def test_what_is_no_boolean_is_refused(value: object) -> None:
    """A yes might mean anything."""
    with pytest.raises(Terminal, match="is not a boolean"):
        node(value).flag()


def test_a_missing_field_is_named_with_call_and_path() -> None:
    """The message is all that a user of an unknown PD version gets to see."""
    root = parse(b'{"stores": [{"store": {}}]}', CALL)
    [first] = root.need("stores").items()
    with pytest.raises(Terminal, match=r"GET /pd/api/v1/stores .*stores\[0\]\.store\.id is miss"):
        first.need("store").need("id")


def test_null_counts_as_absent() -> None:
    """Go writes nil pointers as null."""
    root = parse(b'{"leader": null}', CALL)
    assert root.find("leader") is None
    with pytest.raises(Terminal, match="leader is missing"):
        root.need("leader")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>login</html>", id="a proxy's page"),
        pytest.param(b'{"count": 1', id="cut off"),
        pytest.param(b'{"count": NaN}', id="NaN is not JSON"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="nested without end"),
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """Whatever stands there instead of PD, it must not crash the cycle."""
    with pytest.raises(Terminal, match="answered no JSON") as caught:
        parse(body, CALL)
    assert caught.value.reason == "PDAnswerUnusable"


@pytest.mark.parametrize("value", ["text", 4, []])
def test_only_objects_have_members(value: object) -> None:
    """A list where an object was wanted is another API."""
    with pytest.raises(Terminal, match="is not an object"):
        node(value).find("id")


@pytest.mark.parametrize("value", ["text", {}, 3])
def test_only_lists_have_items(value: object) -> None:
    """An object where a list was wanted is another API."""
    with pytest.raises(Terminal, match="is not a list"):
        list(node(value).items())

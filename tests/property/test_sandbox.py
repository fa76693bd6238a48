"""Laws of the sandbox: what tests stand on holds for every input, not for those we thought of."""

import json
import math
import re
import shlex
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.bench.counting import seconds_of
from sandbox.bench.figures import percentile
from sandbox.child import describe_exit, tail
from sandbox.demo.narrator import INDENT, WIDTH, fold
from sandbox.demo.people import ALICE, approval, edit
from sandbox.objects import Query, parse_query
from sandbox.options import FEWEST_REGIONS, PD_COUNTS, Options
from sandbox.orders import socket_path
from sandbox.records import Growing, PdRequest, effective_writes
from sandbox.toolchain.golang import needed_version
from sandbox.toolchain.progress import elapsed_text
from tests.support.examples import examples

MEMBERS = ("pd-0", "pd-1", "pd-2")
NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**6) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def drawn(many: int) -> settings:
    """So many examples, however busy the machine is."""
    slowly = [HealthCheck.too_slow]
    return settings(max_examples=examples(many), deadline=None, suppress_health_check=slowly)


class GrowingFile(RuleBasedStateMachine):
    """A journal that others append to in pieces: each line is read once, whole, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "journal"
        self._growing: Growing[dict[str, Any]] = Growing(self._path, dict)
        self._lines: list[dict[str, Any]] = []
        self._unfinished = ""
        self._number = 0

    def teardown(self) -> None:
        """Leave nothing behind."""
        self._folder.cleanup()

    def _append(self, text: str) -> None:
        with self._path.open("a") as file:
            file.write(text)

    @rule(text=st.text(max_size=40), cut=st.integers(0, 60))
    def append(self, text: str, cut: int) -> None:
        """One line, written in two pieces or in one."""
        if self._unfinished:
            return
        self._number += 1
        record = {"number": self._number, "text": text}
        line = json.dumps(record) + "\n"
        now, self._unfinished = line[: len(line) - cut], line[max(0, len(line) - cut) :]
        if cut >= len(line):
            now, self._unfinished = "", line
        self._append(now)
        self._lines.append(record)

    @rule()
    def finish(self) -> None:
        """The rest of the line arrives."""
        self._append(self._unfinished)
        self._unfinished = ""

    @rule()
    def begin_anew(self) -> None:
        """The program was started again with an empty file, and has written less than before."""
        if self._path.exists():
            self._path.write_text("")
            self._lines, self._unfinished = [], ""
            self._growing.read()

    @invariant()
    def it_reads_what_is_whole(self) -> None:
        """Also when asked twice, and whatever is done to the list that it gave."""
        whole = self._lines[: len(self._lines) - bool(self._unfinished)]
        first = self._growing.read()
        assert first == whole
        first.clear()
        assert self._growing.read() == whole


TestGrowingFile = GrowingFile.TestCase
TestGrowingFile.settings = settings(drawn(100), stateful_step_count=20)


def request(method: str, redirector: str, number: int) -> PdRequest:
    empty = dict.fromkeys(("time", "body", "caller", "started", "finished", "fault"), "")
    return PdRequest(
        member="pd-0",
        method=method,
        path=f"/{number}",
        status=200,
        pd_status=200,
        redirector=redirector,
        **empty,
    )


@drawn(200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]),
            st.sampled_from(["", "assent", *MEMBERS]),
        ),
        max_size=12,
    )
)
def test_a_write_counts_once_however_pd_passed_it_on(calls: list[tuple[str, str]]) -> None:
    """What a member forwarded is the same write; what we sent with the header is one of its own."""
    lines = [request(method, by, number) for number, (method, by) in enumerate(calls)]
    counted = effective_writes(lines, MEMBERS)
    assert [line.path for line in counted] == [
        f"/{number}"
        for number, (method, by) in enumerate(calls)
        if method not in ("GET", "HEAD") and by not in MEMBERS
    ]


@drawn(300)
@given(patch=JSON, name=NAMES)
@example(patch={"comment": "not before 5, {carol} says" + " so" * 40}, name="a string that looks")
@example(patch={"comment": "it's \\", "by": "x" * WIDTH}, name="quotes and backslashes")
def test_a_folded_command_means_the_same(patch: object, name: str) -> None:
    """What a reader copies out of the demo is what was run, to the shell and to JSON."""
    words = ["kubectl", "patch", name, "--type=merge", "-p", json.dumps({"spec": patch})]
    # A shell drops a backslash at the end of a line; shlex keeps the line break.
    folded = shlex.split(fold(shlex.join(words)).replace(" \\\n", " ", 1))
    assert folded[:5] == words[:5]
    assert json.loads(folded[5]) == {"spec": patch}
    assert len(folded) == len(words)


@drawn(100)
@given(comments=st.lists(NAMES, min_size=1, max_size=6))
def test_a_folded_command_is_narrow_where_it_can_be_broken(comments: list[str]) -> None:
    """Terminals of 100 columns; parts as people write them are short."""
    for patch in (
        approval(ALICE, "sha256:" + "0" * 40, " ".join(comments)),
        edit(ALICE, {"type": "SetStoreLimit", "setStoreLimit": dict.fromkeys(comments, 5)}),
    ):
        longest = max(len(part) for part in re.split(r", ", patch))
        for line in fold(f"kubectl patch x -p '{patch}'").splitlines():
            assert len(line) <= max(WIDTH + 1, longest + 2 * len(INDENT) + 30)


@drawn(300)
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_percentiles_lie_between_and_rise(values: list[float], one: float, other: float) -> None:
    """p95 is never below p50, and neither is a value that was not measured around."""
    low, high = sorted((one, other))
    assert min(values) <= percentile(values, low) + 1e-6
    assert percentile(values, low) <= percentile(values, high) + 1e-6
    assert percentile(values, high) <= max(values) + 1e-6
    assert percentile(values, 0) == min(values)
    assert percentile(values, 1) == max(values)
    assert percentile(values[::-1], one) == percentile(values, one)


@drawn(300)
@given(
    at=st.integers(10**7, 4 * 10**9).map(lambda at: datetime.fromtimestamp(at, UTC)),
    nanoseconds=st.integers(0, 999_999_999),
    digits=st.integers(0, 9),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_is_the_same_in_every_spelling(
    at: datetime, nanoseconds: int, digits: int, minutes: int
) -> None:
    """Go writes nanoseconds, Kubernetes microseconds, and anybody may write an offset."""
    shifted = at + timedelta(minutes=minutes)
    fraction = f"{nanoseconds:09}"[:digits]
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    for head, zone in ((at, "Z"), (at, "+00:00"), (shifted, f"{sign}{hours:02}:{rest:02}")):
        text = f"{head:%Y-%m-%dT%H:%M:%S}{f'.{fraction}' if fraction else ''}{zone}"
        expected = at.timestamp() + float(f"0.{fraction or '0'}")
        assert math.isclose(seconds_of(text), expected, abs_tol=1e-5)


@drawn(200)
@given(kind=NAMES, name=st.none() | NAMES, namespace=NAMES, first=st.booleans())
def test_a_query_is_read_wherever_the_namespace_stands(
    kind: str, name: str | None, namespace: str, first: bool
) -> None:
    """`-n` may come first or last; the same object is read."""
    words = [kind, name] if name else [kind]
    flag = ["-n", namespace]
    asked = parse_query(flag + words if first else words + flag)
    assert asked == Query(kind, name, namespace)


@drawn(300)
@given(st.lists(st.text(string.printable, max_size=8), max_size=6))
def test_no_query_names_what_was_not_typed(words: list[str]) -> None:
    """Whatever is typed: it is left to kubectl, or it means words that stand there."""
    asked = parse_query(words)
    if asked is not None:
        assert asked.kind in [word.lower() for word in words]
        assert asked.name is None or asked.name in words
        assert not asked.kind.startswith("-")


@drawn(100)
@given(
    lines=st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=60), max_size=60),
    count=st.integers(1, 20),
)
def test_the_end_of_a_log_is_its_last_lines(lines: list[str], count: int) -> None:
    """All of them where there are fewer, and never more than asked for."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.write_text("".join(f"{line}\n" for line in lines))
        shown = tail(log, count)
    if not any(lines):
        assert shown in ("(its log is empty)", "\n".join(lines[-count:]))
    else:
        assert shown == ("\n".join(lines[-count:]) or "(its log is empty)")


@drawn(50)
@given(garbage=st.binary(max_size=3000), count=st.integers(1, 5))
def test_a_log_may_hold_anything(garbage: bytes, count: int) -> None:
    """A program that crashed wrote half a character: its end is still shown."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.write_bytes(garbage + b"\nthe last words\n")
        assert tail(log, count).endswith("the last words")


@drawn(100)
@given(
    stores=st.integers(-1, 9),
    regions=st.integers(0, 20),
    pd=st.integers(0, 5),
    operators=st.integers(-1, 3),
    schedule=st.dictionaries(NAMES, st.integers() | NAMES | st.booleans(), max_size=3),
)
@example(stores=1, regions=FEWEST_REGIONS, pd=1, operators=0, schedule={})
def test_options_are_refused_or_survive_their_journey(
    stores: int, regions: int, pd: int, operators: int, schedule: dict[str, Any]
) -> None:
    """They reach the supervisor as one word of its command line."""
    possible = stores >= 1 and regions >= FEWEST_REGIONS and pd in PD_COUNTS and operators >= 0

    def make() -> Options:
        return Options(
            stores=stores, regions=regions, pd=pd, operators=operators, pd_schedule=schedule
        )

    if possible:
        assert Options.from_json(make().to_json()) == make()
    else:
        _refused(make)


def _refused(make: Callable[[], object]) -> None:
    with pytest.raises(Exception, match=r"members|at least"):
        make()


@drawn(100)
@given(seconds=st.floats(0, 10**6))
def test_a_duration_is_read_back(seconds: float) -> None:
    """`1m32s` is 92 seconds, and seconds never reach 60."""
    found = re.fullmatch(r"(?:(\d+)m)?(\d+)s", elapsed_text(seconds))
    assert found is not None
    assert int(found[1] or 0) * 60 + int(found[2]) == int(seconds)
    assert found[1] is None or int(found[2]) < 60


@drawn(100)
@given(
    st.tuples(st.integers(1, 9), st.integers(0, 99), st.integers(0, 99)),
    st.booleans(),
    st.text(string.ascii_letters + " /.\n", max_size=60),
)
def test_the_needed_go_is_read_whatever_stands_around_it(
    version: tuple[int, int, int], patch: bool, around: str
) -> None:
    """`go 1.23` and `go 1.23.4`; a toolchain line and a module called go are neither."""
    words = ".".join(str(part) for part in version[: 3 if patch else 2])
    before = around.replace("go ", "")
    text = (
        f"module x\n// {before!r}\ngo {words}\n\ntoolchain go1.99.9\n\nrequire go.example v9.9.9\n"
    )
    assert needed_version(text) == (*version[:2], version[2] if patch else 0)


@drawn(50)
@given(code=st.integers(-31, 255))
def test_every_exit_has_words(code: int) -> None:
    """A number or the name of the signal."""
    told = describe_exit(code)
    assert told == f"exit code {code}" if code >= 0 else told.startswith("SIG")


@drawn(30)
@given(st.lists(NAMES, min_size=1, max_size=20))
def test_a_socket_has_a_short_name_wherever_it_lies(folders: list[str]) -> None:
    """sun_path has 108 bytes, and the name leads to the very file."""
    with TemporaryDirectory() as root:
        folder = Path(root).joinpath(*folders)
        folder.mkdir(parents=True)
        path = folder / "control.sock"
        path.touch()
        with socket_path(path) as name:
            assert len(name.encode()) < 108
            assert Path(name).samefile(path)

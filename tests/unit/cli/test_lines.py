"""What a hurried person types: names after flags, twice, times that are none."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from assent.cli import ahead
from assent.cli.console import Console
from assent.cli.decision_command import approve, reject
from assent.cli.failures import Exit
from assent.cli.proposals_command import proposals
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"
Command = Callable[[Sequence[str], Console], int]


@pytest.mark.parametrize("timeout", ["banana", "10", "-5s", "5d", "1h x"])
@pytest.mark.parametrize(("command", "more"), [(approve, ()), (reject, ("-m", "no"))])
def test_a_time_that_is_none_is_refused_before_anything_is_sent(
    desk: Desk, command: Command, more: tuple[str, ...], timeout: str
) -> None:
    """It used to be read after the approval was stored: exit code 2 means that nothing was."""
    desk.has(recorded("pending-high"))
    if timeout == "10":  # seconds, as kubectl takes them; but there is nothing to wait for
        done = desk.runs(command, NAME, "--timeout=10", *more)
        assert "--timeout is for --wait" in done.err
    else:
        done = desk.runs(command, NAME, "--wait", f"--timeout={timeout}", *more)
        assert "no time such as 90s" in done.err
    assert (done.code, desk.calls("patch")) == (Exit.USAGE, [])


LINES = [
    (approve, "{0} --wait -n tikv {1}"),
    (approve, "--digest x {0} -y {1}"),
    (approve, "-o name {0} -o name {1}"),
    (reject, "{0} -o name {1} -m no"),
    (proposals, "show {0} -n tikv {1}"),
    (proposals, "-n tikv show {0} --as bert {1}"),
    (proposals, "export {0} --as-account a:b {1}"),
]


@pytest.mark.parametrize(("command", "line"), LINES, ids=[one[1] for one in LINES])
def test_names_may_stand_before_and_after_flags(desk: Desk, command: Command, line: str) -> None:
    """As for kubectl; argparse alone takes what follows a flag for a mistake."""
    one, other = recorded("pending-high"), recorded("pending-low")
    names = [one["metadata"]["name"], other["metadata"]["name"]]
    desk.has(one, other)
    desk.is_told("patch", code=1, err="no")
    desk.runs(command, *line.format(*names).split())
    (read, *_) = desk.calls("get")
    assert read[5:7] == names


def test_the_changes_of_a_modification_may_follow_flags(desk: Desk) -> None:
    """All of them are made."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    line = f"modify {NAME} ratePerMinute=60 -n tikv reason=less"
    assert desk.runs(proposals, *line.split()).code == 0
    sent = desk.patched()["spec"]
    assert sent["action"]["setStoreLimit"]["ratePerMinute"] == 60
    assert sent["reason"] == "less"


@pytest.mark.parametrize("line", ["{0} {0}", "{0} ap/{0} -y", "--dry-run=server {0} -o name {0}"])
def test_a_name_that_is_said_twice_is_decided_once(desk: Desk, line: str) -> None:
    """Not "you have approved exactly this already", with a failure, for the second."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched")
    assert desk.runs(approve, *line.format(NAME).split()).code == 0
    assert len(desk.calls("patch")) == 1


def test_a_name_that_is_said_twice_is_shown_once(desk: Desk) -> None:
    desk.has(recorded("pending-high"))
    assert desk.runs(proposals, "show", NAME, f"ap/{NAME}").out.count("\nWhat\n") == 1


@pytest.mark.parametrize(
    "flag",
    [
        ["--dry-run=server"], ["--wait"], ["-o", "json"], ["--confirm", "store/2"],
        ["--timeout", "5s"], ["--break-glass", "all are asleep now"],
    ],
    ids=lambda flag: flag[0],
)  # fmt: skip
def test_a_file_is_not_written_by_a_line_that_asks_for_something_else(
    desk: Desk, tmp_path: Path, flag: list[str]
) -> None:
    """`--dry-run=server` promises that nothing is stored: it used to be ignored with -f."""
    path = tmp_path / "limit.yaml"
    path.write_text("spec:\n  x: y\n")
    done = desk.runs(approve, "-f", str(path), "--as-account", "flux-system:assent", *flag)
    assert (done.code, path.read_text()) == (Exit.USAGE, "spec:\n  x: y\n")
    assert " is not for it." in done.err


def test_a_request_with_a_time_of_its_own_goes_by_a_kubectl_of_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl proxy` does not keep --request-timeout: a hanging API server would take a minute."""
    monkeypatch.setenv("TMPDIR", str(desk.folder))
    desk.has(recorded("pending-high"))
    ahead.decision([NAME, "-n", "tikv", "--request-timeout=2s"])
    try:
        found: Any = (len(ahead._doors), len(ahead._begun))
    finally:
        ahead.leave()
    assert found == (0, 2)

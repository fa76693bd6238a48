"""Pieces of the story that need no control plane."""

import pytest

from sandbox.demo.__main__ import FAILED, INTERRUPTED, main
from sandbox.demo.stage import StoryError, check
from sandbox.demo.story import record
from sandbox.errors import SandboxError
from sandbox.library import Sandbox

SPEC = {"approvals": [{"by": "alice", "decision": "Approve", "comment": "it is over"}]}
STEP = {
    "holder": "assent-1-abcde",
    "call": {"method": "DELETE", "path": "/pd/api/v1/x"},
    "answer": "gone",
    "intendedAt": "10:00:00Z",
    "verifiedAt": "10:00:02Z",
    "before": [{"name": "evicted", "value": "true"}, {"name": "leaders", "value": "0"}],
    "after": [{"name": "evicted", "value": "false"}],
}
STATUS = {
    "execution": {"steps": [STEP]},
    "history": [
        {"at": "09:59:00Z", "phase": "Pending", "message": "Needs 1 more approval"},
        {"at": "10:00:02Z", "phase": "Succeeded", "message": "Leaders are back"},
    ],
}


def test_the_record_answers_who_what_when_before_after() -> None:
    """These are the questions of a review, one a line."""
    lines = record(SPEC, STATUS).splitlines()
    assert lines == [
        "who     alice (Approve: it is over); sent by assent-1-abcde",
        "what    DELETE /pd/api/v1/x",
        "answer  gone",
        "when    sent 10:00:00Z, proved 10:00:02Z",
        "before  evicted=true  leaders=0",
        "after   evicted=false",
        "history",
        "  09:59:00Z  Pending    Needs 1 more approval",
        "  10:00:02Z  Succeeded  Leaders are back",
    ]


def test_a_false_fact_ends_the_story() -> None:
    """Nothing is told that was not so; the message is what was there instead."""
    check("a true fact", "nothing")
    with pytest.raises(StoryError, match="two calls"):
        check([], "two calls")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        pytest.param(KeyboardInterrupt(), INTERRUPTED, "Interrupted", id="Ctrl-C: as shells do"),
        pytest.param(SandboxError("no ports"), FAILED, "no ports", id="a sentence, no traceback"),
    ],
)
def test_the_exit_code_says_how_it_ended(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`make demo` fails where the demo does."""

    def start(**_: object) -> Sandbox:
        raise raised

    monkeypatch.setattr(Sandbox, "start", start)
    assert main() == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told

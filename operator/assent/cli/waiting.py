"""--wait: follow a proposal to its end, line by line."""

import codecs
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from assent.cli.console import Console, flat
from assent.cli.failures import OUTCOMES, CliError, Exit, KubectlError
from assent.cli.kubectl import Kubectl, documents
from assent.cli.next_step import in_the_way
from assent.cli.proposal import OPEN, Proposal
from assent.cli.queries import PROPOSALS
from assent.cli.wording import PHASES, count

_UNITS = {"h": 3600, "m": 60, "s": 1}
LONGEST_LOOK_SECONDS = 1.0
"""How long one look at the stream may block, so that --timeout is kept."""
MOST_FAILURES = 5
"""A watch ends by itself after some minutes and is begun again, for ever; one that failed before it
told anything, because the API server is away or sheds load, so many times in a row."""
LONGEST_SILENCE = timedelta(seconds=20)
"""After that it is read: a watch may be dead, and one of what is not there says nothing."""
LONGEST_READ = "10s"
"""So that an API server that takes connections and says nothing does not outlast --timeout."""
PAUSE_SECONDS = 1.0
"""Between two watches."""


def seconds_of(text: str) -> float:
    """Return the seconds of ``90s``, ``10m``, ``1h30m`` or a bare number.

    Raises:
        CliError: it is none of these.
    """
    if text.isdigit():
        return float(text)
    parts = re.findall(r"(\d+)([hms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise CliError(f"{text!r} is no time such as 90s, 10m or 1h.", Exit.USAGE)
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def wait_for_each(
    decided: Sequence[Proposal],
    timeout_seconds: float,
    kubectl: Kubectl,
    console: Console,
    *,
    rejected: bool,
) -> int:
    """Follow them one after the other; return the first outcome that is not a success.

    ``timeout_seconds``: 0 waits for ever. ``rejected``: these were rejected, so that Rejected is
    the success; else they were approved, which is void once another digest stands.

    Raises:
        CliError: the time is over, or one was deleted; the proposals go on without us.
    """
    limit = timedelta(seconds=timeout_seconds)
    deadline = console.now() + limit if limit else None
    code = Exit.OK
    for one in decided:
        outcome = follow(one, deadline, kubectl, console, void_when_changed=not rejected)
        if rejected and outcome == Exit.REJECTED:
            outcome = Exit.OK  # as everywhere: what was asked for has come about
        code = outcome if code is Exit.OK else code
    return code


def follow(
    decided: Proposal,
    deadline: datetime | None,
    kubectl: Kubectl,
    console: Console,
    *,
    void_when_changed: bool = False,
) -> int:
    """Write every change until it ends; return the exit code of its end.

    Each watch begins with what the API server has now, so nothing is missed between two.

    Raises:
        CliError: the time is over, it was deleted or is another by now, or the API server cannot
            be asked; the proposal goes on without us.
    """
    console.before_waiting()
    name, said, failures, last = decided.name, "", 0, decided
    while True:
        try:
            for proposal in _states(name, deadline, kubectl, console):
                failures, last = 0, proposal
                _refuse_another(decided, proposal, void_when_changed=void_when_changed)
                if (line := progress(proposal, console)) != said:
                    when = console.paint(console.now().strftime("%H:%M:%S"), "dim")
                    console.say(f"{when}  {line}")
                    said = line
                if proposal.phase in OUTCOMES:
                    return OUTCOMES[proposal.phase]
        except _TimeOverError as error:
            raise CliError(_still(last), Exit.TIME_OVER) from error
        except KubectlError as error:
            failures += 1
            if error.is_missing:
                raise CliError(f"{name} was deleted.", Exit.NOT_NOW) from error
            if error.is_forbidden or failures >= MOST_FAILURES:
                raise CliError(_lost(decided, str(error))) from error
        console.pause(PAUSE_SECONDS)


def _refuse_another(decided: Proposal, now: Proposal, *, void_when_changed: bool) -> None:
    if now.meta.get("uid") != decided.meta.get("uid"):
        raise CliError(f"{now.name} was deleted; this is another of that name.", Exit.NOT_NOW)
    if void_when_changed and now.phase in OPEN and now.digest not in ("", decided.digest):
        why = flat(str(now.status.get("revisionReason") or "it was assessed anew"))
        raise CliError(
            f"{now.name} is not what you approved any more ({why}): your approval is void. Look "
            f"again: kubectl proposals show {now.where}",
            Exit.CHANGED,
        )


class _TimeOverError(Exception):
    """--timeout came first."""


def _still(proposal: Proposal) -> str:
    """Return what it waits for when nobody waits for it any more."""
    name, missing = proposal.name, int(proposal.count.get("missing") or 0)
    if proposal.phase in OPEN and missing:
        return f"{name} still waits for {count(missing, 'more approval')}."
    if proposal.phase in OPEN and (held := in_the_way(proposal)):
        return f"{name} still waits: {'; '.join(flat(one) for one in held)}."
    return f"{name} has not ended yet; it goes on by itself."


def _lost(decided: Proposal, said: str) -> str:
    look = f"kubectl proposals show {decided.where}"
    return f"{said}\n{decided.name} goes on by itself; look: {look}"


def progress(proposal: Proposal, console: Console) -> str:
    """Return in one line where it is, and why."""
    phase = console.paint(proposal.phase or "New", *PHASES.get(proposal.phase, ()))
    reason = f" ({proposal.reason})" if proposal.reason else ""
    return f"{proposal.name}  {phase}{reason}  {proposal.message}"


def _states(
    name: str, deadline: datetime | None, kubectl: Kubectl, console: Console
) -> Iterator[Proposal]:
    """Give each state as the API server tells it, until its watch ends."""
    # Not `get NAME --watch`: kubectl then reads, watches from the API server's cache and leaves out
    # the first event, which is news when the object has changed between the two.
    process = kubectl.stream(
        "get", PROPOSALS, f"--field-selector=metadata.name={name}",
        "--watch", "--output-watch-events", "-o", "json", own_group=True,
    )  # fmt: skip
    ended, heard = False, console.now()
    try:
        text, decoder = "", codecs.getincrementaldecoder("utf-8")()
        while not ended:
            if deadline is not None and console.now() > deadline:
                raise _TimeOverError
            piece = process.piece(LONGEST_LOOK_SECONDS)
            ended = piece == b""
            if piece is not None:
                heard = console.now()
            elif console.now() - heard > LONGEST_SILENCE:
                heard = console.now()
                # The last of such flags counts: one that was given to us.
                look = ("get", PROPOSALS, name, "-o", "json", f"--request-timeout={LONGEST_READ}")
                yield Proposal(kubectl.document(*look))
            events, text = documents(text + decoder.decode(piece or b""))
            for event in events:
                if event["type"] == "DELETED":
                    raise CliError(f"{name} was deleted.", Exit.NOT_NOW)
                if event["type"] == "ERROR":  # such as 410: the watch is begun again
                    raise KubectlError(str(event["object"].get("message")))
                if event["type"] != "BOOKMARK":
                    yield Proposal(event["object"])
    finally:
        said, code = process.end(at_once=not ended)
    if code != 0:
        raise KubectlError(said.decode(errors="replace").strip())

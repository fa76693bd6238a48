"""`kubectl approve -f FILE --as-account SA`: put the Git account's seat into a manifest.

The file keeps its comments and order: only the lines of ``spec.approvals`` are written, and
kubectl then reads the result back, which must be what was meant.
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

from assent.cli.briefing import brief
from assent.cli.console import Console
from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.kubectl import Kubectl
from assent.cli.manifest import account, scalar, to_yaml
from assent.cli.proposal import Json, Proposal, changes
from assent.cli.reading import read_with_name
from assent.cli.seats import APPROVE, Saying, refuse_approval, refuse_other_digest, seat_for
from assent.cli.sending import agree

_ONE = "{path} must hold one ActionProposal, and nothing else: split it."


def approve_file(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Show what is approved, then write the seat into the file, for a pull request.

    Raises:
        CliError: the proposal cannot be approved so, or the file is not understood; the file is
            as it was.
    """
    path = Path(chosen.filename)
    manifest = _manifest(path, kubectl)
    there = Kubectl((*kubectl.flags, f"--namespace={manifest['metadata'].get('namespace')}"))
    found, me = read_with_name(
        there if manifest["metadata"].get("namespace") else kubectl, [manifest["metadata"]["name"]]
    )
    proposal, seat_owner = found[0], account(chosen.as_account)
    refuse_other_digest(proposal, chosen.digest)
    refuse_approval(proposal, seat_owner)
    if me in proposal.authors:
        # The API server would see the account only: that is no way round the rule.
        raise CliError(
            f"{proposal.name}: you ({me}) wrote this ask: somebody else must approve it, in Git "
            "too.",
            Exit.NOT_NOW,
        )
    _same_ask(manifest, proposal)
    brief(proposal, seat_owner, console)
    agree(chosen, console, f"Write the approval of {seat_owner} into {path}?")
    comment = _comment(me, path, chosen.message)
    seat = seat_for(proposal, Saying(APPROVE, seat_owner, comment))
    _write(path, manifest, seat, kubectl)
    console.say(
        f"{console.paint('✔', 'green')} {path} holds the approval of {seat_owner}. Commit it: it "
        "counts once Git is applied, and for exactly this digest."
    )
    return 0


def _manifest(path: Path, kubectl: Kubectl) -> Json:
    """What the file says, as kubectl reads it."""
    if not path.is_file():
        raise CliError(f"There is no file {path}.", Exit.USAGE)
    try:
        found = kubectl.document(
            "create", "-f", str(path), "--dry-run=client", "--validate=false", "-o", "json"
        )
    except KubectlError as error:
        raise CliError(f"{path} cannot be read: {error}", Exit.USAGE) from error
    except ValueError as error:  # kubectl printed several documents
        raise CliError(_ONE.format(path=path), Exit.USAGE) from error
    if found.get("kind") != "ActionProposal":
        raise CliError(_ONE.format(path=path), Exit.USAGE)
    return found


def _same_ask(manifest: Json, proposal: Proposal) -> None:
    asked = manifest.get("spec") or {}
    if "action" not in asked:
        return
    differs = changes(asked, proposal.spec)
    if differs:
        path, ours, theirs = differs[0]
        raise CliError(
            f"The file asks for another {path} ({ours}) than the cluster ({theirs}). Apply the "
            "file first, and approve what was assessed then.",
            Exit.CHANGED,
        )


def _comment(me: str, path: Path, why: str | None) -> str:
    """The human and the commit that was looked at, for the record."""
    commit = _commit(path)
    said = f"{me} by Git" + (f", seen at {commit}" if commit else "")
    return f"{said}: {why}" if why else said


def _commit(path: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell
            ["git", "-C", str(path.absolute().parent), "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _write(path: Path, manifest: Json, seat: Json, kubectl: Kubectl) -> None:
    before = path.read_bytes().decode()  # with its own line ends
    if path.suffix == ".json":
        document = json.loads(before)
        document.setdefault("spec", {})["approvals"] = [seat]
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
        return
    wanted = {**(manifest.get("spec") or {}), "approvals": [seat]}
    try:
        path.write_bytes(with_approvals(before, [seat]).encode())
        understood = _manifest(path, kubectl).get("spec") == wanted
    except CliError:
        understood = False
    if not understood:
        path.write_bytes(before.encode())
        raise CliError(
            f"{path} has a form that this cannot edit; it is as it was. Put this under spec:\n"
            f"{to_yaml({'approvals': [seat]})}",
            Exit.USAGE,
        )


def with_approvals(text: str, seats: list[Json]) -> str:
    """Return the YAML text with these as ``spec.approvals``, first under ``spec``. All other lines
    stay as they are, to the byte; ours end as the line of ``spec:`` does.

    Raises:
        CliError: there is no ``spec:`` in block style.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    start = next((i for i, line in enumerate(lines) if re.match(r"^spec:\s*(#.*)?$", line)), None)
    if start is None:
        raise CliError("The file has no `spec:` with fields below it.", Exit.USAGE)
    rest = lines[start + 1 :]
    first = next((line for line in rest if line.strip() and not line.strip().startswith("#")), "")
    pad = re.match(r"^ *", first)[0] if first.startswith(" ") else "  "  # type: ignore[index]
    kept = _without(rest, f"{pad}approvals:", len(pad))
    end = "\r\n" if lines[start].endswith("\r\n") else "\n"
    block = [f"{line}{end}" for line in (f"{pad}approvals:", *_seats(seats, pad))]
    return "".join([*lines[: start + 1], *block, *kept])


def _without(lines: list[str], beginning: str, depth: int) -> list[str]:
    """The lines without the field that begins so."""
    kept, inside = [], False
    for line in lines:
        blank = not line.strip()
        deeper = len(line) - len(line.lstrip()) > depth or line[depth:].startswith("- ")
        inside = line.startswith(beginning) or (inside and (blank or deeper))
        if not inside:
            kept.append(line)
    return kept


def _seats(seats: list[Json], pad: str) -> list[str]:
    made: list[str] = []
    for seat in seats:
        made += [
            f"{pad}{'- ' if number == 0 else '  '}{name}: {scalar(value)}"
            for number, (name, value) in enumerate(seat.items())
        ]
    return made

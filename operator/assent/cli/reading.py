"""Reading proposals: by name, several at once, beside who we are."""

from __future__ import annotations

from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.kubectl import Kubectl, Running, username
from assent.cli.proposal import Proposal
from assent.cli.queries import listing, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def start_reading(kubectl: Kubectl, names: Sequence[str]) -> Running:
    """Start reading these proposals; see `read`.

    Raises:
        CliError: one is no name; kubectl would take it for something else.
    """
    for name in names:
        if "/" in name:
            said = f"{name!r} is no name of a proposal. Say NAME -n NAMESPACE."
            raise CliError(said, Exit.USAGE)
    return kubectl.start(*reading(kubectl.flags, names))


def start_listing(kubectl: Kubectl, *, everywhere: bool = False) -> Running:
    """Start reading all proposals of the namespace, or of all namespaces."""
    return kubectl.start(*listing(kubectl.flags, everywhere=everywhere))


def listed(running: Running) -> list[Proposal]:
    """Return the proposals of an answer, in its order; errors as `Running.text`."""
    document = running.document()
    if not document:
        return []
    found = document["items"] if str(document.get("kind", "")).endswith("List") else [document]
    return [Proposal(one) for one in found]


def read(kubectl: Kubectl, names: Sequence[str], running: Running | None = None) -> list[Proposal]:
    """Return the proposals of these names, in the order of the names.

    Raises:
        CliError: one does not exist; the message names those it may have been.
        KubectlError: kubectl failed.
    """
    try:
        found = {one.name: one for one in listed(running or start_reading(kubectl, names))}
    except KubectlError as error:
        if not error.is_missing:
            raise
        found = {}
    missing = [name for name in names if name not in found]
    if missing:
        known = [one.name for one in listed(start_listing(kubectl))]
        raise CliError(_unknown(missing[0], known, kubectl), Exit.NOT_NOW)
    return [found[name] for name in names]


def read_with_name(kubectl: Kubectl, names: Sequence[str]) -> tuple[list[Proposal], str]:
    """Return the proposals and who we are, read side by side; errors as `read`."""
    asking, reading = kubectl.whoami(), start_reading(kubectl, names)
    proposals = read(kubectl, names, reading)
    return proposals, username(asking)


def place(kubectl: Kubectl) -> str:
    """Return ``namespace NAME``, for what is not found there is often elsewhere; ``this
    namespace`` where kubectl has no context to tell it by.
    """
    if kubectl.namespace:
        return f"namespace {kubectl.namespace}"
    try:
        name = kubectl.text("config", "view", "--minify", "-o", "jsonpath={..namespace}")
    except KubectlError:
        return "this namespace"
    return f"namespace {name.strip() or 'default'}"


def _unknown(name: str, known: Sequence[str], kubectl: Kubectl) -> str:
    """Return the sentence for a name that nobody knows, with what was probably meant."""
    said = f"There is no proposal {name!r} in {place(kubectl)}."
    near = similar(name, known)
    if near:
        return f"{said} Did you mean {' or '.join(near)}?"
    if known:
        here = f" -n {kubectl.namespace}" if kubectl.namespace else ""
        return f"{said} `kubectl proposals{here}` lists those that there are."
    return f"{said} There are none; `kubectl proposals -A` looks in all namespaces."


def similar(name: str, known: Sequence[str]) -> list[str]:
    """Return up to three names that this one may have been meant to be, best first."""
    import difflib

    name = name.lower()
    spelled = {one.lower(): one for one in known}
    inside = [one for lower, one in spelled.items() if len(name) > 2 and name in lower]
    near = [spelled[one] for one in difflib.get_close_matches(name, spelled, n=3, cutoff=0.6)]
    return list(dict.fromkeys([*near, *inside]))[:3]

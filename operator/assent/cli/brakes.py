"""`suspend`, `resume`, `halt`, `unhalt`: stop one cluster or everything, and let it go on."""

import argparse
import json
from collections.abc import Sequence

from assent.cli.console import Console, flat
from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.kubectl import FIELD_MANAGER, Kubectl, wanted
from assent.cli.proposal import Json
from assent.cli.queries import CLUSTERS, HALTS
from assent.cli.reading import place, similar
from assent.cli.sending import agree, told


def suspend(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Stop calls on one cluster; everybody who may patch it may do that.

    Raises:
        CliError: there is no such cluster, or it is not clear which.
    """
    return _switch(chosen, kubectl, console, suspended=True)


def resume(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Let calls on one cluster go on; needs the right to configure. Errors as `suspend`."""
    return _switch(chosen, kubectl, console, suspended=False)


def _switch(
    chosen: argparse.Namespace, kubectl: Kubectl, console: Console, *, suspended: bool
) -> int:
    found = kubectl.document("get", CLUSTERS, "-o", "json")["items"]
    cluster = _one(found, chosen.name, "TiKVCluster", kubectl)
    name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
    verb = "suspend" if suspended else "resume"
    if bool(cluster["spec"].get("suspend")) is suspended:
        state = "suspended already" if suspended else "not suspended: nothing to resume"
        raise CliError(f"{name} is {state}.", Exit.NOT_NOW)
    if not suspended:
        agree(chosen, console, f"Let calls on {name} go on?")
    body = json.dumps({"spec": {"suspend": suspended}})
    printed = kubectl.text(
        "patch", CLUSTERS, name, "-n", namespace, "--type=merge",
        f"--field-manager={FIELD_MANAGER}", "-p", body, *wanted(chosen.dry_run, chosen.output),
    )  # fmt: skip
    then = (
        f"no call starts there until `kubectl proposals resume {name} -n {namespace}`"
        if suspended
        else _goes_on(kubectl)
    )
    told(chosen, console, printed, f"{name} {verb}{'d' if verb == 'resume' else 'ed'}: {then}")
    return 0


def _goes_on(kubectl: Kubectl) -> str:
    """Return what follows now; whoever may not see Halts hears that one may stand."""
    try:
        found = kubectl.document("get", HALTS, "-o", "json").get("items") or []
    except KubectlError:
        return "what is approved goes on, unless a Halt stands"
    names = ", ".join(str(one["metadata"]["name"]) for one in found)
    if not names:
        return "what is approved goes on"
    return f"nothing goes on there, for Halt {names} still stands: kubectl proposals unhalt"


def halt(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Create a Halt: no PD of this Kubernetes cluster is called while it exists."""
    agree(chosen, console, "Stop every call on every cluster?")
    body: Json = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "Halt",
        "metadata": {"name": chosen.name or f"halt-{console.now():%Y%m%d-%H%M%S}"},
        "spec": {"reason": chosen.reason, "allowRollback": chosen.allow_rollback},
    }
    printed = kubectl.text(
        "create", "-f", "-", *wanted(chosen.dry_run, chosen.output), given=json.dumps(body)
    )
    name = body["metadata"]["name"]
    undoing = "undoing may go on" if chosen.allow_rollback else "undoing included"
    told(
        chosen, console, printed,
        f"Halted ({undoing}). To go on: kubectl proposals unhalt {name}",
    )  # fmt: skip
    return 0


def unhalt(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Delete a Halt, after showing why it was made.

    Raises:
        CliError: there is none, or it is not clear which, or it was declined.
    """
    found = kubectl.document("get", HALTS, "-o", "json")["items"]
    if not found:
        raise CliError("There is no Halt; nothing is stopped by one.", Exit.NOT_NOW)
    one = _one(found, chosen.name, "Halt", kubectl)
    name = one["metadata"]["name"]
    console.say(f"{name}: {flat(one['spec']['reason'])}")
    agree(chosen, console, "Let calls go on?")
    printed = kubectl.text("delete", HALTS, name, *wanted(chosen.dry_run, chosen.output))
    left = [other["metadata"]["name"] for other in found if other["metadata"]["name"] != name]
    still = f"; still halted by {', '.join(left)}" if left else ""
    told(chosen, console, printed, f"{name} deleted{still}")
    return 0


def _one(found: Sequence[Json], name: str | None, kind: str, kubectl: Kubectl) -> Json:
    """Return the one that is named, or the only one."""
    names = [str(one["metadata"]["name"]) for one in found]
    if name in names:
        return found[names.index(name)]
    if name is None and len(found) == 1:
        return found[0]
    if not names:
        raise CliError(f"There is no {kind} in {place(kubectl)}.", Exit.NOT_NOW)
    if name is None:
        raise CliError(f"Say which {kind}: {', '.join(names)}.", Exit.USAGE)
    near = similar(name, names)
    meant = f" Did you mean {' or '.join(near)}?" if near else f" There are: {', '.join(names)}."
    raise CliError(f"There is no {kind} {name!r}.{meant}", Exit.NOT_NOW)

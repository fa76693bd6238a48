"""How the chapters act and look: kubectl as a person, PD's own view, waiting, the reader's turn."""

import json
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.demo.narrator import Narrator
from sandbox.demo.people import NAMESPACE, Person, proposal
from sandbox.library import KubectlError, Sandbox
from sandbox.toolchain import Reporter, kubectl_path
from sandbox.waiting import wait_for

OPERATOR = "assent"
PATIENCE_SECONDS = 60.0
READERS_PATIENCE_SECONDS = 3600.0
LEADERS_PER_BLOCK = 4


class StoryError(Exception):
    """PD or the API server shows something else than the story says."""


def check(fact: object, shown: object) -> None:
    """Let the story go on only where the fact holds.

    Raises:
        StoryError: it does not; the message is what is `shown` instead.
    """
    if not fact:
        raise StoryError(f"This is not how the story goes: {shown}")


class Stage:
    """One sandbox, one narrator, and whether the reader takes part (`DEMO_PAUSE=1`)."""

    def __init__(
        self, box: Sandbox, tell: Narrator, *, pause: bool, reporter: Reporter | None = None
    ) -> None:
        self.box = box
        self.tell = tell
        self._pause = pause
        self._reporter = reporter or Reporter()

    # -- kubectl --------------------------------------------------------------------------------

    def kubectl(self, *arguments: str, marked: tuple[str, ...] = ()) -> None:
        """Show a command of the administrator's and what it prints."""
        self.tell.command(_shown(arguments))
        self.tell.output(self.box.kubectl("-n", NAMESPACE, *arguments), marked=marked)

    def patch(self, person: Person, name: str, patch: str, done: Callable[[], object]) -> None:
        """Let a person patch a proposal, or the reader in their place; `done` on return."""
        arguments = _patching(name, patch)
        if self._pause:
            self.tell.say(f"Your turn as {person.name}. Run this in another terminal:")
            kubectl = "kubectl" if shutil.which("kubectl") else shlex.quote(str(kubectl_path()))
            config = shlex.quote(str(self.box.kubeconfig_for(person.name)))
            self.tell.copyable(f"KUBECONFIG={config} {_shown(arguments, kubectl)}")
            self.wait(f"your patch of {name}", done, timeout_seconds=READERS_PATIENCE_SECONDS)
            return
        self.tell.command(_shown(arguments), person=person.name)
        self.tell.output(self.box.kubectl("-n", NAMESPACE, *arguments, user=person.name))
        self.wait(f"the patch of {name}", done)

    def refuse(self, person: Person, name: str, patch: str) -> None:
        """Let a person try a patch, and show how the API server refuses it.

        Raises:
            StoryError: it did not.
        """
        arguments = _patching(name, patch)
        self.tell.command(_shown(arguments), person=person.name)
        try:
            self.box.kubectl("-n", NAMESPACE, *arguments, user=person.name)
        except KubectlError as refusal:
            self.tell.refused("Error" + str(refusal).rpartition(": Error")[2])
        else:
            raise StoryError(f"{person.name} could do it without the right.")

    def file(
        self, person: Person, name: str, action: Mapping[str, object], **ask: object
    ) -> dict[str, Any]:
        """Let a person file a proposal by hand: its status once it is Pending."""
        body = proposal(name, person, action, **ask)
        self.tell.command(f"kubectl create -f - <<EOF\n{body}EOF", person=person.name)
        self.tell.output(self.box.kubectl("create", "-f", "-", input=body, user=person.name))
        return self.await_phase(name, "Pending")

    # -- what is seen ---------------------------------------------------------------------------

    def get(self, name: str) -> dict[str, Any]:
        """The proposal as it stands."""
        return self.box.get("actionproposal", name, "-n", NAMESPACE)

    def status(self, name: str) -> dict[str, Any]:
        """Its status; empty when it has none."""
        return dict(self.get(name).get("status", {}))

    def is_decided(self, name: str) -> bool:
        """Whether a person has said yes or no to what it says now."""
        return bool(self.get(name)["spec"].get("approvals"))

    def is_watching(self) -> bool:
        """Whether the operator has read the PD of every cluster."""
        clusters = self.box.get("tikvclusters", "-n", NAMESPACE)["items"]
        return bool(clusters) and all(
            one.get("status", {}).get("state") == "Watching" for one in clusters
        )

    def found(self) -> str | None:
        """The name of a proposal that waits for approval, None while there is none."""
        for item in self.box.get("actionproposals", "-n", NAMESPACE)["items"]:
            status = item.get("status", {})
            if status.get("phase") == "Pending" and status.get("digest"):
                return str(item["metadata"]["name"])
        return None

    def await_phase(self, name: str, phase: str) -> dict[str, Any]:
        """Its status once it is in that phase (Pending: once it can be approved), and told.

        Raises:
            WaitTimeoutError: it is not in time.
        """

        def there() -> dict[str, Any] | None:
            status = self.status(name)
            ready = phase != "Pending" or status.get("digest")
            return status if status.get("phase") == phase and ready else None

        status: dict[str, Any] = self.wait(f"{name} to be {phase}", there)
        sentence = str(status["message"]).partition(" To approve: ")[0]
        self.tell.good(f"{name} is {phase} ({status['reason']}): {sentence}")
        return status

    def leaders(self) -> dict[int, int]:
        """How many leaders each store has, as PD says."""
        return self.box.pd.leader_counts()

    def show_leaders(self) -> None:
        """Show PD's own view: leaders by store, and which stores are evicted."""
        self.tell.command("curl $PD/pd/api/v1/stores                     # leaders by store")
        for store, leaders in sorted(self.leaders().items()):
            self.tell.output(f"store {store}  {leaders:4d}  {'▇' * (leaders // LEADERS_PER_BLOCK)}")
        self.tell.command("curl $PD/pd/api/v1/schedulers")
        self.tell.output(
            json.dumps(sorted(self.box.pd.schedulers()), indent=2), marked=('"evict-l',)
        )

    def calls(self) -> list[str]:
        """What the operator asked PD to change so far, out of the journal in front of PD."""
        lines = self.box.pd_writes(caller=OPERATOR)
        return [f"{line.method} {line.path} {line.body or ''}".rstrip() for line in lines]

    def wait(
        self,
        what: str,
        probe: Callable[[], Any],
        *,
        timeout_seconds: float = PATIENCE_SECONDS,
    ) -> Any:
        """The first true value of `probe`; progress is shown when it takes long.

        Raises:
            WaitTimeoutError: none came in time.
        """
        with self._reporter.step(f"waiting for {what}") as step:

            def ticking() -> Any:
                step.tick()
                return probe()

            return wait_for(ticking, timeout_seconds=timeout_seconds, what=what)

    def time(self, what: str, probe: Callable[[], Any]) -> float:
        """How many seconds `wait` took."""
        started = time.monotonic()
        self.wait(what, probe)
        return time.monotonic() - started


def _patching(name: str, patch: str) -> tuple[str, ...]:
    return ("patch", "actionproposal", name, "--type=merge", "-p", patch)


def _shown(arguments: tuple[str, ...], kubectl: str = "kubectl") -> str:
    return " ".join([kubectl, "-n", NAMESPACE, *map(shlex.quote, arguments)])

"""The user's own kubectl: whatever reaches the API server goes through it, with its flags."""

from __future__ import annotations

from assent.cli import ahead
from assent.cli.decode import decoded_object, encoded
from assent.cli.door import Door, Request, request_of, warn
from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.process import Piped, Process
from assent.cli.proposal import Json
from assent.cli.queries import WHOAMI, namespace_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIELD_MANAGER = "approver"
"""Not ``kubectl``: Flux takes back fields of managers whose name begins so."""


WARNING = "Warning: "
LONGEST_PROXY_WORDS = 200
"""Characters of an error that is no Status, such as an HTML page."""


class Running:
    """A kubectl that was started; several run side by side."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def text(self) -> str:
        """Return what it printed, once it has ended.

        Raises:
            KubectlError: it failed; the message is its stderr. Whether something was written then
                is for the API server to know: read again.
        """
        out, err, code = self._process.finish()
        if code != 0:
            said = err.decode(errors="replace").strip()
            raise KubectlError(said or f"kubectl ended with {code}")
        for line in err.decode(errors="replace").splitlines():
            if line.startswith(WARNING):
                warn(line.removeprefix(WARNING))
        return out.decode()

    def document(self) -> Json:
        """Return the JSON object it printed; empty when it printed nothing.

        Raises:
            KubectlError: as for `text`.
        """
        return decoded_object(self.text())


class Handed(Running):
    """The same question, asked by the shell before us; again by us where that came to nothing."""

    def __init__(self, piped: Piped, instead: Callable[[], Running]) -> None:
        self._piped = piped
        self._instead = instead

    def text(self) -> str:
        """Return the answer; errors as `Running.text`."""
        out, _, _ = self._piped.finish()
        text = out.decode(errors="replace")
        # Whole only with its end: nobody told how that kubectl ended.
        return text if text.rstrip().endswith("}") else self._instead().text()


class Asking(Running):
    """The same question through an open door; a kubectl of its own where that says nothing."""

    def __init__(self, door: Door, request: Request, instead: Callable[[], Running]) -> None:
        self._door = door
        self._request = request
        self._instead = instead

    def text(self) -> str:
        """Return the answer; errors as `Running.text`."""
        code, said, what = 0, "", "there was no whole answer"
        try:
            code, said = self._door.ask(self._request)
            status = decoded_object(said)
        except OSError as error:
            what = str(error)
        except ValueError:  # not the API server's: of a proxy before it
            what = f"{code} {' '.join(said.split())[:LONGEST_PROXY_WORDS]}".strip()
        else:
            if code < 400:
                return said
            reason = status.get("reason") or code
            raise KubectlError(f"Error from server ({reason}): {status.get('message')}")
        if self._request.method != "PATCH":
            return self._instead().text()
        raise KubectlError(
            f"No answer of the API server: {what}. Whether it was stored is not known; look: "
            "kubectl proposals"
        )


class Kubectl:
    """kubectl with the connection flags that this command was given."""

    def __init__(self, flags: Sequence[str] = ()) -> None:
        self.flags = tuple(flags)

    @property
    def namespace(self) -> str:
        """The namespace that was named; empty when it is the context's, which kubectl knows."""
        return namespace_of(self.flags)

    def start(self, *arguments: str, given: str | None = None) -> Running:
        """Start it; ``given`` goes to its stdin.

        Raises:
            CliError: there is no kubectl; nothing was started.
        """
        if given is None and (request := request_of(arguments)) is not None:
            door = ahead.door(self.flags)
            if door is not None:
                return Asking(door, request, lambda: Running(self.stream(*arguments)))
        begun = ahead.take((*arguments, *self.flags)) if given is None else None
        if isinstance(begun, Piped):
            return Handed(begun, lambda: Running(self.stream(*arguments)))
        return Running(begun or self.stream(*arguments, given=given))

    def stream(self, *arguments: str, given: str | None = None, own_group: bool = False) -> Process:
        """Start it to be read while it runs; whoever reads ends it. Errors as `start`."""
        sent = None if given is None else given.encode()
        try:
            return Process("kubectl", (*arguments, *self.flags), given=sent, own_group=own_group)
        except FileNotFoundError as error:
            raise CliError("kubectl is not in PATH: install it.", Exit.REFUSED) from error
        except OSError as error:  # no right to run it, no program, a line that is too long
            raise CliError(f"kubectl cannot be started: {error.strerror}.") from error

    def text(self, *arguments: str, given: str | None = None) -> str:
        """Return what it prints; errors as `Running.text`."""
        return self.start(*arguments, given=given).text()

    def document(self, *arguments: str, given: str | None = None) -> Json:
        """Return the JSON object it prints; errors as `Running.text`."""
        return self.start(*arguments, given=given).document()

    def whoami(self) -> Running:
        """Start the question who the API server takes us for; see `username`."""
        return self.start(*WHOAMI)


def username(review: Running) -> str:
    """Return the user name of a SelfSubjectReview; errors as `Running.text`."""
    return str(review.document()["status"]["userInfo"]["username"])


def merge_patch(
    kubectl: Kubectl, kind: str, found: Json, spec: Json, *more: str, as_read: bool = True
) -> str:
    """Merge into the spec of an object; return what kubectl prints.

    With ``as_read`` only if the object still is as it was read.

    Raises:
        KubectlError: ``is_conflict`` when it has changed since; nothing was written then.
    """
    meta = found["metadata"]
    body: Json = {"spec": spec}
    if as_read:
        body["metadata"] = {"resourceVersion": meta["resourceVersion"]}
    where = ("-n", meta["namespace"]) if "namespace" in meta else ()
    return kubectl.text(
        "patch", kind, meta["name"], *where, "--type=merge", f"--field-manager={FIELD_MANAGER}",
        "-p", encoded(body), *more,
    )  # fmt: skip


def wanted(dry_run: str, output: str | None) -> list[str]:
    """Return kubectl's flags for what our --dry-run and -o say."""
    return [
        *(["--dry-run=server"] if dry_run == "server" else []),
        *(["-o", output] if output else []),
    ]


def documents(text: str) -> tuple[list[Json], str]:
    """Return the whole JSON objects at the beginning of the text, and what is left of it."""
    import json

    decoder, found = json.JSONDecoder(), list[Json]()
    while text := text.lstrip():
        try:
            document, end = decoder.raw_decode(text)
        except json.JSONDecodeError:
            break
        found.append(document)
        text = text[end:]
    return found, text

"""The user's own kubectl: whatever reaches the API server goes through it, with its flags."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from assent.cli.failures import CliError, Exit, KubectlError

PROPOSALS = "actionproposals.assent.tikv.org"
CLUSTERS = "tikvclusters.assent.tikv.org"
HALTS = "halts.assent.tikv.org"
FIELD_MANAGER = "approver"
"""Not ``kubectl``: Flux takes back fields of managers whose name begins so."""

NO_KUBECTL = "kubectl is not in PATH: install it, or name it in KUBECTL."


class Running:
    """A kubectl that was started; several run side by side."""

    def __init__(self, process: "subprocess.Popen[bytes]", given: str | None) -> None:
        self._process = process
        self._given = given

    def text(self) -> str:
        """Return what it printed, once it has ended.

        Raises:
            KubectlError: it failed; the message is its stderr. Whether something was written then
                is for the API server to know: read again.
        """
        given = None if self._given is None else self._given.encode()
        out, err = self._process.communicate(given)
        if self._process.returncode != 0:
            said = err.decode(errors="replace").strip()
            raise KubectlError(said or f"kubectl ended with {self._process.returncode}")
        return out.decode()

    def document(self) -> dict[str, Any]:
        """Return the JSON object it printed; empty when it printed nothing.

        Raises:
            KubectlError: as for `text`.
        """
        text = self.text()
        return dict(json.loads(text)) if text.strip() else {}


class Kubectl:
    """kubectl with the connection flags that this command was given."""

    def __init__(self, flags: Sequence[str] = ()) -> None:
        self.flags = tuple(flags)
        self._program = os.environ.get("KUBECTL", "kubectl")

    def start(self, *arguments: str, given: str | None = None) -> Running:
        """Start it; ``given`` goes to its stdin.

        Raises:
            CliError: there is no kubectl; nothing was started.
        """
        return Running(self._popen(arguments, reads=given is not None), given)

    def text(self, *arguments: str, given: str | None = None) -> str:
        """Return what it prints; errors as `Running.text`."""
        return self.start(*arguments, given=given).text()

    def document(self, *arguments: str, given: str | None = None) -> dict[str, Any]:
        """Return the JSON object it prints; errors as `Running.text`."""
        return self.start(*arguments, given=given).document()

    def whoami(self) -> Running:
        """Start the question who the API server takes us for; see `username`."""
        return self.start("auth", "whoami", "-o", "json")

    def stream(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start it to be read while it runs; whoever reads ends it."""
        return self._popen(arguments, reads=False)

    def _popen(self, arguments: Sequence[str], *, reads: bool) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(  # noqa: S603 - a list, no shell
                [self._program, *arguments, *self.flags],
                stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise CliError(NO_KUBECTL, Exit.REFUSED) from error


def username(review: Running) -> str:
    """Return the user name of a SelfSubjectReview; errors as `Running.text`."""
    return str(review.document()["status"]["userInfo"]["username"])


def merge_patch(
    kubectl: Kubectl,
    kind: str,
    found: dict[str, Any],
    spec: dict[str, Any],
    *more: str,
    as_read: bool = True,
) -> str:
    """Merge into the spec of an object; return what kubectl prints.

    With ``as_read`` only if the object still is as it was read.

    Raises:
        KubectlError: ``is_conflict`` when it has changed since; nothing was written then.
    """
    meta = found["metadata"]
    body: dict[str, Any] = {"spec": spec}
    if as_read:
        body["metadata"] = {"resourceVersion": meta["resourceVersion"]}
    where = ("-n", meta["namespace"]) if "namespace" in meta else ()
    return kubectl.text(
        "patch", kind, meta["name"], *where, "--type=merge", f"--field-manager={FIELD_MANAGER}",
        "-p", json.dumps(body, ensure_ascii=False), *more,
    )  # fmt: skip


def documents(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the whole JSON objects at the beginning of the text, and what is left of it."""
    decoder, found = json.JSONDecoder(), list[dict[str, Any]]()
    while text := text.lstrip():
        try:
            document, end = decoder.raw_decode(text)
        except json.JSONDecodeError:
            break
        found.append(document)
        text = text[end:]
    return found, text

"""One kubectl for several questions: what goes through, what does not, and what is left behind."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assent.cli import ahead
from assent.cli.decision_command import approve
from assent.cli.decode import decoded, decoded_object
from assent.cli.door import PATHS, Door, Request, request_of
from assent.cli.failures import Exit, KubectlError
from assent.cli.kubectl import Kubectl, merge_patch, username
from assent.cli.queries import PROPOSALS, WHOAMI, reading
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"
FLAGS = ("--namespace=tikv",)
PATH = f"/apis/assent.tikv.org/v1alpha1/namespaces/tikv/actionproposals/{NAME}"

PROXY = """\
#!{python}
# As `kubectl proxy --unix-socket`: one answer a request, in order, from $FAKE/door/<n>.json;
# what was asked is kept beside it. Any other kubectl is the desk's.
import json, os, socket, sys
path = next(one for one in sys.argv if one.startswith("--unix-socket=")).partition("=")[2]
folder = os.environ["FAKE"] + "/door"
with open(folder + "/arguments", "w") as file:
    file.write("\\n".join(sys.argv[1:]))
if os.path.exists(folder + "/broken"):
    sys.exit("error: unknown flag: --unix-socket")
listening = socket.socket(socket.AF_UNIX)
listening.bind(path)
listening.listen()
print("Starting to serve on", path, flush=True)
number = 0
while True:
    line, _ = listening.accept()
    asked = b""
    while b"\\r\\n\\r\\n" not in asked:
        asked += line.recv(65536)
    head, _, body = asked.partition(b"\\r\\n\\r\\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\\r\\n")[0])
    while len(body) < length:
        body += line.recv(65536)
    number += 1
    with open(folder + "/asked.%d" % number, "wb") as file:
        file.write(head + b"\\n\\n" + body)
    with open(folder + "/%d.json" % number) as file:
        answer = json.load(file)
    if answer["code"]:
        said = answer["body"].encode()
        head = b"HTTP/1.0 %d X\\r\\nContent-Length: %d" % (answer["code"], len(said))
        head += b"".join(b"\\r\\nWarning: 299 - " + one.encode() for one in answer["warns"])
        line.sendall(head + b"\\r\\n\\r\\n")
        for start in range(0, len(said), 1000):
            line.sendall(said[start:start + 1000])
    line.close()
"""


class Doorkeeper:
    """The desk's kubectl, which can be a proxy as well."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.folder = desk.folder / "door"
        self.folder.mkdir()
        self.sockets = desk.folder / "s"
        self.sockets.mkdir()
        desk.program(PROXY.format(python=sys.executable))
        desk.real = ("proxy",)

    def answers(self, code: int, body: object, *warns: str) -> None:
        """Queue an answer; code 0 ends the connection without one."""
        number = len(list(self.folder.glob("*.json"))) + 1
        text = body if isinstance(body, str) else json.dumps(body)
        (self.folder / f"{number}.json").write_text(
            json.dumps({"code": code, "body": text, "warns": warns})
        )

    def knows(self, person: str) -> None:
        """The answer to who we are."""
        self.answers(201, {"status": {"userInfo": {"username": person}}})

    def asked(self, number: int) -> tuple[str, str]:
        """The first line and the body of a request."""
        text = (self.folder / f"asked.{number}").read_text()
        head, _, body = text.partition("\n\n")
        return head.splitlines()[0].strip(), body

    def left(self) -> list[Path]:
        """What is left in the folder for sockets."""
        return list(self.sockets.iterdir())


@pytest.fixture
def keeper(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doorkeeper]:
    """A door can be opened; whatever a test left open is closed."""
    made = Doorkeeper(desk)
    monkeypatch.setenv("TMPDIR", str(made.sockets))
    yield made
    ahead.leave()
    assert made.left() == []


LINES: list[tuple[tuple[str, ...], tuple[str, str, str] | None]] = [
    (WHOAMI, ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "SelfSubjectReview")),
    (("get", "--raw", PATH), ("GET", PATH, "")),
    (reading(FLAGS, [NAME]), ("GET", PATH, "")),
    (reading(FLAGS, [NAME, "other"]), None),
    (reading((), [NAME]), None),
    (("get", "namespaces", "-o", "json"), None),
    (("patch", PROPOSALS, NAME, "-n", "tikv", "--type=merge", "--field-manager=m", "-p", "{}"),
     ("PATCH", f"{PATH}?fieldManager=m", "{}")),
    (("patch", PROPOSALS, NAME, "-n", "tikv", "--type=merge", "--field-manager=m", "-p", "{}",
      "--dry-run=server"), ("PATCH", f"{PATH}?fieldManager=m&dryRun=All", "{}")),
    (("patch", PROPOSALS, NAME, "-n", "tikv", "--type=merge", "--field-manager=m", "-p", "{}",
      "-o", "yaml"), None),
    (("patch", PROPOSALS, NAME, "--type=merge", "-p", "{}"), None),
    (("delete", PROPOSALS, NAME), None),
    (("create", "-f", "-"), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "wanted"), LINES, ids=[" ".join(one[0])[:60] for one in LINES]
)
def test_what_is_one_plain_request_goes_through(
    arguments: tuple[str, ...], wanted: tuple[str, str, str] | None
) -> None:
    """Anything else is kubectl's own affair."""
    found = request_of(arguments)
    if wanted is None:
        assert found is None
    else:
        assert found is not None
        assert (found.method, found.path) == wanted[:2]
        assert wanted[2] in found.body


def test_an_approval_takes_one_kubectl(keeper: Doorkeeper) -> None:
    """Who we are, the proposal, the seat: three requests, and what is sent is what was shown."""
    found = recorded("pending-high")
    keeper.answers(200, found)
    keeper.knows("alice")
    keeper.answers(200, found)
    arguments = [NAME, "-n", "tikv", "-m", "ok"]
    ahead.decision(arguments)
    done = keeper.desk.runs(approve, *arguments)
    assert done.code == 0, done.err
    assert keeper.desk.calls("auth") + keeper.desk.calls("get") + keeper.desk.calls("patch") == []
    assert keeper.asked(1)[0] == f"GET {PATH} HTTP/1.0"
    line, body = keeper.asked(3)
    assert line == f"PATCH {PATH}?fieldManager=approver HTTP/1.0"
    sent = json.loads(body)
    assert sent["spec"]["approvals"][0]["digest"] == found["status"]["digest"]
    assert sent["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


def test_what_a_policy_warns_of_is_passed_on(
    keeper: Doorkeeper, capsys: pytest.CaptureFixture[str]
) -> None:
    """A policy of the cluster's own may warn instead of refusing; kubectl patch would show it."""
    found = recorded("pending-high")
    keeper.answers(200, found)
    keeper.knows("alice")
    keeper.answers(200, found, '"a \\"freeze\\" until Monday"', '"and\x1b[2J more"')
    ahead.decision([NAME, "-n", "tikv"])
    assert keeper.desk.runs(approve, NAME, "-n", "tikv").code == 0
    said = capsys.readouterr().err
    assert said == 'Warning: a "freeze" until Monday\nWarning: and\\x1b[2J more\n'


def test_what_kubectl_warns_of_is_passed_on(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else of what it says beside an answer, such as how somebody logged in."""
    desk.has(recorded("pending-high"))
    desk.is_told("patch", "patched", err="logged in by sso\nWarning: a freeze until Monday\n")
    assert desk.runs(approve, NAME).code == 0
    assert capsys.readouterr().err == "Warning: a freeze until Monday\n"


def test_only_this_user_can_reach_it_and_only_for_our_paths(keeper: Doorkeeper) -> None:
    """A folder of mode 0700, a filter on paths, and the flags of the command."""
    door = Door(("--namespace=tikv", "--as=bob"))
    door.start()
    assert door.opens()
    (folder,) = keeper.left()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    arguments = (keeper.folder / "arguments").read_text().splitlines()
    assert f"--accept-paths={PATHS}" in arguments
    assert arguments[-2:] == ["--namespace=tikv", "--as=bob"]
    door.close()


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        (PATH, True),
        ("/apis/assent.tikv.org/v1alpha1/halts", True),
        ("/apis/authentication.k8s.io/v1/selfsubjectreviews", True),
        ("/api/v1/namespaces/kube-system/secrets", False),
        ("/apis/authentication.k8s.io/v1/tokenreviews", False),
        ("/api/v1/secrets?x=/apis/assent.tikv.org/v1alpha1/", False),
    ],
)
def test_the_filter_lets_through_what_is_ours(path: str, *, passes: bool) -> None:
    """Kubectl matches it against the path, as Go's regexp does."""
    import re

    assert bool(re.search(PATHS, path)) is passes


def begun(keeper: Doorkeeper) -> Kubectl:
    ahead.decision([NAME, *("-n", "tikv")])
    return Kubectl(FLAGS)


ERRORS: list[tuple[str, str, str]] = [
    (
        "Forbidden",
        'actionproposals "x" is forbidden: User "u" cannot get resource',
        "assent-viewer",
    ),
    ("NotFound", 'actionproposals.assent.tikv.org "x" not found', ""),
    ("Conflict", "the object has been modified", ""),
    ("Invalid", "user u may not approve Medium-risk SetStoreLimit", ""),
    ("NotFound", "the server could not find the requested resource", "not installed"),
]


@pytest.mark.parametrize(("reason", "message", "hint"), ERRORS)
def test_a_refusal_reads_as_kubectls(
    keeper: Doorkeeper, reason: str, message: str, hint: str
) -> None:
    """The same words, so that what follows from them is the same."""
    keeper.answers(403, {"kind": "Status", "reason": reason, "message": message})
    kubectl = begun(keeper)
    with pytest.raises(KubectlError) as refused:
        kubectl.text("get", "--raw", PATH)
    assert str(refused.value).startswith(f"Error from server ({reason}): {message}")
    assert hint in str(refused.value)


BROKEN: list[tuple[int, object]] = [(0, ""), (502, "dial tcp: connection refused"), (200, '{"a":')]


@pytest.mark.parametrize(("code", "body"), BROKEN, ids=["no answer", "no API server", "half"])
def test_a_read_that_fails_is_asked_by_a_kubectl_of_its_own(
    keeper: Doorkeeper, code: int, body: object
) -> None:
    """Which says in its own words what is wrong, or gets through."""
    keeper.answers(code, body)
    keeper.desk.has(recorded("pending-high"))
    kubectl = begun(keeper)
    assert kubectl.document("get", "--raw", PATH)["metadata"]["name"] == NAME
    assert len(keeper.desk.calls("get")) == 1


@pytest.mark.parametrize(("code", "body"), BROKEN, ids=["no answer", "no API server", "half"])
def test_a_write_that_fails_so_is_never_sent_again(
    keeper: Doorkeeper, code: int, body: object
) -> None:
    """Nobody knows whether it was stored: a person looks."""
    keeper.answers(code, body)
    kubectl = begun(keeper)
    with pytest.raises(KubectlError, match="Whether it was stored is not known; look"):
        merge_patch(kubectl, PROPOSALS, recorded("pending-high"), {"approvals": []})
    assert keeper.desk.calls("patch") == []


def test_a_large_answer_arrives_whole(keeper: Doorkeeper) -> None:
    """In many pieces."""
    keeper.answers(200, {"text": "x" * 500_000})
    assert len(begun(keeper).document("get", "--raw", PATH)["text"]) == 500_000


def test_a_kubectl_that_cannot_be_a_proxy_is_used_as_ever(keeper: Doorkeeper) -> None:
    """An old one, or one that is forbidden to listen."""
    (keeper.folder / "broken").touch()
    keeper.desk.has(recorded("pending-high"))
    kubectl = begun(keeper)
    assert username(kubectl.whoami()) == "alice"
    assert kubectl.document("get", "--raw", PATH)["metadata"]["name"] == NAME


def test_no_place_for_a_socket_is_no_obstacle(
    keeper: Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only machine: each question has a kubectl of its own, begun at once."""
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    keeper.desk.has(recorded("pending-high"))
    kubectl = begun(keeper)
    assert username(kubectl.whoami()) == "alice"
    assert len(keeper.desk.calls("auth")) == 1


def test_other_flags_have_no_use_of_it(keeper: Doorkeeper) -> None:
    """It asks as somebody, somewhere: exactly with the flags of its own line."""
    begun(keeper)
    assert username(Kubectl((*FLAGS, "--as=bob")).whoami()) == "alice"
    assert len(keeper.desk.calls("auth")) == 1


def test_it_is_closed_before_anything_that_lasts(keeper: Doorkeeper) -> None:
    """A person who thinks, or a wait: nothing of ours listens meanwhile."""
    keeper.answers(200, recorded("pending-high"))
    keeper.knows("alice")
    keeper.desk.is_told("patch", "patched")
    arguments = [NAME, "-n", "tikv"]
    ahead.decision(arguments)
    left: list[list[Path]] = []

    def closing() -> None:
        ahead.close_doors()
        left.append(keeper.left())

    keeper.desk.before_waiting = closing
    done = keeper.desk.runs(approve, *arguments, types="y\n")
    assert done.code == Exit.OK, done.err
    assert left == [[]]
    assert len(keeper.desk.calls("patch")) == 1, "the answer is sent by a kubectl of its own"


def test_a_door_that_was_never_opened_can_be_closed(keeper: Doorkeeper) -> None:
    """An interrupt may come before there is anything."""
    Door(FLAGS).close()
    assert keeper.left() == []


def test_a_request_that_is_no_request_is_refused(keeper: Doorkeeper) -> None:
    """An answer without a head is none."""
    keeper.answers(0, "")
    door = Door(FLAGS)
    door.start()
    assert door.opens()
    with pytest.raises(OSError, match="no answer"):
        door.ask(Request("GET", PATH))
    door.close()


VALUES: list[Any] = [
    {}, {"a": 1, "b": [True, False, None]}, {"x": -1.5e3, "y": 12345678901234567890},
    {"text": "é \u2028 \" \\ \n \x1b"}, {"deep": [[[[{}]]]]},
    {"items": [{"n": number} for number in range(99)]},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=[str(one)[:30] for one in VALUES])
def test_json_is_read_as_the_json_module_reads_it(value: Any) -> None:
    """Without loading it."""
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2) + "\n"):
        assert decoded(text) == json.loads(text)
        assert decoded_object(f"\n  {text}") == value


@pytest.mark.parametrize("text", ["{", '{"a"', "x", '{"a":1} {}', "[1,]", '{"a":\x01}'])
def test_what_is_not_json_is_an_error(text: str) -> None:
    """Not half an object."""
    with pytest.raises(ValueError, match=r"JSON|Expecting|Invalid|Illegal|delimiter"):
        decoded(text)


def test_nothing_at_all_is_an_empty_object() -> None:
    """Kubectl prints nothing for a list of names of which there are none."""
    assert decoded_object("") == decoded_object(" \n") == {}


def test_what_the_shell_asked_is_used_once_and_only_for_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list was begun before Python: its answer is our stdin."""
    asked = "get --raw /apis/assent.tikv.org/v1alpha1/namespaces/tikv/actionproposals"
    monkeypatch.setenv(ahead.ASKED, f"{asked} --namespace=tikv")
    read, write = os.pipe()
    os.write(write, json.dumps(recorded("pending-high")).encode())
    os.close(write)
    kept = os.dup(0)
    os.dup2(read, 0)
    try:
        ahead.look(["-n", "tikv"])
        assert ahead.ASKED not in os.environ, "no kubectl of ours is to inherit it"
        found = Kubectl(FLAGS).document(*asked.split())
    finally:
        os.dup2(kept, 0)
        os.close(read)
        os.close(kept)
        ahead.leave()
    assert found["metadata"]["name"] == NAME
    assert desk.calls("get") == []


@pytest.mark.parametrize("piped", ["", '{"items": [', "error"], ids=["nothing", "half", "words"])
def test_what_the_shell_got_only_half_is_asked_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, piped: str
) -> None:
    """Nobody tells how that kubectl ended, and its words went nowhere."""
    asked = "get --raw /apis/assent.tikv.org/v1alpha1/namespaces/tikv/actionproposals"
    monkeypatch.setenv(ahead.ASKED, f"{asked} --namespace=tikv")
    desk.is_told("get", err="Error from server (Forbidden): no", code=1)
    read, write = os.pipe()
    os.write(write, piped.encode())
    os.close(write)
    kept = os.dup(0)
    os.dup2(read, 0)
    try:
        ahead.look(["-n", "tikv"])
        with pytest.raises(KubectlError, match="Forbidden"):
            Kubectl(FLAGS).text(*asked.split())
    finally:
        os.dup2(kept, 0)
        os.close(read)
        os.close(kept)
        ahead.leave()

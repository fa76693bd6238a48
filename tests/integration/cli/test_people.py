"""What people do with the plugins on the real API server: in a hurry, in doubt, without them."""

import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from assent.cli.failures import Exit, KubectlError
from assent.cli.queries import CLUSTERS, HALTS
from assent.core.lifecycle.messages import YOU
from tests.integration.cli.conftest import Hands
from tests.integration.cli.test_plugins import file_one
from tests.integration.operator.scene import FORMER_LIMIT, Scene, set_limit

pytestmark = pytest.mark.contract

FLUX = "kustomize-controller"
HIGH = FORMER_LIMIT * 20


def copied_line(message: str) -> list[str]:
    """The kubectl line in a status message, as a shell would read it."""
    (line,) = re.findall(r"kubectl .*", message)
    words = shlex.split(line)
    assert words[0] == "kubectl"
    return words[1:]


def seats(scene: Scene, name: str = "limit") -> list[str]:
    return [one["by"] for one in scene.get(name)["spec"].get("approvals", [])]


def test_one_person_breaks_the_glass_and_everybody_is_told(scene: Scene, hands: Hands) -> None:
    """Needs the verb, the target typed, and a reason; it stands in for people, and is shown."""
    scene.bind("gwen", "assent-approver-high", "assent-glass-breaker")
    scene.await_right("gwen", "break-glass", "high")
    file_one(scene, rate=HIGH)
    line = [*hands.here("approve limit"), "--break-glass", "PD is falling, all are asleep"]
    untyped = hands.type(line, user="gwen")
    assert untyped.code == Exit.DECLINED
    assert "type its target" in untyped.err
    refused = hands.type([*line, "--confirm", "store/2"], user="alice")
    assert refused.code == Exit.REFUSED
    assert "may not break the glass" in refused.err
    assert "assent-glass-breaker" in refused.err
    assert seats(scene) == []

    done = hands.type([*line, "--confirm", "store/2", "--wait", "--timeout", "90s"], user="gwen")

    assert done.code == Exit.OK, done.all
    assert "BREAKING THE GLASS" in done.out
    assert "You (gwen) stand in for 1 missing approval: PD is falling" in done.out
    assert scene.box.pd.get("/stores/limit")["2"]["add-peer"] == HIGH
    shown = hands.does(hands.here("proposals show limit"), user="alice")
    assert "gwen approved, breaking the glass: PD is falling, all are asleep" in shown
    assert "gwen stands in for 1 missing approval" in shown


def test_the_glass_is_left_alone_where_nobody_is_missing(scene: Scene, hands: Hands) -> None:
    """Medium needs one approval by default: the usual way is enough."""
    file_one(scene)
    line = [
        *hands.here("approve limit"),
        "--break-glass",
        "just to be sure",
        "--confirm",
        "store/2",
    ]
    done = hands.type(line, user="alice")
    assert done.code == Exit.NOT_NOW
    assert "approve it without --break-glass" in done.err


def test_an_approval_is_withdrawn_until_the_claim(scene: Scene, hands: Hands) -> None:
    """One's own, with the seats of others kept; afterwards the answer names what still works."""
    file_one(scene, rate=HIGH)
    hands.does(hands.here("approve limit"), user="alice")
    nothing = hands.type(hands.here("proposals withdraw limit"), user="bert")
    assert nothing.code == Exit.NOT_NOW
    assert "you (bert) have said nothing there" in nothing.err
    told = hands.does(hands.here("proposals withdraw limit"), user="alice")
    assert "alice has withdrawn" in told
    assert seats(scene) == []
    hands.does(hands.here("approve limit"), user="alice")
    hands.does(hands.here("approve limit"), user="bert")
    scene.await_phase("limit", "Succeeded")
    late = hands.type(hands.here("proposals withdraw limit"), user="alice")
    assert late.code == Exit.NOT_NOW
    assert f"kubectl proposals revert limit -n {scene.namespace}" in late.err
    assert seats(scene) == ["alice", "bert"]


def test_a_modified_ask_is_shown_beside_the_one_that_was_filed(scene: Scene, hands: Hands) -> None:
    """Whoever approves sees what an editor made of it, and none of its authors may."""
    file_one(scene)
    hands.does(hands.here("proposals modify limit ratePerMinute=45"), user="alice")
    scene.box.wait_for(
        lambda: scene.status("limit").get("revision") == 2, 30, "the second revision"
    )
    shown = hands.does(hands.here("proposals show limit"), user="bert")
    assert "Changed since sam filed it, last by alice" in shown
    assert "- action.setStoreLimit.ratePerMinute: 30" in shown
    assert "+ action.setStoreLimit.ratePerMinute: 45" in shown
    own = hands.type(hands.here("approve limit"), user="alice")
    assert (own.code, "wrote this ask" in own.err) == (Exit.NOT_NOW, True)
    hands.does(hands.here("approve limit --wait --timeout 90s"), user="bert")
    assert [call.json()["rate"] for call in scene.calls()] == [45]


def test_the_line_in_the_message_is_enough_for_both_approvers(scene: Scene, hands: Hands) -> None:
    """No plugin is needed: a merge patch replaces the list, so the second line repeats the first
    seat; by a manager of its own, it leaves what Flux owns to Flux.
    """
    manifest = (
        '{"apiVersion":"assent.tikv.org/v1alpha1","kind":"ActionProposal","metadata":{"name":'
        f'"limit","namespace":"{scene.namespace}","labels":'
        '{"kustomize.toolkit.fluxcd.io/name":"assent"}},"spec":{"clusterRef":{"name":"prod"},'
        '"proposedBy":"sam","action":{"type":"SetStoreLimit","setStoreLimit":{"storeId":2,'
        f'"kind":"AddPeer","ratePerMinute":{HIGH}}}}}}}}}'
    )
    apply = ["apply", "--server-side", f"--field-manager={FLUX}", "-f", "-"]
    applied = hands.type(apply, user="sam", given=manifest)
    assert applied.code == 0, applied.all
    scene.await_phase("limit", "Pending")
    for person, given in (("alice", "0/2"), ("bert", "1/2")):
        scene.await_summary("limit", given)
        words = copied_line(scene.status("limit")["message"])
        assert "--field-manager=approver" in words
        hands.does([word.replace(YOU, person) for word in words], user=person)
    scene.await_phase("limit", "Succeeded")
    assert seats(scene) == ["alice", "bert"]
    again = hands.type(apply, user="sam", given=manifest)
    assert again.code == 0, again.all
    assert seats(scene) == ["alice", "bert"], "what Flux applies again takes no seat away"


def test_names_may_be_those_that_kubectl_prints(scene: Scene, hands: Hands) -> None:
    """`kubectl get -o name | xargs kubectl approve`."""
    file_one(scene)
    names = hands.does(hands.here("proposals -o name"), user="alice").split()
    assert names == ["actionproposal.assent.tikv.org/limit"]
    done = hands.type([*hands.here("approve"), *names, "-o", "name"], user="alice")
    assert (done.code, done.out.strip()) == (0, names[0]), done.all


def test_several_are_decided_though_one_cannot_be(scene: Scene, hands: Hands) -> None:
    """What could be is a List, as of `kubectl get`."""
    file_one(scene, "first", store=2)
    file_one(scene, "second", store=3)
    hands.does([*hands.here("reject first"), "-m", "not this one"], user="bert")
    scene.file("third", set_limit(4, 30))
    scene.await_phase("third", "Pending")
    done = hands.type(
        [*hands.here("approve first second third"), "-o", "yaml", "--dry-run=server"], user="alice"
    )
    assert done.code == Exit.NOT_NOW
    assert "first" in done.err
    read = yaml.safe_load(done.out)
    assert read["kind"] == "List"
    assert [one["metadata"]["name"] for one in read["items"]] == ["second", "third"]


def test_without_rights_it_says_which_role_helps(scene: Scene, hands: Hands) -> None:
    """Nobody in this namespace yet; the API server's own words come first."""
    file_one(scene)
    for line in ("proposals", "proposals show limit", "approve limit"):
        done = hands.type(hands.here(line), user="nobody")
        assert done.code == Exit.REFUSED
        assert "nobody" in done.err
        assert "forbidden" in done.err
        assert "assent-viewer" in done.err


def test_nothing_is_left_behind(scene: Scene, hands: Hands, tmp_path: Path) -> None:
    """Neither a socket nor a kubectl, whatever ends the command: done, refused, or by a signal."""
    file_one(scene)
    doors = tmp_path / "doors"
    doors.mkdir()
    environment = {**hands.environment("alice"), "TMPDIR": str(doors)}
    plugin = str(hands.folder / "kubectl-approve")
    words = [plugin, *hands.here("limit --dry-run=server")]
    done = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert (done.returncode, list(doors.iterdir())) == (0, [])
    waiting = [plugin, *hands.here("limit --wait")]
    scene.configure(suspend=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(
            waiting, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            scene.box.wait_for(
                lambda: list(doors.iterdir()) or process.poll() is not None, 60, "it"
            )
            process.send_signal(number)
            process.communicate(timeout=30)
        scene.box.wait_for(lambda: not list(doors.iterdir()), 30, "the door to be closed")
    mine = f"--unix-socket={doors}"
    scene.box.wait_for(lambda: mine not in running_commands(), 30, "the end of kubectl proxy")


def running_commands() -> str:
    """The command lines of all processes."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
    return "\n".join(found)


def test_a_reader_that_goes_away_is_no_error(scene: Scene, hands: Hands) -> None:
    """`kubectl proposals | head -0`."""
    file_one(scene)
    read, write = os.pipe()
    os.close(read)
    plugin = str(hands.folder / "kubectl-proposals")
    done = subprocess.run(
        [plugin, *hands.here("")], env=hands.environment("alice"), stdout=write,
        stderr=subprocess.PIPE, check=False, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("form", ["", "-n {}", "--namespace {}", "--namespace={}", "-A"])
def test_the_list_is_the_same_however_it_is_asked(scene: Scene, hands: Hands, form: str) -> None:
    """Ahead of Python, ahead of argparse, or by neither."""
    file_one(scene)
    words = form.format(scene.namespace).split()
    user = None if form in ("", "-A") else "alice"
    listed = hands.does(["proposals", *words], user=user)
    if form:
        assert re.search(r"limit +Pending +Medium +prod store/2 +0/1 +in \d+h", listed), listed
    else:
        assert "Nothing waits in namespace default" in listed


def test_time_passes_while_a_person_thinks_and_no_door_is_open(
    scene: Scene, hands: Hands, tmp_path: Path
) -> None:
    """On a terminal: the question stands, and no kubectl of ours runs."""
    import pty

    file_one(scene)
    doors = tmp_path / "doors"
    doors.mkdir()
    environment = {**hands.environment("alice"), "TMPDIR": str(doors), "TERM": "xterm"}
    here, there = pty.openpty()
    with subprocess.Popen(
        [str(hands.folder / "kubectl-approve"), *hands.here("limit")],
        env=environment, stdin=there, stdout=there, stderr=there, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(there)
        shown = b""
        deadline = time.monotonic() + 30
        while b"[y/N]" not in shown and time.monotonic() < deadline:
            shown += os.read(here, 4096)
        assert list(doors.iterdir()) == []
        os.write(here, b"y\n")
        while True:
            try:
                shown += os.read(here, 4096)
            except OSError:  # a terminal nobody writes to any more
                break
        assert process.wait(30) == 0, shown
    os.close(here)
    assert "limit approved by alice" in shown.decode()
    assert b"\x1b[33mMedium\x1b[0m" in shown


ABSENT = "Assent's resources are not installed"
LIST = "actionproposals.v1alpha1.assent.tikv.org"
HALT_NOW = {
    "apiVersion": "assent.tikv.org/v1alpha1", "kind": "Halt", "metadata": {"name": "x"},
    "spec": {"reason": "nobody may"},
}  # fmt: skip
SUSPEND = '{"spec":{"suspend":true}}'
REAL: list[tuple[str | None, str, str]] = [
    (None, "get --raw /apis/nosuch.example.org/v1/things", ABSENT),
    (None, "get things.v1.nosuch.example.org -o json", ABSENT),
    ("nobody", "get --raw /apis/assent.tikv.org/v1alpha1/actionproposals", "assent-viewer"),
    ("nobody", f"get {LIST} -A -o json", "assent-viewer"),
    ("vera", f"patch {LIST} limit -p {SUSPEND} --type=merge", "Deciding needs one of the roles"),
    ("vera", f"patch {CLUSTERS} prod -p {SUSPEND} --type=merge", "resuming assent-configurer"),
    ("nobody", f"get {HALTS} -o json", "assent-unhalt"),
    ("alice", "create -f -", "assent-halt"),
]


def test_the_hints_fit_what_kubectl_really_says(scene: Scene, hands: Hands) -> None:
    """The words that hints are found by are those of this kubectl and this API server."""
    file_one(scene)
    scene.bind("vera", "assent-viewer")
    seen = hands.here(f"get {CLUSTERS} prod")
    scene.box.wait_for(lambda: hands.type(seen, user="vera").code == 0, 20, "vera's right to look")
    for user, line, hint in REAL:
        done = hands.type(hands.here(line), user=user, given=json.dumps(HALT_NOW))
        assert done.code == 1
        assert hint in str(KubectlError(done.err.strip())), done.err

"""`kubectl approve -f FILE --as-account SA` on files as people keep them, with the real kubectl."""

import json
import subprocess

import pytest
import yaml

from assent.cli.failures import Exit
from tests.integration.gitops.conftest import FORMER, Git
from tests.integration.operator.scene import set_limit

pytestmark = pytest.mark.contract

KEPT_BY_HAND = """\
# Store 2 got a new disk (INC-42).
---
apiVersion: assent.tikv.org/v1alpha1
kind: ActionProposal
metadata:
    name: limit   # as filed by sam
    namespace: {namespace}
    annotations: {{kustomize.toolkit.fluxcd.io/ssa: Merge}}
spec:
    clusterRef: {{name: prod}}
    # yesterday's decision:
    approvals:
        - by: {account}
          decision: Approve
          digest: sha256:yesterday
    proposedBy: sam
    action:   # not more than the network takes
        type: SetStoreLimit
        setStoreLimit:
            storeId: 2
            kind: AddPeer
            ratePerMinute: 30
"""


OLD_SEAT = (
    "# yesterday's decision:",
    "approvals:",
    "decision: Approve",
    "digest: sha256:yesterday",
)


@pytest.fixture
def waiting(git: Git) -> Git:
    """A proposal of tier Medium, one of tier High, and a brake, so that nothing runs on."""
    git.scene.configure(suspend=True)
    git.file()
    git.scene.file("fill", set_limit(3, FORMER * 20))
    git.scene.await_phase("fill", "Pending")
    git.repository.push("Begin", begin="{}")
    return git


def approve(git: Git, name: str) -> subprocess.CompletedProcess[str]:
    """What alice gets for it."""
    return git.run(
        f"kubectl approve --filename={name} --as-account {git.account} -m checked", user="alice"
    )


def write(git: Git, text: str, name: str = "limit.yaml") -> str:
    """Put a file into the checkout: its text."""
    whole = text.format(namespace=git.scene.namespace, account=git.account)
    (git.repository.checkout / name).write_text(whole)
    return whole


def test_comments_order_and_indentation_stay(waiting: Git) -> None:
    """A diff that shows the seat and nothing else is what a reviewer wants to see."""
    before = write(waiting, KEPT_BY_HAND)
    done = approve(waiting, "limit.yaml")
    assert done.returncode == Exit.OK, done.stderr
    after = waiting.repository.path("limit.yaml").read_text()
    (seat,) = yaml.safe_load_all(after).__next__()["spec"]["approvals"]
    digest = waiting.scene.status("limit")["digest"]
    assert (seat["by"], seat["digest"]) == (waiting.account, digest)
    assert "alice by Git, seen at " in seat["comment"]
    gone = set(before.splitlines()) - set(after.splitlines())
    assert {line.strip() for line in gone if "- by:" not in line} <= set(OLD_SEAT)
    for comment in ("# Store 2 got", "# as filed by sam", "# not more than", "ssa: Merge"):
        assert comment in after
    waiting.scene.box.kubectl("apply", "--dry-run=server", "--server-side", "--force-conflicts",
                              "--field-manager=git", f"--as={waiting.account}",
                              "-f", str(waiting.repository.path("limit.yaml")))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            KEPT_BY_HAND + "---\n" + KEPT_BY_HAND,
            "must hold one ActionProposal, and nothing else",
            id="several documents",
        ),
        pytest.param("kind: [", "cannot be read", id="no YAML"),
        pytest.param("", "cannot be read", id="empty"),
        pytest.param(
            KEPT_BY_HAND.replace("30\n", "31\n"), "asks for another", id="not what was assessed"
        ),
        pytest.param(
            KEPT_BY_HAND.replace("name: limit", "name: fill"),
            "service accounts have no seat for tier High",
            id="High",
        ),
        pytest.param(
            KEPT_BY_HAND.replace("name: limit", "name: gone"), "gone", id="no such proposal"
        ),
    ],
)
def test_what_cannot_be_approved_so_is_refused_and_the_file_stays(
    text: str, said: str, waiting: Git
) -> None:
    """With what to do, before anybody reviews a pull request in vain."""
    before = write(waiting, text)
    done = approve(waiting, "limit.yaml")
    assert done.returncode != 0
    assert said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert waiting.repository.path("limit.yaml").read_text() == before


def test_a_spec_on_one_line_is_shown_what_to_put_in(waiting: Git) -> None:
    """The plugin edits lines; what has none it leaves to its reader."""
    document = yaml.safe_load(list(KEPT_BY_HAND.split("---\n"))[1].format(
        namespace=waiting.scene.namespace, account=waiting.account))  # fmt: skip
    document["spec"].pop("approvals")
    flat = {**document, "spec": None}
    text = yaml.safe_dump(flat).replace("spec: null", f"spec: {json.dumps(document['spec'])}")
    waiting.repository.path("limit.yaml").write_text(text)
    done = approve(waiting, "limit.yaml")
    assert (done.returncode, waiting.repository.path("limit.yaml").read_text()) == (
        Exit.USAGE,
        text,
    )
    assert f"by: {waiting.account}" in done.stderr.replace('"', ""), done.stderr


def test_json_is_written_as_json(waiting: Git) -> None:
    """Some keep it so."""
    document = yaml.safe_load(waiting.exported())
    path = waiting.repository.checkout / "limit.json"
    path.write_text(json.dumps(document))
    assert approve(waiting, "limit.json").returncode == Exit.OK
    (seat,) = json.loads(path.read_text())["spec"]["approvals"]
    assert seat["by"] == waiting.account

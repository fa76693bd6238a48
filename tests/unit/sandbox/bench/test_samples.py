"""What the samples ask for: real changes of medium risk, and the peer's certificates."""

import base64
from typing import Any

import pytest
from cryptography import x509

from sandbox.bench.connection import Object
from sandbox.bench.peer import SIGNER, Peer
from sandbox.bench.peer import rights as peer_rights
from sandbox.bench.proposals import APPROVER, AUTHOR, KINDS, Proposals, approval, change
from sandbox.bench.proposals import rights as proposal_rights
from sandbox.errors import SandboxError

STORES = 4
PD_DEFAULT_RATE = 15
HIGH_RISK_FACTOR = 10


class Recorder:
    """Takes the place of a connection: the API server is this outside edge."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []

    def request(self, method: str, path: str, body: object = None) -> Object:
        self.sent.append((method, path, body))
        return {}

    def timed_patch(self, path: str, body: object) -> float:
        self.sent.append(("PATCH", path, body))
        return 100.0


class Seen:
    """Takes the place of a watch that has seen one state of every object."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._status = status

    def until(self, name: str, reached: Any, **_: Any) -> tuple[float, Object]:
        found = {"metadata": {"name": name}, "status": self._status}
        if not reached(found):
            raise SandboxError("not reached")
        return 100.5, found


def limit_of(number: int) -> tuple[int, str]:
    """Which limit the sample sets."""
    asked = change(number, STORES)["setStoreLimit"]
    return asked["storeId"], asked["kind"]


def test_a_batch_touches_every_limit_once() -> None:
    """They are filed ahead together: two of one limit would void each other."""
    batch = STORES * len(KINDS)
    assert len({limit_of(number) for number in range(batch)}) == batch


def test_every_sample_changes_what_the_one_before_it_left() -> None:
    """A limit that is set already would end as AlreadyDone, without a call to PD."""
    standing: dict[tuple[int, str], int] = {}
    for number in range(208):
        rate = change(number, STORES)["setStoreLimit"]["ratePerMinute"]
        before = standing.get(limit_of(number), PD_DEFAULT_RATE)
        assert rate != before
        assert before / HIGH_RISK_FACTOR <= rate <= before * HIGH_RISK_FACTOR, "stays Medium"
        standing[limit_of(number)] = rate


def test_samples_only_name_stores_that_exist() -> None:
    """Stores are numbered from 1."""
    assert {limit_of(number)[0] for number in range(100)} == {1, 2, 3, 4}


def test_an_approval_names_the_approver_and_the_digest() -> None:
    """The merge patch is what a person with the right would write."""
    seat = {"by": APPROVER, "decision": "Approve", "digest": "sha256:x"}
    assert approval("sha256:x") == {"spec": {"approvals": [seat]}}


def test_author_and_approver_are_two_people() -> None:
    """The gate refuses an author's own approval."""
    assert AUTHOR != APPROVER
    users = {item["subjects"][0]["name"] for item in proposal_rights()}
    assert users == {AUTHOR, APPROVER}


def test_proposals_are_filed_one_after_another_under_new_names() -> None:
    """Each sample is a proposal of its own."""
    author = Recorder()
    proposals = Proposals(author, Recorder(), Seen({}), stores=STORES)  # type: ignore[arg-type]
    names = [proposals.file() for _ in range(3)]
    assert len(set(names)) == 3
    assert [body["metadata"]["name"] for _, _, body in author.sent] == names
    assert {body["spec"]["proposedBy"] for _, _, body in author.sent} == {AUTHOR}


def test_a_sample_gives_the_time_at_which_the_approval_was_sent() -> None:
    """Not that of the answer: both clocks of the comparison start with the sending."""
    done = Seen({"phase": "Succeeded", "reason": "Done"})
    approver = Recorder()
    proposals = Proposals(Recorder(), approver, done, stores=STORES)  # type: ignore[arg-type]
    assert proposals.sample("one", "sha256:x", lambda: None) == 100.0
    assert approver.sent[0][2] == approval("sha256:x")


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"phase": "Succeeded", "reason": "AlreadyDone"}, id="there was no call"),
        pytest.param({"phase": "Failed", "reason": "Refused"}, id="PD refused"),
        pytest.param({"phase": "Expired"}, id="nobody decided"),
    ],
)
def test_a_sample_that_ended_otherwise_spoils_the_run(status: dict[str, Any]) -> None:
    """A figure from samples that did something else would be no figure."""
    proposals = Proposals(Recorder(), Recorder(), Seen(status), stores=STORES)  # type: ignore[arg-type]
    with pytest.raises(SandboxError):
        proposals.sample("one", "sha256:x", lambda: None)


def test_a_proposal_is_ready_once_it_has_a_digest() -> None:
    """Without one nothing can be approved."""
    ready = Seen({"phase": "Pending", "digest": "sha256:y"})
    proposals = Proposals(Recorder(), Recorder(), ready, stores=STORES)  # type: ignore[arg-type]
    assert proposals.assessed("one", lambda: None) == "sha256:y"
    unassessed = Seen({"phase": "Pending"})
    proposals = Proposals(Recorder(), Recorder(), unassessed, stores=STORES)  # type: ignore[arg-type]
    with pytest.raises(SandboxError):
        proposals.assessed("one", lambda: None)


def test_the_peer_asks_for_a_real_certificate() -> None:
    """The signer refuses what is no signing request."""
    administrator = Recorder()
    peer = Peer(administrator, Recorder(), Seen({}))  # type: ignore[arg-type]
    names = {peer.file(), peer.file()}
    assert len(names) == 2
    asked = administrator.sent[0][2]["spec"]
    assert asked["signerName"] == SIGNER
    request = x509.load_pem_x509_csr(base64.b64decode(asked["request"]))
    assert request.is_signature_valid


def test_the_peer_is_timed_from_sending_to_seeing_the_certificate() -> None:
    """The same two ends as ours: approval sent, effect seen from outside."""
    approver = Recorder()
    seen = Seen({"certificate": "LS0t"})
    peer = Peer(Recorder(), approver, seen)  # type: ignore[arg-type]
    assert peer.sample("one", lambda: None) == pytest.approx(0.5)
    method, path, body = approver.sent[0]
    assert (method, path.rsplit("/", 2)[1:]) == ("PATCH", ["one", "approval"])
    assert body["status"]["conditions"][0]["type"] == "Approved"


def test_an_approved_request_without_a_certificate_is_not_the_end() -> None:
    """The watch sees the approval itself first."""
    approved = Seen({"conditions": [{"type": "Approved"}]})
    peer = Peer(Recorder(), Recorder(), approved)  # type: ignore[arg-type]
    with pytest.raises(SandboxError):
        peer.sample("one", lambda: None)


def test_the_peers_approver_may_approve_that_signer_only() -> None:
    """The bench gives no right that the comparison does not need."""
    role, binding = peer_rights("ann")
    signers = [rule for rule in role["rules"] if rule["resources"] == ["signers"]]
    assert [rule["resourceNames"] for rule in signers] == [[SIGNER]]
    assert binding["subjects"][0]["name"] == "ann"

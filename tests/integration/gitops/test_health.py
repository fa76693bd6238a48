"""The right answer of Argo CD, kstatus and Flux in every phase, on objects as they really are."""

from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from assent.api.reasons import ClusterState
from assent.api.v1alpha1.actionproposal import Phase
from assent.core.lifecycle.cluster import ClusterFacts, decide_cluster
from assent.core.lifecycle.facts import Facts
from assent.core.model.resource import Cluster
from assent.core.model.snapshot import PdIdentity
from assent.errors import AssentError, Retryable
from sandbox.library import Sandbox
from tests.integration.gitops.judges import SCRIPTS, SHIPPED, argo_cd, flux, kstatus, script
from tests.integration.gitops.lived import Lived, lives
from tests.integration.operator.scene import Scene, set_limit
from tests.property.test_lifecycle_machine import Life
from tests.support.proposals import NOW, cluster, halt, metadata

ANSWERS: dict[Phase | None, tuple[str, str, str]] = {
    # What Argo CD, kstatus, and Flux with the shipped expressions are to say.
    None: ("Progressing", "InProgress", "InProgress"),
    # Nobody is at fault, and it may take a day.
    Phase.SUGGESTED: ("Suspended", "InProgress", "Current"),
    Phase.PENDING: ("Suspended", "InProgress", "Current"),
    Phase.APPROVED: ("Suspended", "InProgress", "Current"),
    # Assent or PD is at work, and it ends by itself.
    Phase.EXECUTING: ("Progressing", "InProgress", "InProgress"),
    Phase.ROLLING_BACK: ("Progressing", "InProgress", "InProgress"),
    # What Git asks for is in force.
    Phase.ACTIVE: ("Healthy", "Current", "Current"),
    Phase.SUCCEEDED: ("Healthy", "Current", "Current"),
    # It will never come, or a person must look: a later wave must not go on.
    Phase.REJECTED: ("Degraded", "Failed", "Failed"),
    Phase.EXPIRED: ("Degraded", "Failed", "Failed"),
    Phase.SUPERSEDED: ("Degraded", "Failed", "Failed"),
    Phase.CANCELLED: ("Degraded", "Failed", "Failed"),
    Phase.FAILED: ("Degraded", "Failed", "Failed"),
    Phase.ROLLED_BACK: ("Degraded", "Failed", "Failed"),
    Phase.ROLLBACK_FAILED: ("Degraded", "Failed", "Failed"),
    Phase.OUTCOME_UNKNOWN: ("Degraded", "Failed", "Failed"),
}
LIVES = tuple(lives())
OPEN = (Phase.SUGGESTED, Phase.PENDING, Phase.APPROVED)


def served(one: Lived) -> dict[str, Any]:
    """The object as the API server serves it: without a status of ours, with the default."""
    return {"status": {"observedGeneration": -1}, **one.document}


def told(said: list[Any], place: int) -> dict[str, str]:
    """What was said of each life, beside what is right."""
    return {
        one.why: answer.status
        for one, answer in zip(LIVES, said, strict=True)
        if answer.status != ANSWERS[one.status.phase][place]
    }


def test_there_is_a_life_of_every_phase_and_an_answer_to_it() -> None:
    """A phase that is added later must be thought of here."""
    assert {one.status.phase for one in LIVES} == set(ANSWERS) == {None, *Phase}


def test_argo_cd_shows_every_phase_rightly() -> None:
    """In the Lua that Argo CD runs, with no more libraries than it opens."""
    said = argo_cd([one.document for one in LIVES])
    assert told(said, 0) == {}
    assert told(argo_cd([served(one) for one in LIVES]), 0) == {}


def test_argo_cd_shows_why() -> None:
    """The sentence and its command are what somebody sees who knows Argo CD only."""
    for one, said in zip(LIVES, argo_cd([one.document for one in LIVES]), strict=True):
        status = one.status
        if status.phase is None:
            assert said.message == "Assent has not looked at it yet"
            continue
        assert said.message.startswith(f"{status.phase} ({status.reason}): {status.message}")


def test_kstatus_says_every_phase_rightly() -> None:
    """`kubectl wait`, cli-utils, Helm and a Flux Kustomization without expressions go by it."""
    assert told(kstatus([served(one) for one in LIVES]), 1) == {}


@pytest.mark.contract
@pytest.mark.timeout(900)  # Flux's evaluator is built where it is missing
def test_flux_says_every_phase_rightly() -> None:
    """With the expressions that are shipped, in Flux's own evaluator."""
    assert told(flux([served(one) for one in LIVES]), 2) == {}


def stale(one: Lived) -> dict[str, Any]:
    """The object after somebody has written its spec, before the operator has looked."""
    document = deepcopy(one.document)
    document["metadata"]["generation"] += 1
    return document


def test_a_status_about_an_older_spec_is_no_answer() -> None:
    """Somebody changed an ask that may still change: it is neither waiting nor decided."""
    changed = [stale(one) for one in LIVES if one.status.phase in OPEN]
    assert {said.status for said in argo_cd(changed)} == {"Progressing"}
    assert {said.status for said in kstatus(changed)} == {"InProgress"}


def test_what_cannot_change_any_more_is_shown_as_it_ended() -> None:
    """In flight and at its end the ask is frozen: only cancel is written then, and it is no news
    to an Application that something has failed.
    """
    ended = [one for one in LIVES if one.status.phase not in (None, *OPEN)]
    for one, said in zip(ended, argo_cd([stale(one) for one in ended]), strict=True):
        assert said.status == ANSWERS[one.status.phase][0], one.why


def test_what_is_being_deleted_is_progressing() -> None:
    """Argo CD prunes it, and looks once more before it is gone."""
    going = []
    for one in LIVES:
        document = deepcopy(one.document)
        document["metadata"]["deletionTimestamp"] = "2026-11-21T20:00:00Z"
        going.append(document)
    assert {said.status for said in argo_cd(going)} == {"Progressing"}
    assert {said.status for said in kstatus(going)} == {"Terminating"}


def test_a_phase_that_the_script_does_not_know_is_unknown() -> None:
    """An operator that is newer than the script: nothing is claimed."""
    document = {"kind": "ActionProposal", "metadata": {"generation": 1}, "status": {"phase": "New"}}
    assert argo_cd([document])[0].status == "Unknown"


@pytest.mark.contract
def test_what_the_api_server_serves_before_anybody_has_looked(box: Sandbox, namespace: str) -> None:
    """No operator runs: both kinds come with a status that says so, or kstatus would be content."""
    scene = Scene(box, namespace)
    scene.invite()
    scene.watch()
    scene.file("limit", set_limit(2, 30))
    new = [scene.get("prod", "tikvcluster"), scene.get("limit")]
    assert [one["status"] for one in new] == [{"observedGeneration": -1}] * 2
    assert {one.status for one in kstatus(new)} == {"InProgress"}
    assert {one.status for one in argo_cd(new)} == {"Progressing"}


@pytest.mark.contract
@pytest.mark.timeout(600)
def test_every_status_of_random_lives_has_the_answer_of_its_phase() -> None:
    """Whatever reason, held or not, one step or many: the phase decides, and no life surprises."""
    seen: dict[str, Lived] = {}

    class Watched(Life):
        """A random life that is looked at after every step."""

        def teardown(self) -> None:
            seen.setdefault(_kind_of(self.known), Lived(_kind_of(self.known), self.known))

        @invariant()
        def is_seen(self) -> None:
            """Keep one of each kind of moment."""
            self.teardown()

    run_state_machine_as_test(
        Watched,
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    moments = [one for one in seen.values() if not _is_stale(one.known)]
    assert len({one.status.phase for one in moments}) >= 10
    documents = [served(one) for one in moments]
    answers = zip(moments, argo_cd(documents), kstatus(documents), flux(documents), strict=True)
    wrong = {
        one.why: said
        for one, *tools in answers
        if (said := tuple(tool.status for tool in tools)) != ANSWERS[one.status.phase]
    }
    assert wrong == {}


def _kind_of(known: Facts) -> str:
    status = known.proposal.status
    return f"{status.phase} {status.reason} {'stale' if _is_stale(known) else ''}"


def _is_stale(known: Facts) -> bool:
    observed = known.proposal.status.observed_generation
    return observed is not None and observed != known.proposal.meta.generation


# -- TiKVCluster --------------------------------------------------------------------------------

CLUSTER_ANSWERS = {
    ClusterState.WATCHING: ("Healthy", "Current"),
    ClusterState.SUSPENDED: ("Suspended", "Current"),
    ClusterState.HALTED: ("Suspended", "Current"),
    # It ends by itself, or when somebody mends what is outside.
    ClusterState.PD_NOT_READY: ("Progressing", "InProgress"),
    ClusterState.PD_UNREACHABLE: ("Degraded", "InProgress"),
    ClusterState.PD_ANSWER_UNUSABLE: ("Degraded", "InProgress"),
    ClusterState.TLS_FAILED: ("Degraded", "InProgress"),
    ClusterState.GATE_NOT_INSTALLED: ("Degraded", "InProgress"),
    ClusterState.FORBIDDEN: ("Degraded", "InProgress"),
    # It is the object itself that is wrong.
    ClusterState.WRONG_CLUSTER: ("Degraded", "Failed"),
    ClusterState.CLUSTER_CLAIMED: ("Degraded", "Failed"),
}
PD = PdIdentity(7, "8.1.0", "pd-0", 1, "http://pd-0:2379")


def cluster_facts(of: Cluster | None = None, **changes: Any) -> ClusterFacts:
    base: dict[str, Any] = {
        "now": NOW,
        "cluster": of or cluster(),
        "others": (),
        "pd": PD,
        "prepared": True,
        "failure": None,
        "halts": (),
        "gate_problem": None,
        "gate_mark": "installed",
        "missing_right": None,
        "problems": (),
        "epoch": 1,
    }
    return ClusterFacts(**{**base, **changes})


def failing(state: ClusterState) -> AssentError:
    return Retryable(state.value, "no answer")


def pinned(cluster_id: str) -> Cluster:
    found = cluster()
    access = found.spec.pd.model_copy(update={"cluster_id": cluster_id})
    return Cluster(found.meta, found.spec.model_copy(update={"pd": access}), found.status)


def elder() -> Cluster:
    found = cluster()
    status = found.status.model_copy(update={"cluster_id": "7"})
    return Cluster(metadata("elder", uid="uid-elder"), found.spec, status)


CLUSTERS = {
    ClusterState.WATCHING: cluster_facts(),
    ClusterState.SUSPENDED: cluster_facts(cluster(suspend=True)),
    ClusterState.HALTED: cluster_facts(halts=(halt(),)),
    ClusterState.PD_NOT_READY: cluster_facts(prepared=False),
    **{
        state: cluster_facts(failure=failing(state))
        for state in (
            ClusterState.PD_UNREACHABLE,
            ClusterState.PD_ANSWER_UNUSABLE,
            ClusterState.TLS_FAILED,
        )
    },
    ClusterState.GATE_NOT_INSTALLED: cluster_facts(gate_problem="assent-approvals is missing"),
    ClusterState.FORBIDDEN: cluster_facts(missing_right="patch actionproposals"),
    ClusterState.WRONG_CLUSTER: cluster_facts(pinned("8")),
    ClusterState.CLUSTER_CLAIMED: cluster_facts(others=(elder(),)),
}


def cluster_document(facts: ClusterFacts, **status: Any) -> dict[str, Any]:
    found = decide_cluster(facts).wire()
    meta = facts.cluster.meta
    return {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "TiKVCluster",
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "generation": meta.generation,
        },
        "spec": facts.cluster.spec.wire(),
        "status": {**found, **status},
    }


def test_every_state_of_a_cluster_has_an_answer() -> None:
    """And each is really brought about."""
    assert set(CLUSTERS) == set(CLUSTER_ANSWERS) == set(ClusterState)
    for state, known in CLUSTERS.items():
        assert decide_cluster(known).state == state


def test_the_states_of_a_cluster_are_shown_rightly() -> None:
    """A brake is no fault; what keeps Assent from acting is."""
    documents = [cluster_document(known) for known in CLUSTERS.values()]
    said = zip(CLUSTERS, argo_cd(documents), kstatus(documents), strict=True)
    found = {state: (argo.status, kube.status) for state, argo, kube in said}
    assert found == CLUSTER_ANSWERS


def test_a_cluster_that_nobody_has_looked_at_is_not_ready() -> None:
    """No status yet, and one about an older spec."""
    old = cluster_document(CLUSTERS[ClusterState.WATCHING], observedGeneration=0)
    new = {**old, "status": {"observedGeneration": -1}}
    bare = {name: value for name, value in old.items() if name != "status"}
    assert {one.status for one in argo_cd([old, new, bare])} == {"Progressing"}
    assert {one.status for one in kstatus([old, new])} == {"InProgress"}


# -- Halt, and what is shipped --------------------------------------------------------------------


def test_a_halt_is_shown_as_what_it_does() -> None:
    """An Application with a Halt in it is not Healthy: nothing is done anywhere."""
    standing = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "Halt",
        "metadata": {"name": "stop", "generation": 1},
        "spec": {"reason": "leaders move"},
    }
    going = {**standing, "metadata": {"name": "stop", "deletionTimestamp": "2026-11-21T20:00:00Z"}}
    halted, deleted = argo_cd([standing, going])
    assert (halted.status, "leaders move" in halted.message) == ("Suspended", True)
    assert deleted.status == "Progressing"
    assert [one.status for one in kstatus([standing, going])] == ["Current", "Terminating"]


def test_the_config_map_patch_holds_the_scripts() -> None:
    """What is merged into argocd-cm is what was tested."""
    patch = yaml.safe_load((SCRIPTS / "argocd-cm-patch.yaml").read_text())
    assert patch["data"] == {
        f"resource.customizations.health.assent.tikv.org_{kind}": script(kind)
        for kind in ("ActionProposal", "TiKVCluster", "Halt")
    }


def test_an_answer_for_every_kind_is_shipped() -> None:
    """Argo CD takes a kind without a script for Healthy."""
    definitions = (SHIPPED.parents[1] / "crds").glob("*.assent.tikv.org.yaml")
    kinds = {yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in definitions}
    assert {kind.lower() for kind in kinds} == {path.stem for path in SCRIPTS.glob("*.lua")}

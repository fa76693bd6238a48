"""Malformed custom resources: refused by the API server, naming the field and the rule."""

from copy import deepcopy
from typing import Any

import pytest

from tests.integration.api.kubeapi import ADMIN, GROUP_ROOT, MERGE, Answer, KubeApi, path
from tests.integration.api.life import Life
from tests.integration.api.people import OLA

CLUSTER: dict[str, Any] = {
    "apiVersion": "assent.tikv.org/v1alpha1",
    "kind": "TiKVCluster",
    "metadata": {"name": "checked"},
    "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
}


def create_dry(kube: KubeApi, at: str, body: dict[str, Any], **query: str) -> Answer:
    return kube.call("POST", at, body, by=ADMIN, query={"dryRun": "All", **query})


def merged(base: Any, change: Any) -> Any:
    """Return base with a JSON merge patch applied."""
    if not isinstance(change, dict):
        return change
    result = deepcopy(base) if isinstance(base, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


A_DURATION = "should match '^([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$'"

BAD_CLUSTERS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("no PD", {"spec": {"pd": None}}, ("spec.pd", "Required value")),
    ("no endpoints", {"spec": {"pd": {"endpoints": None}}}, ("spec.pd.endpoints", "Required")),
    (
        "an empty list of endpoints",
        {"spec": {"pd": {"endpoints": []}}},
        ("spec.pd.endpoints", "at least 1 items"),
    ),
    (
        "an endpoint that is no URL",
        {"spec": {"pd": {"endpoints": ["pd:2379"]}}},
        ("spec.pd.endpoints[0]", "should match '^https?://[^/ @?#]+$'"),
    ),
    (
        "a password in an endpoint, which messages and logs would repeat",
        {"spec": {"pd": {"endpoints": ["http://root:secret@pd:2379"]}}},
        ("spec.pd.endpoints[0]", "should match"),
    ),
    (
        "a cluster id that is no number",
        {"spec": {"pd": {"clusterId": "abc"}}},
        ("spec.pd.clusterId", "should match"),
    ),
    (
        "a mode that is promised for later",
        {"spec": {"mode": "Autonomous"}},
        ("spec", "mode Autonomous is not available yet: use Approval"),
    ),
    (
        "a mode that nobody knows",
        {"spec": {"mode": "Bold"}},
        ("spec.mode", 'supported values: "Observe", "Approval", "Autonomous"'),
    ),
    (
        "a duration in words",
        {"spec": {"detection": {"coolDown": "six hours"}}},
        ("spec.detection.coolDown", A_DURATION),
    ),
    (
        "a duration with a fraction, as Go writes them",
        {"spec": {"policy": {"expireAfter": "1.5h"}}},
        ("spec.policy.expireAfter", A_DURATION),
    ),
    (
        "an interval of no time",
        {"spec": {"detection": {"interval": "0s"}}},
        ("spec.detection", "interval must be at least 1s"),
    ),
    (
        "an expiry at once",
        {"spec": {"policy": {"expireAfter": "0m"}}},
        ("spec.policy", "expireAfter must be at least 1s"),
    ),
    (
        "a timeout of no time",
        {"spec": {"policy": {"actionTimeout": "0s"}}},
        ("spec.policy", "actionTimeout must be at least 1s"),
    ),
    (
        "a timeout of no time for one type",
        {"spec": {"policy": {"overrides": [{"type": "EvictLeaders", "timeout": "0s"}]}}},
        ("spec.policy.overrides[0]", "timeout must be at least 1s"),
    ),
    (
        "two overrides for one type",
        {
            "spec": {
                "policy": {
                    "overrides": [
                        {"type": "EvictLeaders", "timeout": "1m"},
                        {"type": "EvictLeaders", "timeout": "2m"},
                    ]
                }
            }
        },
        ("spec.policy.overrides[1]", "Duplicate value"),
    ),
    (
        "a hysteresis upside down",
        {"spec": {"detection": {"rules": {"leaderImbalance": {"clearPercent": 60}}}}},
        (
            "spec.detection.rules.leaderImbalance",
            "clearPercent must be at most aboveMeanPercent",
        ),
    ),
    (
        "one approval for Critical",
        {"spec": {"policy": {"approvalsNeeded": {"critical": 1}}}},
        ("spec.policy.approvalsNeeded.critical", "greater than or equal to 2"),
    ),
    (
        "a ceiling that is no tier",
        {"spec": {"policy": {"maxTier": "Extreme"}}},
        ("spec.policy.maxTier", '"Low", "Medium", "High", "Critical"'),
    ),
    (
        "a name too long for a label",
        {"metadata": {"name": "n" * 64}},
        ("metadata.name may have at most 63 characters: it is used as a label",),
    ),
    (
        "a boolean as text",
        {"spec": {"dryRun": "yes"}},
        ("spec.dryRun", "must be of type boolean"),
    ),
]


@pytest.mark.parametrize(
    ("why", "change", "fragments"), BAD_CLUSTERS, ids=[case[0] for case in BAD_CLUSTERS]
)
def test_malformed_cluster_is_refused(
    kube: KubeApi, why: str, change: dict[str, Any], fragments: tuple[str, ...]
) -> None:
    """The message says which field and what would be right."""
    create_dry(kube, path("tikvclusters"), merged(CLUSTER, change)).refused(422, *fragments)


TOGETHER = "go together: exactly the member that type names"


def of_type(kind: str, **parameters: Any) -> dict[str, Any]:
    """Return the change of an ask by which it is of that type."""
    member = kind[0].lower() + kind[1:]
    return {"action": {"type": kind, "transferLeader": None, member: parameters}}


def in_plan(kind: str, **parameters: Any) -> dict[str, Any]:
    """Return the change of an ask by which it is a plan of one such step."""
    member = kind[0].lower() + kind[1:]
    step = {"type": kind, member: parameters}
    return {"action": {"type": "Plan", "transferLeader": None, "plan": {"steps": [step]}}}


BAD_PROPOSALS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("no action", {"action": None}, ("spec.action", "Required value")),
    ("no author", {"proposedBy": None}, ("spec.proposedBy", "Required value")),
    ("no cluster", {"clusterRef": None}, ("spec.clusterRef", "Required value")),
    (
        "a type that nobody knows",
        {"action": {"type": "Reboot"}},
        ("spec.action.type", '"TransferLeader", "TransferPeer"'),
    ),
    (
        "a type without its member",
        {"action": {"transferLeader": None}},
        ("spec.action", f"TransferLeader and the member transferLeader {TOGETHER}"),
    ),
    (
        "a member that type does not name",
        {"action": {"evictLeaders": {"storeId": 1}}},
        ("spec.action", f"TransferLeader and the member transferLeader {TOGETHER}"),
    ),
    (
        "another member than type names",
        {"action": {"type": "StopEvictLeaders"}},
        ("spec.action", f"StopEvictLeaders and the member stopEvictLeaders {TOGETHER}"),
    ),
    (
        "a member of SetStoreLimit beside",
        {"action": {"setStoreLimit": {"storeId": 1, "kind": "AddPeer", "ratePerMinute": 1}}},
        ("spec.action", f"TransferLeader and the member transferLeader {TOGETHER}"),
    ),
    (
        "store 0, which PD never gives",
        {"action": {"transferLeader": {"toStoreId": 0}}},
        ("spec.action.transferLeader.toStoreId", "greater than or equal to 1"),
    ),
    (
        "an id that JSON numbers cannot carry",
        {"action": {"transferLeader": {"regionId": 2**53}}},
        ("spec.action.transferLeader.regionId", "less than or equal to 9007199254740991"),
    ),
    (
        "a limit beyond reason",
        {
            "action": {
                "type": "SetStoreLimit",
                "transferLeader": None,
                "setStoreLimit": {"storeId": 1, "kind": "AddPeer", "ratePerMinute": 5000},
            }
        },
        ("spec.action.setStoreLimit.ratePerMinute", "less than or equal to 1000"),
    ),
    (
        "a split at keys without any (P08)",
        of_type("SplitRegion", regionId=4, policy="UseKey"),
        ("spec.action.splitRegion", "keys and policy UseKey go together"),
    ),
    (
        "keys for a split in the middle, which PD would overlook",
        of_type("SplitRegion", regionId=4, policy="Scan", keys=["7480"]),
        ("spec.action.splitRegion", "keys and policy UseKey go together"),
    ),
    (
        "a key in small letters",
        of_type("SplitRegion", regionId=4, policy="UseKey", keys=["74ff"]),
        ("spec.action.splitRegion.keys[0]", "should match '^([0-9A-F]{2})+$'"),
    ),
    (
        "a merge of a region into itself",
        of_type("MergeRegions", sourceRegionId=4, targetRegionId=4),
        ("spec.action.mergeRegions", "a region cannot be merged into itself"),
    ),
    (
        "a merge in a plan of a region into itself",
        in_plan("MergeRegions", sourceRegionId=4, targetRegionId=4),
        ("a region cannot be merged into itself",),
    ),
    (
        "an operator that PD would not name so",
        of_type("CancelOperator", regionId=4, operator="Move Peer"),
        ("spec.action.cancelOperator.operator", "should match"),
    ),
    (
        "an end before its start",
        {"notBefore": "2030-01-02T00:00:00Z", "notAfter": "2030-01-01T00:00:00Z"},
        ("spec", "notBefore must be earlier than notAfter"),
    ),
    (
        "an end at its start, written in two zones",
        {"notBefore": "2030-01-01T01:00:00+01:00", "notAfter": "2030-01-01T00:00:00Z"},
        ("spec", "notBefore must be earlier than notAfter"),
    ),
    (
        "an instant finer than what approvals compare",
        {"notAfter": "2030-01-01T00:00:00.0001Z"},
        ("spec.notAfter", "should match"),
    ),
    *(
        (f"an instant without a UTC ({at})", {"notAfter": at}, ("spec.notAfter", "should match"))
        for at in (
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "2030-01-01T00:00:00+24:00",
        )
    ),
    ("an instant in words", {"notAfter": "tomorrow"}, ("spec.notAfter", "must be of type date")),
    (
        "two seats for one person",
        {"approvals": [{"by": "a", "decision": "Reject"}, {"by": "a", "decision": "Approve"}]},
        ("spec.approvals[1]", "Duplicate value"),
    ),
    (
        "a decision that nobody knows",
        {"approvals": [{"by": "a", "decision": "Maybe"}]},
        ("spec.approvals[0].decision", '"Approve", "Reject"'),
    ),
    ("a novel for a reason", {"reason": "x" * 2049}, ("spec.reason", "may not be more than 2048")),
    (
        "a resolution that asks for a resend",
        {"resolution": {"by": "a", "outcome": "Retry", "digest": "d"}},
        ("spec.resolution.outcome", '"Happened", "DidNotHappen"'),
    ),
]


@pytest.mark.parametrize(
    ("why", "change", "fragments"), BAD_PROPOSALS, ids=[case[0] for case in BAD_PROPOSALS]
)
def test_malformed_proposal_is_refused(
    kube: KubeApi, life: Life, why: str, change: dict[str, Any], fragments: tuple[str, ...]
) -> None:
    """The message says which field and what would be right."""
    body = merged(life.manifest(), {"spec": change})
    create_dry(kube, path("actionproposals"), body).refused(422, *fragments)


def test_unknown_field_is_named_under_strict_validation(kube: KubeApi, life: Life) -> None:
    """A typing mistake does not vanish silently: kubectl asks for strict validation."""
    body = merged(life.manifest(), {"spec": {"dryRunn": True}})
    answer = create_dry(kube, path("actionproposals"), body, fieldValidation="Strict")
    answer.refused(400, 'unknown field "spec.dryRunn"')


def test_halt_needs_a_reason_and_cannot_be_loosened(kube: KubeApi) -> None:
    """Whoever may create a Halt must not be able to change another's into a lighter one."""
    halts = f"{GROUP_ROOT}/halts"
    bare = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "Halt",
        "metadata": {"name": "checked"},
        "spec": {},
    }
    create_dry(kube, halts, bare).refused(422, "spec.reason", "Required value")
    kube.call("POST", halts, {**bare, "spec": {"reason": "test"}}, by=OLA).ok()
    change = {"spec": {"allowRollback": True}}
    answer = kube.call("PATCH", f"{halts}/checked", change, by=ADMIN, content_type=MERGE)
    answer.refused(422, "a Halt cannot be changed: delete it and create another")
    kube.call("DELETE", f"{halts}/checked").ok()


def test_defaults_are_safe_and_stored(kube: KubeApi) -> None:
    """The least manifest shows what it would do and asks before it does."""
    spec = create_dry(kube, path("tikvclusters"), CLUSTER).ok()["spec"]
    assert (spec["mode"], spec["dryRun"], spec["suspend"]) == ("Approval", True, False)
    assert spec["policy"]["approvalsNeeded"] == {"low": 1, "medium": 1, "high": 2, "critical": 2}
    assert spec["policy"]["maxTier"] == "High"
    assert spec["detection"]["rules"]["leftoverEviction"]["olderThan"] == "1h"


def test_part_of_a_group_keeps_the_defaults_of_the_rest(kube: KubeApi) -> None:
    """Setting one threshold does not clear its neighbours."""
    change = {"spec": {"detection": {"rules": {"storeDown": {"silentFor": "1m"}}}}}
    spec = create_dry(kube, path("tikvclusters"), merged(CLUSTER, change)).ok()["spec"]
    assert spec["detection"]["interval"] == "15s"
    assert spec["detection"]["rules"]["storeDown"] == {"disabled": False, "silentFor": "1m"}
    assert spec["detection"]["rules"]["leaderImbalance"]["aboveMeanPercent"] == 50

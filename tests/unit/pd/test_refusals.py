"""The table of proofs: one case a row, and for each the near miss that proves nothing."""

import json
import re

import pytest

from assent.core.model.call import DidNot
from assent.pd.refusals.shape import ANY
from assent.pd.refusals.table import REFUSALS, refusal
from assent.pd.whitelist.table import WHITELIST
from assent.pd.wire import Answer

JSON = "application/json; charset=UTF-8"
PLAIN = "text/plain; charset=utf-8"


def handler(status: int, text: str) -> Answer:
    return Answer(status, JSON, json.dumps(text).encode())


def plumbing(status: int, text: str) -> Answer:
    return Answer(status, PLAIN, f"{text}\n".encode())


REMOVED = "[PD:core:ErrStoreRemoved]store 4 has been removed"

EXISTED = "[PD:scheduler:ErrSchedulerExisted]scheduler existed, as asked"
NOT_THERE = "[PD:scheduler:ErrSchedulerNotFound]scheduler not found, as asked"
NO_PEER = "region has no peer in store 7"

ADDING = ("transfer-peer", "add-peer", "add-learner")
PEERS = [
    *(
        (write, handler(status, text))
        for write in (*ADDING, "remove-peer")
        for status, text in (
            (500, "[PD:region:ErrRegionNotFound]region 9 not found"),
            (500, "[PD:operator:ErrAddOperator]failed to add operator, maybe already have one"),
            (500, "cannot build operator for region match no placement rule"),
            (500, "fail to build operator: plan is empty, maybe no valid leader"),
            (400, "missing region id"),
            (400, "invalid store id to transfer peer to"),
        )
    ),
    *(
        (write, handler(500, text))
        for write in ADDING
        for text in (
            "[PD:core:ErrStoreNotFound]store 9 not found",
            "[PD:core:ErrStoreRemoved]store 9 has been removed",
            "[PD:core:ErrStoreUnhealthy]store 9 is unhealthy",
        )
    ),
    ("add-peer", handler(500, "region already has peer in store 4")),
    ("add-learner", handler(500, "region already has peer in store 4")),
    ("transfer-peer", handler(500, "region has no peer in store 8")),
    (
        "transfer-peer",
        handler(500, "cannot add peer store_id:4 : already have peer id:9 store_id:4 "),
    ),
    ("remove-peer", handler(500, NO_PEER)),
    ("remove-peer", handler(500, "cannot create operator: target peers have no voter")),
]
"""Of the operators that change a region's peers."""

DISABLED = "[PD:placement:ErrPlacementDisabled]placement rules feature is disabled"
CONTENT = "[PD:placement:ErrRuleContent]invalid rule content, rule 'a' can not match any store"
NO_LABEL_RULE = "[PD:region:ErrRegionRuleNotFound]region label rule not found for id a"

OPERATORS = (*ADDING, "remove-peer", "transfer-leader", "split-region", "merge-region")
WITHOUT_CODE = [
    *((write, handler(500, "region 999999 not found")) for write in OPERATORS),
    *(
        (write, handler(500, "failed to add operator, maybe already have one"))
        for write in (*OPERATORS, "scatter-region")
    ),
    ("merge-region", handler(500, "two regions are not adjacent")),
    ("merge-region", handler(500, "region 9 has abnormal peer")),
    ("cancel-operator", handler(500, "operator not found")),
    ("store-limit", handler(500, "store 9 not found")),
    (
        "replication-config",
        handler(
            400,
            "cannot update MaxReplicas or LocationLabels when placement rules feature is enabled"
            " and not only default rule exists, please update rule instead",
        ),
    ),
]
"""What PD says up to v6.6 (server/handler.go, server/server.go there)."""

PROOFS = [
    *PEERS,
    *WITHOUT_CODE,
    ("store-limit", plumbing(500, "[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader")),
    ("store-limit", plumbing(500, "redirect to not leader")),
    ("transfer-leader", plumbing(500, "[PD:server:ErrServerNotStarted]server not started")),
    ("evict-leader", plumbing(503, "no leader")),
    ("evict-leader", plumbing(429, "Too Many Requests")),
    ("stop-evict-leader", plumbing(404, "404 page not found")),
    (
        "stop-evict-leader",
        handler(406, "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start"),
    ),
    ("transfer-leader", handler(500, "no operator step is built")),
    ("transfer-leader", handler(500, "[PD:region:ErrRegionNotFound]region 9 not found")),
    ("transfer-leader", handler(500, "[PD:operator:ErrAddOperator]failed to add operator, maybe")),
    ("transfer-leader", handler(500, "region has no voter in store 7")),
    ("transfer-leader", handler(500, "cannot transfer leader to 7: unhealthy")),
    ("transfer-leader", handler(500, "cannot create operator: target leader is not allowed")),
    ("transfer-leader", handler(500, "cannot build operator for region with no leader")),
    ("transfer-leader", handler(500, "no valid leader")),
    ("transfer-leader", handler(400, "missing region id")),
    ("split-region", handler(500, "[PD:region:ErrRegionNotFound]region 9 not found")),
    ("split-region", handler(500, "check policy HALF is not supported")),
    ("split-region", handler(500, "split key xyz is not in hex format")),
    ("split-region", handler(500, "cannot split region which is in joint state")),
    ("split-region", handler(400, "bad format keys")),
    ("merge-region", handler(500, "[PD:operator:ErrAddOperator]failed to add operator, maybe")),
    ("merge-region", handler(500, "[PD:region:ErrRegionNotAdjacent]two regions are not adjacent")),
    ("merge-region", handler(500, "[PD:region:ErrRegionAbnormalPeer]region 9 has abnormal peer")),
    ("merge-region", handler(500, "cannot merge regions which are in joint state")),
    ("merge-region", handler(500, "cannot build operator for region with no leader")),
    ("merge-region", handler(400, "invalid target region id to merge to")),
    ("scatter-region", handler(500, "[PD:operator:ErrAddOperator]failed to add operator, maybe")),
    ("scatter-region", handler(500, "region 9 is a hot region")),
    ("scatter-region", handler(500, "region 9 is not fully replicated")),
    (
        "scatter-region",
        handler(500, "[PD:common:ErrGetTargetStore]failed to get the target store"),
    ),
    ("scatter-region", handler(400, "missing region id")),
    ("cancel-operator", handler(500, "[PD:operator:ErrOperatorNotFound]operator not found")),
    (
        "cancel-operator",
        handler(400, 'strconv.ParseUint: parsing "99999999999999999999": value out of range'),
    ),
    ("evict-leader", handler(500, "[PD:core:ErrStoreNotFound]store 77 not found")),
    (
        "evict-leader",
        handler(500, json.dumps("[PD:core:ErrStoreNotFound]store 77 not found") + "\n"),
    ),
    (
        "evict-leader",
        handler(500, "[PD:core:ErrPauseLeaderTransfer]store 2 is paused for leader transfer"),
    ),
    ("evict-leader", handler(500, "[PD:scheduler:ErrSchedulerExisted]scheduler existed")),
    ("evict-leader", handler(400, "missing store id")),
    (
        "stop-evict-leader",
        handler(404, "[PD:scheduler:ErrScheduleConfigNotExist]the config does not exist"),
    ),
    (
        "stop-evict-leader",
        handler(400, 'strconv.ParseUint: parsing "99999999999999999999": value out of range'),
    ),
    ("store-limit", handler(500, "[PD:core:ErrStoreNotFound]store 9 not found")),
    ("store-limit", handler(404, "[PD:core:ErrStoreNotFound]store 9 not found")),
    ("store-limit", handler(400, "invalid rate which should be larger than 0")),
    ("store-limit", handler(400, "current store limit version:v2 not support set limit")),
    ("drain-store", handler(404, "[PD:core:ErrStoreNotFound]store 9 not found")),
    ("cancel-drain", handler(404, "[PD:core:ErrStoreNotFound]store 9 not found")),
    ("force-remove-store", handler(404, "[PD:core:ErrStoreNotFound]store 9 not found")),
    ("drain-store", handler(410, REMOVED)),
    ("cancel-drain", handler(410, "[PD:core:ErrStoreRemoved]store 9 has been removed")),
    ("force-remove-store", handler(410, REMOVED)),
    (
        "drain-store",
        handler(400, "[PD:core:ErrStoreDestroyed]store 4 has been physically destroyed"),
    ),
    (
        "cancel-drain",
        handler(400, "[PD:core:ErrStoreDestroyed]store 4 has been physically destroyed"),
    ),
    (
        "drain-store",
        handler(400, "[PD:core:ErrStoresNotEnough]can not remove store 4 since the number of up"),
    ),
    (
        "drain-store",
        handler(400, "[PD:core:ErrNoStoreForRegionLeader]can not remove store 4 since there are"),
    ),
    ("store-weight", handler(500, "[PD:core:ErrStoreNotFound]store 9 not found")),
    ("store-weight", handler(400, "bad format region weight")),
    ("store-labels", handler(500, "[PD:cluster:ErrInvalidStoreID]invalid store id 9, not found")),
    (
        "store-labels",
        handler(500, "label configuration is incorrect, need to specify the key: zone "),
    ),
    (
        "store-labels",
        handler(500, "key matching the label was not found in the PD, store label key: rack "),
    ),
    ("add-scheduler", handler(500, EXISTED)),
    ("add-scheduler", handler(400, "unknown scheduler")),
    ("remove-scheduler", handler(404, NOT_THERE)),
    ("pause-scheduler", handler(500, "[PD:scheduler:ErrSchedulerNotFound]scheduler not found")),
    ("pause-scheduler", handler(400, "missing pause time")),
    ("schedule-config", handler(400, "json: cannot unmarshal string into Go value")),
    ("schedule-config", handler(400, "config item schedule.new-thing not found")),
    (
        "schedule-config",
        handler(400, "need to clean up TTL first for schedule.merge-schedule-limit"),
    ),
    (
        "schedule-config",
        handler(400, "low-space-ratio should be larger than high-space-ratio"),
    ),
    ("replication-config", handler(400, "json: cannot unmarshal bool into Go struct field")),
    ("replication-config", handler(400, "config item new-thing not found")),
    (
        "replication-config",
        handler(400, "isolation-level must be one of location-labels or empty"),
    ),
    (
        "replication-config",
        handler(
            400,
            "cannot to update replication config, the default rules do not consistent with"
            " replication config, please update rule instead",
        ),
    ),
    ("placement-rule", handler(412, DISABLED)),
    ("default-placement-rule", handler(412, DISABLED)),
    ("delete-placement-rule", handler(412, DISABLED)),
    ("placement-rule", handler(400, CONTENT)),
    ("placement-rule", handler(400, "[PD:hex:ErrHexDecodingString]decode string zz error")),
    ("placement-rule", handler(500, "[PD:placement:ErrBuildRuleList]build rule list failed, x")),
    (
        "delete-placement-rule",
        handler(500, "[PD:placement:ErrBuildRuleList]build rule list failed, x"),
    ),
    (
        "default-placement-rule",
        handler(400, "cannot to update replication config, the default rules do not consistent"),
    ),
    (
        "region-label-rule",
        handler(400, "[PD:region:ErrRegionRuleContent]invalid region rule content, no region"),
    ),
    ("delete-region-label-rule", handler(404, NO_LABEL_RULE)),
    ("transfer-pd-leader", handler(500, "no valid pd to transfer etcd leader")),
]

ALREADY_DONE = {
    NO_LABEL_RULE,
    EXISTED,
    NOT_THERE,
    NO_PEER,
    "[PD:operator:ErrOperatorNotFound]operator not found",
    "operator not found",
    "no operator step is built",
    "[PD:scheduler:ErrScheduleConfigNotExist]the config does not exist",
    REMOVED,
}


@pytest.mark.parametrize(("write", "answer"), PROOFS, ids=lambda value: str(value)[:60])
def test_a_row_of_the_table_proves_that_nothing_happened(write: str, answer: Answer) -> None:
    """Each text was read in PD's source, before its first change."""
    found = refusal(write, answer)
    assert isinstance(found, DidNot)
    assert found.sent, "it was sent, and refused"
    assert str(answer.status) in found.answer
    text = json.loads(answer.body) if answer.content_type == JSON else answer.text
    assert found.already_done == (text in ALREADY_DONE)


def test_every_row_has_a_case() -> None:
    """A row that no test reaches could say anything."""
    reached = set()
    for index, row in enumerate(REFUSALS):
        for write, answer in PROOFS:
            text = answer.text if answer.content_type == PLAIN else json.loads(answer.body)
            if text.startswith('"'):
                text = json.loads(text)
            fits = row.write in (ANY, write) and answer.status in row.status
            if fits and row.json == (answer.content_type == JSON) and row.text.fullmatch(text):
                reached.add(index)
    assert reached == set(range(len(REFUSALS)))


def test_rows_name_writes_that_exist_and_say_why() -> None:
    """A mistyped name would never match and nobody would notice."""
    names = {kind.name for kind in WHITELIST} | {ANY}
    assert {row.write for row in REFUSALS} <= names
    assert all(row.why for row in REFUSALS)


@pytest.mark.parametrize(
    ("write", "answer", "why"),
    [
        (
            "store-limit",
            handler(400, "[PD:etcd:ErrEtcdKVPut]etcd KV put failed: context deadline exceeded"),
            "it was seen to have run all the same",
        ),
        ("store-limit", handler(500, "[PD:etcd:ErrEtcdTxnInternal]internal"), "may be stored"),
        ("transfer-leader", handler(500, "region 9 not found, or so"), "without a code: whole"),
        ("split-region", handler(500, "region x not found"), "without a code: an id"),
        ("evict-leader", handler(500, "store 9 not found"), "no PD says that of it"),
        (
            "stop-evict-leader",
            handler(404, "[PD:scheduler:ErrSchedulerNotFound]scheduler not found"),
            "said after the store was already taken off the list",
        ),
        ("stop-evict-leader", handler(500, "persist failed"), "persisting may have worked"),
        (
            "drain-store",
            handler(400, "[PD:etcd:ErrEtcdKVPut]etcd KV put failed"),
            "the handler says 400 for what storing says, too",
        ),
        ("store-weight", handler(500, "etcd txn failed"), "the first weight may be stored"),
        ("remove-tombstones", handler(500, "failed stores: 4"), "the others are deleted"),
        ("scatter-region", handler(500, "region 9 is far away"), "a text nobody has read"),
        (
            "split-region",
            plumbing(500, "PANIC: interface conversion"),
            "PD panics over keys that are no list; nothing is said of what came before",
        ),
        (
            "cancel-operator",
            handler(404, "[PD:operator:ErrOperatorNotFound]operator not found"),
            "PD says 500 for that",
        ),
        (
            "remove-scheduler",
            handler(500, "[PD:scheduler:ErrSchedulerNotFound]scheduler not found"),
            "PD says 404 for that",
        ),
        ("remove-scheduler", handler(500, "etcd txn failed"), "it may be disabled already"),
        ("add-scheduler", handler(500, "etcd txn failed"), "it runs by then"),
        ("schedule-config", handler(400, "etcd txn failed"), "it may be stored"),
        (
            "replication-config",
            handler(400, "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped"),
            "also said after the default rule was rewritten",
        ),
        ("default-placement-rule", handler(400, CONTENT), "max-replicas is set by then"),
        ("placement-rule", handler(500, "etcd txn failed"), "it may be stored"),
        (
            "transfer-pd-leader",
            handler(500, "[PD:etcd:ErrEtcdMoveLeader]etcd move leader error"),
            "its time may be over and the move take place all the same",
        ),
        ("evict-leader", handler(500, "Post http://pd: EOF"), "PD's inner call may have run"),
        ("evict-leader", handler(500, "no leader"), "the inner call's, not the redirector's"),
        (
            "evict-leader",
            handler(500, "[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader"),
            "as JSON it is an inner answer, not the redirector's own",
        ),
        ("evict-leader", plumbing(500, "redirect failed"), "a proxy had already sent it on"),
        ("transfer-leader", plumbing(502, "Bad Gateway"), "not PD's"),
        ("transfer-leader", plumbing(503, "upstream connect error"), "not PD's"),
        ("transfer-leader", plumbing(504, "Gateway Timeout"), "not PD's"),
        ("transfer-leader", plumbing(500, "PANIC: runtime error"), "anything may have run before"),
        ("transfer-leader", handler(500, "no operator step is built, I think"), "not whole text"),
        ("transfer-leader", handler(400, "no operator step is built"), "another status"),
        ("store-limit", handler(500, "no operator step is built"), "another write's text"),
        ("store-limit", Answer(400, JSON, b'{"code":"input","msg":"x"}'), "an object, no text"),
        ("store-limit", Answer(500, JSON, b"\xff\xfe"), "unreadable"),
        ("store-limit", Answer(500, "", b""), "empty"),
        ("store-limit", Answer(302, PLAIN, b"moved"), "a redirect is nobody's refusal"),
    ],
)
def test_what_is_near_a_row_proves_nothing(write: str, answer: Answer, why: str) -> None:
    """Then it is unknown, and the state is read back."""
    assert refusal(write, answer) is None, why


@pytest.mark.parametrize(("write", "answer"), PROOFS, ids=lambda value: str(value)[:60])
def test_the_scheduling_service_proves_nothing(write: str, answer: Answer) -> None:
    """Its code was not read: in API-service mode PD marks what it passed on."""
    passed_on = Answer(answer.status, answer.content_type, answer.body, from_microservice=True)
    assert refusal(write, passed_on) is None


def test_no_row_matches_everything() -> None:
    """A pattern that takes any text would make a status code a proof."""
    for row in REFUSALS:
        assert not row.text.fullmatch("some other text")
        assert not re.fullmatch(row.text, "")

"""What a random life of a proposal may meet: people, asks, states of PD, clusters, answers."""

from assent.api.v1alpha1.actions import Action
from assent.api.v1alpha1.tikvcluster import Mode, Tier
from assent.core.model.call import CallOutcome, Did, DidNot, Unknown
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.proposals import (
    AUTHOR,
    EVICT_4,
    LIMIT_4,
    MOVE_17,
    OPERATOR,
    STOP_4,
    cluster,
    evicted,
)
from tests.support.snapshots import region, snapshot, store, unprepared

ROBOTS = ("system:serviceaccount:flux:a", "system:serviceaccount:argo:b")
PEOPLE = ("sre-2", "sre-3", AUTHOR, OPERATOR, *ROBOTS)
ASKS: tuple[Action, ...] = (STOP_4, EVICT_4, MOVE_17, LIMIT_4)
ALL_STORES = [store(number) for number in (1, 2, 3, 4)]
PD_SHOWS: dict[str, ClusterSnapshot | None] = {
    "evicted": evicted(),
    "evicted, leaders stay": snapshot(*ALL_STORES, evicted_store_ids={4}, regions=[region(17)]),
    "normal": snapshot(regions=[region(17)]),
    "region moved": snapshot(regions=[region(17, leader=2)]),
    "region split": evicted(regions=[region(17, version=9)]),
    "store moved": snapshot(
        *ALL_STORES[:3], store(4, address="elsewhere:1"), evicted_store_ids={4}
    ),
    "store gone": snapshot(*ALL_STORES[:3], evicted_store_ids={4}),
    "limit set": snapshot(*ALL_STORES[:3], store(4, add_peer_limit_per_minute=30.0)),
    "limit tiny": snapshot(*ALL_STORES[:3], store(4, add_peer_limit_per_minute=1.0)),
    "limit other": snapshot(*ALL_STORES[:3], store(4, add_peer_limit_per_minute=50.0)),
    "not prepared": unprepared(evicted()),
    "unreadable": None,
}
SPOILT_CLUSTERS = (
    None,
    cluster(suspend=True),
    cluster(dry_run=True),
    cluster(mode=Mode.OBSERVE),
    cluster(policy={"max_tier": Tier.LOW}),
    cluster(policy={"approvals_needed": {"low": 2, "medium": 2}}),
)
OUTCOMES: tuple[CallOutcome, ...] = (
    Did("200"),
    Did("200", late=True),
    DidNot("500 not leader"),
    DidNot("no operator step is built", already_done=True),
    Unknown("reset"),
)

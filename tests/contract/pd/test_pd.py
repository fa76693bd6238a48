"""What the client believes about PD, asserted of the fake and of a real pd-server alike."""

import time

import pytest

from assent.core.model.call import CallOutcome, Did, DidNot, PdCall
from assent.core.model.reading import Reading, Wanted
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, StoreState
from assent.pd.reads import read_snapshot
from assent.pd.writes import send
from tests.contract.pd.conftest import World, settled
from tests.support.pd import at_noon, permit

API = "/pd/api/v1"
STOP = f"{API}/scheduler-config/evict-leader-scheduler/delete"
REDIRECTOR = {"PD-Redirector": "assent"}


def transfer(region_id: int, to_store_id: int) -> PdCall:
    return PdCall(
        "POST",
        f"{API}/operators",
        {"name": "transfer-leader", "region_id": region_id, "to_store_id": to_store_id},
    )


def evict(store_id: int) -> PdCall:
    return PdCall(
        "POST", f"{API}/schedulers", {"name": "evict-leader-scheduler", "store_id": store_id}
    )


def limit(store_id: int, rate: float, kind: str = "add-peer") -> PdCall:
    return PdCall("POST", f"{API}/store/{store_id}/limit", {"rate": rate, "type": kind})


async def write(world: World, call: PdCall) -> CallOutcome:
    await world.snapshot()  # execution always reads first; it finds the leader again if it moved
    return await send(world.client, call, permit(), monotonic=time.monotonic)


@pytest.mark.smoke
@pytest.mark.trap("P13")
async def test_a_snapshot_of_an_ordinary_cluster(world: World) -> None:
    """Every field is there, and of the right kind and size."""
    first = await world.snapshot()
    region_id = first.sample[0].id
    snapshot = await world.snapshot(region_id, 999_999)
    assert snapshot.pd.cluster_id > 2**53, "an id that a float could not hold"
    assert snapshot.pd.version.startswith("v8.1")
    assert snapshot.pd.leader_url in world.urls
    assert len(snapshot.stores) == 4
    for store in snapshot.stores:
        assert store.state is StoreState.UP
        assert store.is_healthy
        assert 0 < store.available_bytes <= store.capacity_bytes
        assert store.add_peer_limit_per_minute == pytest.approx(15)
        assert store.leader_weight == 1
    assert {"balance-leader-scheduler", "evict-slow-store-scheduler"} <= set(snapshot.schedulers)
    assert snapshot.evicted_store_ids == frozenset()
    assert snapshot.region_count == len(snapshot.sample) == 40
    assert set(snapshot.regions) == {region_id}, "p13: a missing region is absent"
    region = snapshot.regions[region_id]
    assert region.leader_store_id in {peer.store_id for peer in region.peers}
    assert {peer.role for peer in region.peers} == {PeerRole.VOTER}
    assert region.version >= 1
    assert region.size_mib > 0


async def test_nobody_pauses_or_labels_anything_in_an_ordinary_cluster(world: World) -> None:
    """Read whenever a proposal would meet a pause or a denied range: empty, not missing."""
    wanted = Wanted(readings=frozenset({Reading.PAUSES, Reading.REGION_LABELS}))
    snapshot = await read_snapshot(world.client, now=at_noon, wanted=wanted)
    assert snapshot.paused_schedulers == {}
    assert snapshot.label_rules is not None
    assert not any(rule.labels.get("schedule") == "deny" for rule in snapshot.label_rules)


@pytest.mark.parametrize("member", [0, 1, 2])
async def test_any_member_leads_to_the_leader(world: World, member: int) -> None:
    """Also a follower, without being asked to forward anything."""
    client = world.new_client(world.urls[member])
    snapshot = await read_snapshot(client, now=at_noon)
    await client.aclose()
    assert snapshot.pd.leader_url == (await world.snapshot()).pd.leader_url


@pytest.mark.smoke
@pytest.mark.trap("P01")
async def test_p01_a_member_that_does_not_lead_refuses_what_carries_the_header(
    world: World,
) -> None:
    """The refusal's text is what proves that a write did not run."""
    leader = (await world.snapshot()).pd.leader_url
    follower = next(url for url in world.urls if url != leader)
    for method, path, body in (
        ("GET", f"{API}/stores", None),
        ("POST", limit(1, 77).path, dict(limit(1, 77).body or {})),
    ):
        response = await world.request(method, follower + path, REDIRECTOR, body)
        assert response.status_code == 500
        assert response.headers["content-type"].startswith("text/plain")
        assert response.text.strip().endswith("redirect to not leader")
    store = (await world.snapshot()).store(1)
    assert store is not None
    assert store.add_peer_limit_per_minute == 15


@pytest.mark.trap("P01", "P03")
async def test_a_write_to_a_member_that_no_longer_leads_did_not(world: World) -> None:
    """The client addresses the member it knows; that one refuses, nothing is forwarded."""
    snapshot = await world.snapshot()
    leader = world.client.known_leader
    assert leader is not None
    follower = next(url for url in world.urls if url != snapshot.pd.leader_url)
    object.__setattr__(leader, "url", follower)
    outcome = await send(world.client, limit(1, 78), permit(), monotonic=time.monotonic)
    assert isinstance(outcome, DidNot)
    assert "redirect to not leader" in outcome.answer
    assert world.client.known_leader is None
    store = (await world.snapshot()).store(1)
    assert store is not None
    assert store.add_peer_limit_per_minute == 15


async def test_a_store_limit_is_set_and_restored(world: World) -> None:
    """One of the two limits only, exactly."""
    assert isinstance(await write(world, limit(3, 32.5, "remove-peer")), Did)
    store = (await world.snapshot()).store(3)
    assert store is not None
    assert store.remove_peer_limit_per_minute == 32.5
    assert store.add_peer_limit_per_minute == 15
    assert isinstance(await write(world, limit(3, 15.0, "remove-peer")), Did)
    store = (await world.snapshot()).store(3)
    assert store is not None
    assert store.remove_peer_limit_per_minute == 15


@pytest.mark.trap("P16")
async def test_a_leader_is_transferred(world: World) -> None:
    """Judged by topology; asking again for what is already so is refused as done (P16)."""
    region = (await world.snapshot()).sample[5]
    target = next(p.store_id for p in region.peers if p.store_id != region.leader_store_id)
    assert await write(world, transfer(region.id, target)) == Did("The operator is created.")
    await world.until(lambda now: now.regions[region.id].leader_store_id == target, region.id)
    outcome = await write(world, transfer(region.id, target))
    assert isinstance(outcome, DidNot)
    assert outcome.already_done, outcome.answer


@pytest.mark.trap("P29")
async def test_an_eviction_begins_takes_another_store_and_ends_store_by_store(
    world: World,
) -> None:
    """The whole life of the one scheduler with its set of stores."""
    assert await write(world, evict(2)) == Did("The scheduler is created.")
    assert isinstance(await write(world, evict(2)), Did), "a repeat is harmless"
    assert await write(world, evict(3)) == Did("The scheduler has been applied to the store.")
    snapshot = await world.snapshot()
    assert snapshot.evicted_store_ids == frozenset({2, 3})
    assert "evict-leader-scheduler" in snapshot.schedulers

    def emptied(now: ClusterSnapshot) -> bool:
        store = now.store(2)
        return store is not None and store.leader_count == 0

    await world.until(emptied)
    unknown = await write(world, evict(77))
    assert isinstance(unknown, DidNot), "no such store, said by PD's inner call"
    assert not unknown.already_done

    assert isinstance(await write(world, PdCall("DELETE", f"{STOP}/3")), Did)
    assert (await world.snapshot()).evicted_store_ids == frozenset({2}), "p29: never the others"
    again = await write(world, PdCall("DELETE", f"{STOP}/3"))
    assert isinstance(again, DidNot)
    assert again.already_done
    assert await write(world, PdCall("DELETE", f"{STOP}/2")) == Did(
        "The last store has been deleted"
    )
    snapshot = await world.snapshot()
    assert snapshot.evicted_store_ids == frozenset()
    assert "evict-leader-scheduler" not in snapshot.schedulers
    gone = await write(world, PdCall("DELETE", f"{STOP}/2"))
    assert isinstance(gone, DidNot)
    assert not gone.already_done, "a 404 of the router is also what an unprepared PD says"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(limit(99, 20), id="limit of no store"),
        pytest.param(evict(99), id="eviction of no store"),
        pytest.param(transfer(999_999, 1), id="leader of no region"),
        pytest.param(transfer(0xFFFF_FFFF, 77), id="both unknown"),
    ],
)
async def test_what_pd_refuses_did_not(world: World, call: PdCall) -> None:
    """The texts of the table are the texts of PD."""
    outcome = await write(world, call)
    assert isinstance(outcome, DidNot), outcome
    assert outcome.sent
    assert not outcome.already_done


async def test_a_transfer_to_a_store_without_a_peer_did_not(world: World) -> None:
    """``region has no voter in store N``."""
    region = (await world.snapshot()).sample[0]
    absent = ({1, 2, 3, 4} - {peer.store_id for peer in region.peers}).pop()
    outcome = await write(world, transfer(region.id, absent))
    assert isinstance(outcome, DidNot), outcome


@pytest.mark.trap("P02", "P15")
async def test_a_change_of_leader_is_followed(world: World) -> None:
    """The old leader refuses, the new one is found, and is waited for until it is prepared."""
    old = (await world.snapshot()).pd
    target = next(url for url in world.urls if url != old.leader_url)
    if world.transport is not None:
        world.transport.leader = world.urls.index(target)
    else:
        name = f"pd-{world.urls.index(target)}"
        path = f"{API}/leader/transfer/{name}"
        assert (await world.request("POST", old.leader_url + path, REDIRECTOR)).status_code == 200
    deadline = time.monotonic() + 60
    while (await _leader_url(world)) == old.leader_url:
        assert time.monotonic() < deadline
    assert (await _leader_url(world)) == target


async def _leader_url(world: World) -> str:
    """The leader as the client finds it, once the new one is prepared."""
    return (await settled(world.snapshot)).pd.leader_url

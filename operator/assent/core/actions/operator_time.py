"""How long PD gives one of its operators before it ends as TIMEOUT (pd-api.md 2.2, P22).

The sum over its steps, fixed when it is created, and longer for larger regions. Until then the
region takes no other operator, PD's own repair included (P19).
"""

LARGEST_REGION_MIB = 144
"""Up to this size an action's own timeout is longer than PD's: TiKV's region-max-size in v8.1."""

MARGIN_SECONDS = 60
"""For seeing the end: a region reports at least that often."""


def fast_seconds(size_mib: int) -> int:
    """Return what one step takes at most that moves no data: 60 s, or 0.6 s a MiB."""
    return max(60, int(0.6 * size_mib))


def slow_seconds(size_mib: int) -> int:
    """Return what adding a replica takes at most: 10 min, or 6 s a MiB."""
    return max(600, 6 * size_mib)


def transfer_peer_seconds(size_mib: int) -> int:
    """Return PD's timeout of transfer-peer: add a learner, perhaps move the leader, enter and
    leave the joint state with two peers each (three fast steps' time), remove the former peer.
    """
    return slow_seconds(size_mib) + 8 * fast_seconds(size_mib)


def add_peer_seconds(size_mib: int) -> int:
    """Return PD's timeout of add-peer: add a learner, promote it."""
    return slow_seconds(size_mib) + fast_seconds(size_mib)


def add_learner_seconds(size_mib: int) -> int:
    """Return PD's timeout of add-learner."""
    return slow_seconds(size_mib)


def remove_peer_seconds(size_mib: int) -> int:
    """Return PD's timeout of remove-peer at its longest: from two voters to one PD moves the
    leader and enters a joint state before it removes.
    """
    return 4 * fast_seconds(size_mib)

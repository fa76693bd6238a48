"""The 52 ways in which PD surprises who writes to it, and which of them touch us.

A trap applies when an action, the client that carries it, or the simulated stores can run into it.
Each that applies has a test marked `@pytest.mark.trap("P16")` or named `test_p16_…`; the others say
why they have none.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Trap:
    """One trap, by its number in the notes on PD's source."""

    number: str
    """P01 to P52."""
    meaning: str
    """What PD does, in one line."""
    left_out: str = ""
    """Why no test is needed; empty when the trap applies."""

    @property
    def applies(self) -> bool:
        """True when a test must hold us to it."""
        return not self.left_out


_NOT_READ = "no detector and no action reads it; counts come from what the snapshot reads"

TRAPS: tuple[Trap, ...] = (
    # HTTP
    Trap("P01", "a follower passes every request on to the leader, writes included"),
    Trap("P02", "a leader that is just taking over says NotBootstrapped: it means “retry”"),
    Trap("P03", "the proxy of a follower may run a write twice: write to the leader itself"),
    Trap("P04", "errors come as JSON string, JSON object or plain text; refusals are 500, not 4xx"),
    Trap("P05", "nobody is authenticated; X-Caller-ID becomes a metric label: keep it constant"),
    # 200 although nothing, or something else, happened
    Trap("P06", "scatter-region is “created” without an operator when nothing needs to move"),
    Trap("P07", "scatter-regions is always 200, and its percentage counts no-ops: unreachable"),
    Trap("P08", "split-region does not check its keys: useless ones give 200, then a time-out"),
    Trap("P09", "unknown configuration keys are ignored silently; items apply one by one"),
    Trap("P10", "evict-leader without a numeric store id is “applied” and does nothing"),
    Trap("P11", "a store limit with ttlSecond drops errors, and GET never shows it"),
    Trap("P12", "a change to what already is gives 200: state, resignation, absent rules"),
    Trap("P13", "a region that is missing is answered with 200 and id 0"),
    Trap("P14", "the sibling of the last region is a copy of the left neighbour"),
    Trap("P15", "just after a change of leader, schedulers and region lists are empty"),
    # Errors although all is well
    Trap("P16", "“no operator step is built” means that it is already so"),
    Trap("P17", "of a merge that went well the source operator says CANCEL: judge by topology"),
    # Operators
    Trap("P18", "one operator a region; one text of refusal for many causes"),
    Trap("P19", "our operators skip store limits and schedule limits, and block PD's own repair"),
    Trap("P20", "PD checks neither quorum, space, offline targets nor placement rules for us"),
    Trap("P21", "PD undoes it: the rule checker, balance and the merge checker put things back"),
    Trap("P22", "each kind of operator has PD's own time-out, 1 to 18 minutes"),
    Trap("P23", "the history of operators lasts 10 min, in memory, and dies with the leader"),
    Trap("P24", "an operator carries no tag of ours: only topology is durable proof"),
    Trap("P25", "DELETE /operators/{id} cancels whoever's operator it is"),
    Trap("P26", "older PD writes the text of an operator with another comma and no ?object"),
    # Stores and schedulers
    Trap("P27", "?force=false still forces, and forcing cannot be undone"),
    Trap("P28", "taking a store offline makes its remove-peer limit unlimited, sometimes for good"),
    Trap("P29", "removing the eviction scheduler ends it for all stores, not for one"),
    Trap("P30", "with leader-schedule-limit 0 evictions never progress"),
    Trap("P31", "an eviction begun just after a change of leader may overwrite the stored set"),
    Trap("P32", "pauses die with the leader; TTL configuration and label rules survive it"),
    Trap("P33", "/stores hides tombstones; /stores/check is absent in older PD"),
    # Detection
    Trap("P34", "/regions/check/* has no limit and goes stale", left_out=_NOT_READ),
    Trap("P35", "a region on a dead store is down-peer, not miss-peer", left_out=_NOT_READ),
    Trap(
        "P36",
        "two of the alerts that PD ships never fire",
        left_out="Assent neither ships nor reads PD's alerts",
    ),
    Trap("P37", "disconnected > 20 s, unhealthy > 10 m, down > 30 m; repair starts only then"),
    # Danger
    Trap("P38", "POST /regions/split may spin a CPU of PD for ever: unreachable for us"),
    Trap("P39", "unsafe recovery buries silent stores and ends the halt: unreachable for us"),
    Trap("P40", "dropping the region cache may bury an offline store: unreachable for us"),
    # Simulated stores
    Trap("P41", "Bootstrap takes one peer and empty keys, then PutStore a unique address"),
    Trap("P42", "one region stream a store, or PD drops commands silently"),
    Trap("P43", "epochs move by exact steps; one too many and PD cancels as stale"),
    Trap("P44", "commands repeat every 2 to 5 s and must be idempotent"),
    Trap("P45", "a heartbeat follows each change at once, and schedulers wait for 90 % of regions"),
    Trap(
        "P46",
        "PD's own simulators do not carry out every operator",
        left_out="neither is used: the simulated stores are our own",
    ),
    Trap(
        "P47",
        "store limits and down times make tests slow",
        left_out="advice for whoever writes tests; PD does nothing here that could be tested",
    ),
    # Executors
    Trap("P48", "before detecting or acting: schedulers listed, region count near complete"),
    Trap("P49", "before acting on a region: id, leader, no joint state, no operator, its epoch"),
    Trap("P50", "after an ambiguous error read before anything; split and scatter double"),
    Trap("P51", "history means nothing once the leader is another than at issue time"),
    Trap("P52", "methods and paths are whitelisted, and force is never sent"),
)

BY_NUMBER: dict[str, Trap] = {trap.number: trap for trap in TRAPS}


def named(test: str) -> tuple[str, ...]:
    """Return the traps that a test's name begins with: of `test_p16_p22_done_late` P16 and P22."""
    begins = re.match(r"test((_p\d\d)+)_", test)
    return tuple(begins[1].upper().split("_")[1:]) if begins else ()

"""Faults as data: from a seed, what breaks in which order. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle
from random import Random

PD_MEMBERS = 3
LEASE_SECONDS = 8.0
"""What the operators of a campaign are told; a freeze lasts longer."""


class Kind(StrEnum):
    """What is done."""

    KILL_OPERATOR = "kill_operator"
    STOP_OPERATOR = "stop_operator"
    FREEZE_OPERATOR = "freeze_operator"
    STEP_CLOCK = "step_clock"
    RESTART_API_SERVER = "restart_api_server"
    KILL_API_SERVER = "kill_api_server"
    FREEZE_API_SERVER = "freeze_api_server"
    KILL_ETCD = "kill_etcd"
    MOVE_PD_LEADER = "move_pd_leader"
    KILL_PD = "kill_pd"
    CUT_PD = "cut_pd"
    SUSPEND = "suspend"
    HALT = "halt"
    MEDDLE = "meddle"
    WEATHER = "weather"


class Victim(StrEnum):
    """Whom it hits, where there is a choice."""

    LEADER = "leader"
    OTHER = "other"
    NONE = ""


@dataclass(frozen=True)
class Fault:
    """One fault of a lane."""

    kind: Kind
    pause_seconds: float
    """From the end of the lane's fault before it."""
    victim: Victim = Victim.NONE
    seconds: float = 0.0
    """How long it lasts, or how long a killed process stays away, or by how much a clock is set."""
    number: int = 0
    """Which PD member or which of the others, counted from 0; what a meddler sets; the seed of a
    weather's dice."""


Lane = Callable[[Random], Iterator[Fault]]


def lane(name: str, seed: int) -> Iterator[Fault]:
    """The faults of a lane, without end: the same for the same seed."""
    return LANES[name](Random(f"{seed} {name}"))


def _victim(dice: Random, leader: float) -> Victim:
    return Victim.LEADER if dice.random() < leader else Victim.OTHER


def _ends(dice: Random, victim: Victim, pause_seconds: tuple[float, float]) -> Iterator[Fault]:
    while True:
        kind = Kind.STOP_OPERATOR if dice.random() < 0.12 else Kind.KILL_OPERATOR
        # Back at once, or only when a successor has had time to look at the Pod that ended.
        away = dice.uniform(0.2, 1.5) if dice.random() < 0.5 else dice.uniform(4.0, 10.0)
        yield Fault(kind, dice.uniform(*pause_seconds), victim, away, dice.randrange(6))


def _standbys(dice: Random) -> Iterator[Fault]:
    """Costs a warm cache."""
    return _ends(dice, Victim.OTHER, (6.0, 12.0))


def _leaders(dice: Random) -> Iterator[Fault]:
    """Costs a lease; it is struck while it works on something (`strikes`)."""
    return _ends(dice, Victim.LEADER, (8.0, 20.0))


def _freezes(dice: Random) -> Iterator[Fault]:
    """Always longer than the lease, so that a successor may have acted before the thaw."""
    while True:
        asleep = LEASE_SECONDS + dice.uniform(0.8, 4.0)
        pause, victim = dice.uniform(3.0, 9.0), _victim(dice, 0.7)
        yield Fault(Kind.FREEZE_OPERATOR, pause, victim, asleep, dice.randrange(6))


def _clocks(dice: Random) -> Iterator[Fault]:
    """Wall clocks of operators, by up to 5 s either way; set right again by the next step."""
    while True:
        step = dice.choice((-1, 1)) * dice.uniform(1.0, 5.0)
        pause, victim = dice.uniform(20.0, 50.0), _victim(dice, 0.7)
        yield Fault(Kind.STEP_CLOCK, pause, victim, step, dice.randrange(6))


def _control_plane(dice: Random) -> Iterator[Fault]:
    kinds = (
        (Kind.KILL_ETCD, 45),
        (Kind.KILL_API_SERVER, 35),
        (Kind.RESTART_API_SERVER, 10),
        (Kind.FREEZE_API_SERVER, 10),
    )
    while True:
        kind = dice.choices([name for name, _ in kinds], [share for _, share in kinds])[0]
        yield Fault(kind, dice.uniform(12.0, 28.0), seconds=dice.uniform(1.0, 9.0))


def _pd(dice: Random) -> Iterator[Fault]:
    """Leadership goes round: PD takes it from a member that began to lead 3 times in 5 minutes."""
    members = cycle(range(PD_MEMBERS))
    kinds = ((Kind.MOVE_PD_LEADER, 46), (Kind.KILL_PD, 44), (Kind.CUT_PD, 10))
    while True:
        kind = dice.choices([name for name, _ in kinds], [share for _, share in kinds])[0]
        number = next(members) if kind is Kind.MOVE_PD_LEADER else dice.randrange(PD_MEMBERS)
        pause, seconds = dice.uniform(5.0, 14.0), dice.uniform(0.3, 5.0)
        yield Fault(kind, pause, _victim(dice, 0.35), seconds, number)


def _noes(dice: Random) -> Iterator[Fault]:
    while True:
        kind = dice.choice((Kind.SUSPEND, Kind.HALT))
        yield Fault(kind, dice.uniform(25.0, 60.0), seconds=dice.uniform(1.0, 5.0))


def _meddlers(dice: Random) -> Iterator[Fault]:
    """Somebody with pd-ctl sets a store limit that no ask sets."""
    while True:
        yield Fault(Kind.MEDDLE, dice.uniform(6.0, 20.0), number=dice.getrandbits(24))


def _weather(dice: Random) -> Iterator[Fault]:
    """How bad the networks are: `seconds` long, as bad as `number` says (`weather.severity`)."""
    while True:
        yield Fault(Kind.WEATHER, 0.0, seconds=dice.uniform(8.0, 20.0), number=dice.getrandbits(48))


LANES: Mapping[str, Lane] = {
    "standbys": _standbys,
    "leaders": _leaders,
    "freezes": _freezes,
    "clocks": _clocks,
    "control-plane": _control_plane,
    "pd": _pd,
    "noes": _noes,
    "meddlers": _meddlers,
    "weather": _weather,
}
"""Each runs beside the others, its faults one after another."""

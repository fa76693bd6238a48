"""What the proxies do to the requests that pass, for a while: orders from a seed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

CALLER = "assent"
LOST = ("cut_after_answer", "half_answer")
"""Actions after which the other side has acted and the caller does not know."""
_PD_WRITES = (
    r"^/pd/api/v1/(config|store/\d+/(limit|weight|label|state)|operators|schedulers|.*delete)"
)
_READS = "GET"


@dataclass(frozen=True)
class Order:
    """One order to a proxy, as `sandbox.remote.Faults.add` takes it."""

    action: str
    chance: float
    method: str = ""
    path: str = ""
    caller: str = ""
    milliseconds: int = 0
    status: int = 0

    def arguments(self, seed: int) -> Mapping[str, object]:
        """The keyword arguments of `Faults.add` beside the action."""
        return {
            "count": 0,
            "method": self.method,
            "path": self.path,
            "caller": self.caller,
            "milliseconds": self.milliseconds,
            "status": self.status,
            "chance": self.chance,
            "seed": seed,
            "body": "the weather is bad" if self.status else "",
        }


def severity(number: int) -> float:
    """How bad it is: 0 calm, 1 usual, 1.6 a storm."""
    return Random(f"severity {number}").choices((0.0, 1.0, 1.6), (1, 4, 2))[0]


def pd_orders(number: int) -> tuple[Order, ...]:
    """What happens to requests of the operators to PD; writes are hit most."""
    dice = Random(f"pd {number}")
    orders = [
        _order("cut_after_answer", 0.20, "POST", _PD_WRITES),
        _order("half_answer", 0.08, "POST", _PD_WRITES),
        _order("cut_before_send", 0.06, "POST", _PD_WRITES),
        _order("delay_before", 0.05, "POST", _PD_WRITES, milliseconds=dice.randint(500, 9000)),
        _order("delay_after", 0.06, "POST", _PD_WRITES, milliseconds=dice.randint(500, 7000)),
        _order("status", 0.03, "POST", _PD_WRITES, status=dice.choice((500, 502, 503))),
        _order("cut_after_answer", 0.15, "DELETE"),
        _order("half_answer", 0.05, "DELETE"),
        _order("cut_before_send", 0.06, "DELETE"),
        _order("delay_after", 0.06, "DELETE", milliseconds=dice.randint(500, 7000)),
        # One look at PD takes 9 to 40 of these, and one that is lost loses the look.
        _order("cut_after_answer", 0.005, _READS),
        _order("half_answer", 0.004, _READS),
        _order("cut_before_send", 0.002, _READS),
        _order("status", 0.002, _READS, status=503),
        _order("delay_before", 0.16, _READS, milliseconds=dice.randint(10, 150)),
        _order("delay_after", 0.16, _READS, milliseconds=dice.randint(10, 150)),
    ]
    return _as_bad_as(severity(number), orders, caller=CALLER)


def api_orders(number: int) -> tuple[Order, ...]:
    """What happens between one operator and the API server: its writes, its Lease, its watches."""
    dice = Random(f"api {number}")
    status, lease = r"/status\?", r"/leases/"
    orders = [
        _order("cut_after_answer", 0.10, "PATCH", status),
        _order("half_answer", 0.05, "PATCH", status),
        _order("cut_before_send", 0.05, "PATCH", status),
        _order("delay_before", 0.08, "PATCH", status, milliseconds=dice.randint(100, 3000)),
        _order("status", 0.03, "PATCH", status, status=dice.choice((429, 500, 503))),
        _order("cut_after_answer", 0.06, "PATCH", lease),
        _order("cut_before_send", 0.04, "PATCH", lease),
        _order("delay_before", 0.14, "PATCH", lease, milliseconds=dice.randint(20, 500)),
        _order("delay_after", 0.14, "PATCH", lease, milliseconds=dice.randint(20, 500)),
        # One in three watches: cut again and again, a watcher backs off for half a minute.
        _order("half_answer", 0.35, _READS, "watch=", milliseconds=dice.randint(600, 6000)),
        _order("cut_before_send", 0.03, _READS, "watch="),
        _order("status", 0.02, _READS, "watch=", status=503),
        _order("cut_after_answer", 0.015, _READS),
        _order("half_answer", 0.008, _READS),
        _order("delay_after", 0.10, _READS, milliseconds=dice.randint(20, 400)),
        _order("cut_after_answer", 0.03, "POST"),
    ]
    return _as_bad_as(severity(number), orders)


def _order(
    action: str,
    chance: float,
    method: str,
    path: str = "",
    *,
    milliseconds: int = 0,
    status: int = 0,
) -> Order:
    return Order(action, chance, method, path, milliseconds=milliseconds, status=status)


def _as_bad_as(factor: float, orders: list[Order], *, caller: str = "") -> tuple[Order, ...]:
    if not factor:
        return ()
    return tuple(
        Order(
            order.action,
            min(1.0, order.chance * factor),
            order.method,
            order.path,
            caller,
            order.milliseconds,
            order.status,
        )
        for order in orders
    )

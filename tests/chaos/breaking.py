"""Does the faults of the lanes to a sandbox, and mends everything afterwards."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import httpx

from sandbox.errors import SandboxError
from sandbox.library import Sandbox
from sandbox.remote import Faults, JsonClient
from tests.chaos.asks import STORES
from tests.chaos.calls import LIMITS
from tests.chaos.faults import PD_MEMBERS, Fault, Kind, Victim
from tests.chaos.history import Struck
from tests.chaos.operators import Operators
from tests.chaos.people import CLUSTER, CLUSTERS, HALTS, Person, RefusedByServerError
from tests.chaos.strikes import Strikes
from tests.chaos.weather import Order, api_orders, pd_orders

HALT = "campaign"
MEDDLED = range(200, 300)
"""Rates that nobody asks for."""
EVICTION = "evict-leader-scheduler"
NO_SECONDS = 20.0
MEND_SECONDS = 120.0
STRIKES = (Kind.KILL_OPERATOR, Kind.STOP_OPERATOR, Kind.FREEZE_OPERATOR)
Log = Callable[[Struck], None]


class Breaking:
    """One thread a lane. Everything that was done goes to `log`."""

    def __init__(self, box: Sandbox, operators: Operators, strikes: Strikes, log: Log) -> None:
        self._box = box
        self._pace = strikes.pace
        self._strikes = strikes
        self._operators = operators
        self._log = log
        self._stop = threading.Event()
        self._admin = Person(box, "admin")
        self._members: dict[str, JsonClient] = {
            member["name"]: JsonClient(f"{member['direct_url']}/pd/api/v1")
            for member in box.state["pd"]
        }
        self._threads: list[threading.Thread] = []
        self._ways: Mapping[Kind, Callable[[Fault], str]] = {
            Kind.KILL_OPERATOR: self._kill_operator,
            Kind.STOP_OPERATOR: self._stop_operator,
            Kind.FREEZE_OPERATOR: self._freeze_operator,
            Kind.STEP_CLOCK: self._step_clock,
            Kind.RESTART_API_SERVER: self._restart_api_server,
            Kind.KILL_API_SERVER: self._kill_api_server,
            Kind.FREEZE_API_SERVER: self._freeze_api_server,
            Kind.KILL_ETCD: self._kill_etcd,
            Kind.MOVE_PD_LEADER: self._move_pd_leader,
            Kind.KILL_PD: self._kill_pd,
            Kind.CUT_PD: self._cut_pd,
            Kind.SUSPEND: self._suspend,
            Kind.HALT: self._halt,
            Kind.MEDDLE: self._meddle,
            Kind.WEATHER: self._weather,
        }

    def start(self, lanes: Mapping[str, Iterator[Fault]]) -> None:
        """Begin with every lane."""
        for name, faults in lanes.items():
            thread = threading.Thread(target=self._run, args=(faults,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Let every lane finish its fault; nothing is mended yet on return."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def mend(self) -> None:
        """Take back whatever still stands: all processes run, nobody says no, the weather is calm,
        and no eviction that the campaign began keeps a proposal waiting.

        Raises:
            SandboxError: something could not be mended.
        """
        self._calm()
        self._operators.mend()
        deadline = time.monotonic() + MEND_SECONDS
        for name in ("etcd", "kube-apiserver", *(f"pd-{n}" for n in range(PD_MEMBERS))):
            self._box.process(name, "thaw")
            self._again(lambda name=name: self._box.process(name, "start"), deadline)  # type: ignore[misc]
        self._again(lambda: self._say_no(suspend=False), deadline)
        self._again(self._unhalt, deadline)
        self._again(self._stop_evicting, deadline)

    def close(self) -> None:
        """Close the connections."""
        self._admin.close()
        for member in self._members.values():
            member.close()

    def _stop_evicting(self) -> None:
        if EVICTION in self._box.pd.schedulers():
            self._box.pd.delete(f"/schedulers/{EVICTION}")

    def _again(self, mend: Callable[[], object], deadline: float) -> None:
        while True:
            try:
                mend()
            except (SandboxError, httpx.HTTPError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(1.0)
            else:
                return

    def _run(self, faults: Iterator[Fault]) -> None:
        for fault in faults:
            if self._stop.wait(fault.pause_seconds * self._pace.factor):
                return
            if fault.victim is Victim.LEADER and fault.kind in STRIKES:
                self._strikes.await_moment(self._stop)
                if self._stop.is_set():
                    return
            at = time.time()
            try:
                victim, done = self._ways[fault.kind](fault), True
            except (SandboxError, RefusedByServerError, httpx.HTTPError) as error:
                victim, done = f"not done: {str(error)[:200]}", False
                self._stop.wait(1.0)
            self._log(Struck(at, time.time(), fault.kind, victim, done and bool(victim)))

    # -- operators ---------------------------------------------------------------------------------

    def _kill_operator(self, fault: Fault) -> str:
        return self._operators.end(fault, gently=False)

    def _stop_operator(self, fault: Fault) -> str:
        return self._operators.end(fault, gently=True)

    def _freeze_operator(self, fault: Fault) -> str:
        return self._operators.freeze(fault)

    def _step_clock(self, fault: Fault) -> str:
        return self._operators.step_clock(fault)

    # -- control plane -----------------------------------------------------------------------------

    def _restart_api_server(self, _: Fault) -> str:
        with self._pace.restart():
            self._box.restart("kube-apiserver")
        return "kube-apiserver"

    def _kill_api_server(self, _: Fault) -> str:
        with self._pace.restart():
            return self._killed("kube-apiserver", 0.0)

    def _kill_etcd(self, fault: Fault) -> str:
        return self._killed("etcd", fault.seconds / 6)

    def _freeze_api_server(self, fault: Fault) -> str:
        self._box.process("kube-apiserver", "freeze")
        time.sleep(fault.seconds)
        self._box.process("kube-apiserver", "thaw")
        return "kube-apiserver"

    def _killed(self, name: str, away_seconds: float) -> str:
        self._box.process(name, "kill")
        time.sleep(away_seconds)
        self._box.process(name, "start")
        return name

    # -- PD ----------------------------------------------------------------------------------------

    def _member(self, fault: Fault) -> str:
        leader = self._box.pd.leader()
        if fault.victim is Victim.LEADER:
            return leader
        others = [name for name in self._members if name != leader]
        return others[fault.number % len(others)]

    def _move_pd_leader(self, fault: Fault) -> str:
        leader = self._box.pd.leader()
        names = sorted(self._members)
        target = next(name for name in (names[fault.number :] + names) if name != leader)
        self._members[leader].post(f"/leader/transfer/{target}")
        return f"{leader} to {target}"

    def _kill_pd(self, fault: Fault) -> str:
        return self._killed(self._member(fault), fault.seconds)

    def _cut_pd(self, fault: Fault) -> str:
        name = self._member(fault)
        number = sorted(self._members).index(name)
        control = self._box.state["pd"][number]["control_url"]
        door = JsonClient(control)
        try:
            door.post("/partition", {})
            time.sleep(fault.seconds)
            door.post("/partition", {"off": True})
        finally:
            door.close()
        return name

    def _meddle(self, fault: Fault) -> str:
        """Past the operators and past the proxies; the log of faults has what was set."""
        store, kind = fault.number % STORES + 1, sorted(LIMITS.values())[fault.number // 7 % 2]
        rate = MEDDLED[fault.number // 14 % len(MEDDLED)]
        self._box.pd.post(f"/store/{store}/limit", {"type": kind, "rate": rate})
        return f"limit/{store}/{kind} {rate}"

    # -- people who say no -------------------------------------------------------------------------

    def _suspend(self, fault: Fault) -> str:
        self._say_no(suspend=True)
        time.sleep(fault.seconds)
        self._say_no(suspend=False)
        return CLUSTER

    def _say_no(self, *, suspend: bool) -> None:
        spec = {"spec": {"suspend": suspend}}
        until = time.monotonic() + NO_SECONDS
        if self._admin.request("PATCH", f"{CLUSTERS}/{CLUSTER}", spec, until=until) is None:
            raise SandboxError("The API server did not answer.")

    def _halt(self, fault: Fault) -> str:
        halt = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "Halt",
            "metadata": {"name": HALT},
            "spec": {"reason": "the campaign"},
        }
        self._admin.request("POST", HALTS, halt, until=time.monotonic() + NO_SECONDS)
        time.sleep(fault.seconds)
        self._unhalt()
        return HALT

    def _unhalt(self) -> None:
        until = time.monotonic() + NO_SECONDS
        try:
            if self._admin.request("DELETE", f"{HALTS}/{HALT}", until=until) is None:
                raise SandboxError("The API server did not answer.")
        except RefusedByServerError as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise

    # -- weather -----------------------------------------------------------------------------------

    def _weather(self, fault: Fault) -> str:
        self._calm()
        for number, member in enumerate(self._box.state["pd"]):
            _order(member["control_url"], pd_orders(fault.number), fault.number + number)
        for number, proxy in enumerate(self._box.state["api_proxies"]):
            seed = fault.number + number
            _order(proxy["control_url"], api_orders(seed), seed)
        self._stop.wait(fault.seconds)
        return "networks"

    def _calm(self) -> None:
        self._box.faults.clear()
        self._box.api_faults.clear()


def _order(control_url: str, orders: tuple[Order, ...], seed: int) -> None:
    door = Faults([control_url])
    try:
        for number, order in enumerate(orders):
            details = dict(order.arguments(seed + 1000 * number))
            door.add(order.action, **details)  # type: ignore[arg-type]
    finally:
        door.close()

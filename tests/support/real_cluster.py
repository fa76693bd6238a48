"""A real PD of one or three members behind journaling proxies, with simulated stores.

What the members advertise are their proxies, so whoever follows PD is journaled; the simulated
stores reach PD past them. Every process dies with the test process (PR_SET_PDEATHSIG).
"""

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from sandbox.ports import LOOPBACK, free_ports
from sandbox.records import Growing, PdRequest, pd_request
from sandbox.remote import Faults, PdClient, StoresClient
from tests.support.memory_folder import memory_folder

START_SECONDS = 60.0
STOP_SECONDS = 10.0
TRIES = 3
LIMIT_PER_MINUTE = 2000
"""Store limits of the cluster: PD's own 15 a minute would make tests wait (P47)."""
PORT_TAKEN = "address already in use"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LINES = {"pd-server": "v8.1", "pd-6.6": "v6.6"}
"""Which line of PD each binary of the toolchain is."""
TOOLS = ("tikvsim", "pdproxy")
"""What every cluster needs of the toolchain, beside PD itself."""

# A longer lease than PD's 3 s: a busy machine must not make a leader lose it. Orderly changes of
# leader do not wait for it, and a single member that starts again takes its own back at once.
LEASE_SECONDS = {1: 60, 3: 5}
"""By the number of members: with three, others wait for it when the leader is killed."""
CONFIG = """\
lease = {lease}
[schedule]
tolerant-size-ratio = 1000.0
"""
# The last line keeps balance-leader and balance-region from undoing what a test does (P21), without
# pausing them: `Stage.lively` gives them their way.

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Shape:
    """What a cluster is made of."""

    members: int = 1
    """Of PD: 1 or 3."""
    stores: int = 4
    regions: int = 24
    schedule: tuple[tuple[str, str | int | float | bool], ...] = ()
    """Values of PD's ``[schedule]`` section from the start."""
    region_size_mb: int = 96
    pd: str = os.environ.get("ASSENT_CONTRACT_PD", "pd-server")
    """The binary of the toolchain: ``pd-server``, or ``pd-6.6`` for the older line."""

    @property
    def line(self) -> str:
        """The line of PD, such as ``v8.1``."""
        return LINES[self.pd]

    def __str__(self) -> str:
        return f"{self.members}-pd-{self.stores}-stores-{self.regions}-regions"


@dataclass
class Member:
    """One member of PD, by its addresses."""

    name: str
    url: str
    """What it advertises: the proxy."""
    direct_url: str
    control_url: str
    """Of the proxy."""
    journal: Growing[PdRequest]


class PortTakenError(Exception):
    """A process could not listen: somebody took its port in the meantime."""


@dataclass
class Process:
    """A process that can be started again with the same command line."""

    name: str
    command: list[str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; nothing happens while it runs."""
        if self.running is None or self.running.poll() is not None:
            with self.log.open("ab") as output:
                self.running = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    preexec_fn=_die_with(os.getpid()),
                )

    def kill(self) -> None:
        """End it at once; gone on return."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()

    def stop(self) -> None:
        """Ask it to end, so that it keeps what it knows; gone on return."""
        if self.running is not None:
            self.running.terminate()
            try:
                self.running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def freeze(self) -> None:
        """Stop it from running; its connections stay open."""
        if self.running is not None:
            self.running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        if self.running is not None:
            self.running.send_signal(signal.SIGCONT)

    def check(self) -> None:
        """Raise when it has ended by itself."""
        if self.running is None or self.running.poll() is None:
            return
        said = self.log.read_text(errors="replace")[-2000:]
        if PORT_TAKEN in said:
            raise PortTakenError(self.name)
        raise AssertionError(f"{self.name} ended with {self.running.returncode}:\n{said}")


@dataclass
class RealCluster:
    """A running cluster, and every way to look at it and to break it."""

    shape: Shape
    folder: Path
    members: list[Member]
    processes: dict[str, Process]
    """By name: pd-0, pdproxy-0, …, tikvsim."""
    stores: StoresClient
    effects: Growing[dict[str, Any]]
    """What the stores carried out, oldest first."""
    memory: TemporaryDirectory[str] | None
    """Holds PD's data, None when that is on disk."""
    pd: PdClient = field(init=False)
    """PD's leader, past the proxy: nothing of it is journaled."""
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        self.pd = PdClient({member.name: member.direct_url for member in self.members})
        self.faults = Faults([member.control_url for member in self.members])

    @property
    def urls(self) -> tuple[str, ...]:
        """What an operator would be given: the members' advertised URLs."""
        return tuple(member.url for member in self.members)

    def requests(self) -> list[PdRequest]:
        """Every request that reached a proxy, member by member, oldest first."""
        return [request for member in self.members for request in member.journal.read()]

    def restart(self, name: str) -> None:
        """End a process in order and start it again."""
        self.processes[name].stop()
        self.processes[name].start()

    def close(self) -> None:
        """End every process and every connection."""
        for process in self.processes.values():
            process.kill()
        for client in (self.pd, self.faults, self.stores):
            client.close()
        if self.memory is not None:
            self.memory.cleanup()


@contextmanager
def running_cluster(folder: Path, tools: Mapping[str, Path], shape: Shape) -> Iterator[RealCluster]:
    """Yield a cluster whose schedulers run; everything is stopped on the way out."""
    cluster = start_cluster(folder, tools, shape)
    try:
        yield cluster
    finally:
        cluster.close()


def start_cluster(folder: Path, tools: Mapping[str, Path], shape: Shape) -> RealCluster:
    """Return a cluster whose schedulers run and whose store limits are high; close it later."""
    for attempt in range(TRIES):
        here = folder / f"try-{attempt}"
        here.mkdir(parents=True)
        cluster = _describe(here, tools, shape)
        try:
            _start(cluster)
        except PortTakenError:
            cluster.close()
        except BaseException:
            cluster.close()
            raise
        else:
            return cluster
    raise AssertionError(f"somebody took a port of ours, {TRIES} times")


def wait_for(fact: Callable[[], bool], what: str, *, seconds: float = START_SECONDS) -> None:
    """Return once the fact holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def _describe(folder: Path, tools: Mapping[str, Path], shape: Shape) -> RealCluster:
    config = folder / "pd.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in shape.schedule]
    config.write_text(CONFIG.format(lease=LEASE_SECONDS[shape.members]) + "\n".join(lines) + "\n")
    memory = memory_folder()
    data = folder if memory is None else Path(memory.name)
    *ports, control = free_ports(4 * shape.members + 1)
    urls = [f"http://{LOOPBACK}:{port}" for port in ports]
    quartets = [urls[4 * n : 4 * n + 4] for n in range(shape.members)]
    initial = ",".join(f"pd-{n}={quartet[2]}" for n, quartet in enumerate(quartets))
    members: list[Member] = []
    processes: dict[str, Process] = {}

    def add(process: str, program: str, **flags: str) -> None:
        arguments = [f"--{flag.replace('_', '-')}={value}" for flag, value in flags.items()]
        log = folder / f"{process}.log"
        processes[process] = Process(process, [str(tools[program]), *arguments], log)

    for n, (direct, proxy, peer, orders) in enumerate(quartets):
        name, journal = f"pd-{n}", folder / f"journal-{n}.jsonl"
        add(
            f"pdproxy-{n}",
            "pdproxy",
            listen=_address(proxy),
            upstream=_address(direct),
            control=_address(orders),
            journal=str(journal),
        )
        add(
            name,
            shape.pd,
            name=name,
            data_dir=str(data / f"data-{n}"),
            client_urls=direct,
            advertise_client_urls=proxy,
            peer_urls=peer,
            advertise_peer_urls=peer,
            initial_cluster=initial,
            config=str(config),
        )
        members.append(Member(name, proxy, direct, orders, Growing(journal, _request_to(name))))
    effects = folder / "effects.jsonl"
    add(
        "tikvsim",
        "tikvsim",
        pd=",".join(quartet[0] for quartet in quartets),
        stores=str(shape.stores),
        regions=str(shape.regions),
        region_size_mb=str(shape.region_size_mb),
        control=f"{LOOPBACK}:{control}",
        log=str(effects),
        store_heartbeat="1s",  # so that what a fault shows is seen soon; PD takes any interval
        log_level="debug",  # names every command that was not carried out, and why
    )
    stores = StoresClient(f"http://{LOOPBACK}:{control}")
    return RealCluster(shape, folder, members, processes, stores, Growing(effects, dict), memory)


def _request_to(name: str) -> Callable[[dict[str, Any]], PdRequest]:
    return lambda line: pd_request(name, line)


def _start(cluster: RealCluster) -> None:
    simulator = cluster.processes["tikvsim"]
    others = [process for process in cluster.processes.values() if process is not simulator]
    for process in others:
        process.start()

    def led() -> bool:
        for process in others:
            process.check()
        return all(_says(f"{member.direct_url}/pd/api/v1/leader") for member in cluster.members)

    wait_for(led, "a PD leader")
    simulator.start()

    def ready() -> bool:
        for process in cluster.processes.values():
            process.check()
        return bool((_says(f"{cluster.stores.url}/status") or {}).get("ready"))

    wait_for(ready, "the simulated stores")
    wait_for(lambda: len(cluster.pd.schedulers()) > 0, "PD's schedulers")
    cluster.pd.post("/stores/limit", {"rate": LIMIT_PER_MINUTE})


def _says(url: str) -> dict[str, Any] | None:
    # Short, and a new connection each time: a PD that has not elected itself yet accepts a request
    # and may never answer it.
    try:
        answer = httpx.get(url, timeout=1.0, trust_env=False)
        found: dict[str, Any] | None = answer.json() if answer.is_success else None
    except (httpx.TransportError, ValueError):
        return None
    return found


def _address(url: str) -> str:
    return url.removeprefix("http://")


def _die_with(parent: int) -> Callable[[], None]:
    def die() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return die

"""A real PD of one or three members on loopback, with simulated stores, for contract tests."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from sandbox.ports import free_ports
from tests.support.memory_folder import memory_folder

START_SECONDS = 60.0
LEASE_SECONDS = 15
"""Longer than PD's 3: a busy machine must not make a leader lose it; tests change it in order."""


@dataclass(frozen=True)
class RealPd:
    """A running cluster."""

    urls: tuple[str, ...]


@contextmanager
def running_pd(
    folder: Path, *, pd_server: Path, tikvsim: Path | None, members: int = 3, regions: int = 40
) -> Iterator[RealPd]:
    """Yield a cluster whose schedulers run (without ``tikvsim``: one that only leads).

    Everything is stopped on the way out, also after a failure.
    """
    ports = free_ports(members * 2)
    urls = tuple(f"http://127.0.0.1:{port}" for port in ports[:members])
    peers = tuple(f"http://127.0.0.1:{port}" for port in ports[members:])
    joined = ",".join(f"pd-{index}={peer}" for index, peer in enumerate(peers))
    started: list[subprocess.Popen[bytes]] = []
    config = folder / "pd.toml"
    config.write_text(f"lease = {LEASE_SECONDS}\n")
    memory = memory_folder()
    data = folder if memory is None else Path(memory.name)
    try:
        for index, (url, peer) in enumerate(zip(urls, peers, strict=True)):
            started.append(
                _start(
                    [
                        str(pd_server),
                        f"--name=pd-{index}",
                        f"--data-dir={data / f'data-{index}'}",
                        f"--config={config}",
                        f"--client-urls={url}",
                        f"--peer-urls={peer}",
                        f"--initial-cluster={joined}",
                        f"--log-file={folder / f'pd-{index}.log'}",
                    ],
                    folder / f"pd-{index}.out",
                )
            )
        wait_for(lambda: b'"leader"' in _get(f"{urls[0]}/pd/api/v1/members"), "a PD leader")
        if tikvsim is not None:
            sizes = ["-stores=4", f"-regions={regions}", f"-ready-file={folder / 'ready'}"]
            started.append(
                _start([str(tikvsim), f"-pd={','.join(urls)}", *sizes], folder / "tikvsim.out")
            )
            wait_for((folder / "ready").exists, "the simulated stores")
            wait_for(
                lambda: b"scheduler" in _get(f"{urls[0]}/pd/api/v1/schedulers"), "PD's schedulers"
            )
        yield RealPd(urls)
    finally:
        for process in reversed(started):
            process.kill()
        for process in started:
            process.wait()
        if memory is not None:
            memory.cleanup()


def wait_for(fact: Callable[[], bool], what: str, *, seconds: float = START_SECONDS) -> None:
    """Return once the fact holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


def _start(command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as stream:
        return subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)


def _get(url: str) -> bytes:
    # Short, and a new connection each time: a PD that has not elected itself yet accepts a request
    # and may never answer it.
    try:
        return httpx.get(url, timeout=1.0, trust_env=False).content
    except httpx.TransportError:
        return b""

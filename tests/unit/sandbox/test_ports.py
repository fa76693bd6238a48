"""Ports are free, different, and outside the range that outgoing connections take from."""

import socket

import pytest

from sandbox import ports
from sandbox.errors import SandboxError


def test_ports_are_different_and_can_be_bound() -> None:
    """A dozen servers start at once."""
    chosen = ports.free_ports(12)
    assert len(set(chosen)) == 12
    for port in chosen:
        with socket.create_server((ports.LOOPBACK, port)):
            assert ports.LOWEST <= port <= ports.HIGHEST


def test_a_taken_port_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one port in the range and that one taken there is nothing to give."""
    taken = ports.free_port()
    monkeypatch.delenv(ports.RANGE, raising=False)
    monkeypatch.setattr(ports, "LOWEST", taken)
    monkeypatch.setattr(ports, "HIGHEST", taken)
    monkeypatch.setattr(ports, "TRIES", 1)
    assert ports.free_port() == taken
    with (
        socket.create_server((ports.LOOPBACK, taken)),
        pytest.raises(SandboxError, match="No 1 free ports"),
    ):
        ports.free_port()


def test_a_range_of_its_own_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what runs side by side takes ports that the other has found and not bound yet."""
    monkeypatch.setenv(ports.RANGE, "20000-20599")
    assert all(20_000 <= port < 20_600 for port in ports.free_ports(12))

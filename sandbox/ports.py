"""Free ports on loopback."""

import os
import random
import socket

from sandbox.errors import SandboxError

LOOPBACK = "127.0.0.1"
# Below Linux' range for outgoing connections (32768 and up), so that no connection takes the
# port of a server that is being restarted.
LOWEST, HIGHEST = 15_000, 31_999
TRIES = 500
RANGE = "SANDBOX_PORTS"
"""The environment variable that narrows this down, as in `15000-17999`: whoever runs several
sandboxes side by side gives each a range of its own, so that none takes what another has just
found."""


def free_ports(count: int) -> list[int]:
    """`count` different ports of loopback on which nobody listens at this moment.

    Another process may still take one before it is used: whoever uses them must be ready to ask
    for others.

    Raises:
        SandboxError: none could be found.
    """
    chosen: list[int] = []
    first, _, last = os.environ.get(RANGE, f"{LOWEST}-{HIGHEST}").partition("-")
    for port in random.SystemRandom().sample(range(int(first), int(last) + 1), TRIES):
        if len(chosen) == count:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        chosen.append(port)
    if len(chosen) < count:
        raise SandboxError(f"No {count} free ports between {first} and {last} on {LOOPBACK}.")
    return chosen


def free_port() -> int:
    """One port as `free_ports` finds them."""
    return free_ports(1)[0]

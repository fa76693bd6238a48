"""A real control plane on one machine: kube-apiserver, etcd, PD and simulated TiKV stores."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.library import Sandbox as Sandbox

if sys.version_info < (3, 11):  # noqa: UP036  the one check an older Python gets far enough to run
    sys.exit(
        "Python 3.11 or newer is needed, and {} is {}.{}: try `make PYTHON=python3.13 ...`.".format(
            sys.executable, *sys.version_info
        )
    )


def __getattr__(name: str) -> object:
    """`sandbox.Sandbox`, loaded when asked for: the toolchain runs before there is a .venv."""
    if name == "Sandbox":
        from sandbox.library import Sandbox

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

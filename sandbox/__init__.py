"""A real control plane on one machine: kube-apiserver, etcd, PD and simulated TiKV stores."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  the one check an older Python gets far enough to run
    sys.exit(
        "Python 3.11 or newer is needed, and {} is {}.{}: try `make PYTHON=python3.13 ...`.".format(
            sys.executable, *sys.version_info
        )
    )

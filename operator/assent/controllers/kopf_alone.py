"""kopf without what it merely looks for: ``from assent.controllers.kopf_alone import kopf``.

kopf imports the `kubernetes` package where it is installed, to know its objects when handlers
return them. Nothing here does, and that import costs 10 MiB of every operator's memory (its
kubeconfig loader brings requests and oauthlib; docs/adr/0012).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kopf"]


@contextmanager
def _not_found(package: str) -> Iterator[None]:
    """Let imports of the package fail as if it were not installed; no longer than the block."""
    if package in sys.modules:  # somebody needs it: there is nothing to save
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment] # the documented way to say so
    try:
        yield
    finally:
        del sys.modules[package]


with _not_found("kubernetes"):
    import kopf

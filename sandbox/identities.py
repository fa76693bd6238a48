"""Kubeconfigs for whoever is to be played."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from sandbox.layout import Layout
from sandbox.pki import Authority, kubeconfig, write_private

LONGEST_STEM = 80


def kubeconfig_text(layout: Layout, server: str, user: str, groups: Sequence[str] = ()) -> str:
    """A kubeconfig with a fresh certificate: the API server at `server` knows it as `user`.

    It has the rights that RBAC gives to the user and to `groups`, so at first none.

    Raises:
        SandboxError: there is no sandbox in `layout`.
    """
    authority = Authority.load(layout.pki)
    return kubeconfig(server, authority, user, authority.client(user, groups))


def kubeconfig_file(layout: Layout, server: str, user: str, groups: Sequence[str] = ()) -> Path:
    """A file, readable by its owner only, with what `kubeconfig_text` gives; made once."""
    path = layout.users / _file_name(user, groups)
    if not path.exists():
        layout.users.mkdir(exist_ok=True, mode=0o700)
        write_private(path, kubeconfig_text(layout, server, user, groups).encode())
    return path


def _file_name(user: str, groups: Sequence[str]) -> str:
    """A name that people recognize, and that no other identity has."""
    stem = re.sub(r"[^A-Za-z0-9.-]", "_", "+".join([user, *groups]))[:LONGEST_STEM]
    digest = hashlib.sha256(json.dumps([user, *groups]).encode()).hexdigest()[:8]
    return f"{stem}-{digest}"

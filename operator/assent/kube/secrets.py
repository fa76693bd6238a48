"""Reads TLS material from a Secret. What is read never reaches a log, a repr or an error."""

import base64
import binascii
from dataclasses import dataclass, field

from assent.errors import Retryable
from assent.kube.client import KubeClient
from assent.kube.errors import NotFound
from assent.kube.resources import KINDS


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """PEM bytes as stored; their repr is hidden."""

    ca: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    resource_version: str
    """Changes when the Secret changes: compare it to know whether to connect anew."""


_FIELDS = (("ca", "ca.crt"), ("certificate", "tls.crt"), ("key", "tls.key"))


async def read_tls(kube: KubeClient, namespace: str, name: str) -> TlsMaterial:
    """Return ca.crt, tls.crt and tls.key of the Secret.

    Raises:
        Retryable: reason ``TLSFailed`` and one sentence when the Secret or a key of it is
            missing or not base64 (people may mend it at any time); or as ``KubeClient``.
    """
    where = f"Secret {namespace}/{name}"
    try:
        raw = await kube.get(KINDS.secret, namespace, name)
    except NotFound:
        raise Retryable("TLSFailed", f"{where} does not exist", after_seconds=15.0) from None
    data = raw.get("data") or {}
    found: dict[str, bytes] = {}
    for attribute, key in _FIELDS:
        try:
            found[attribute] = base64.b64decode(data.get(key) or "", validate=True)
        except (binascii.Error, ValueError, TypeError):
            found[attribute] = b""
        if not found[attribute]:
            message = f"{where} has no usable {key}"
            raise Retryable("TLSFailed", message, after_seconds=15.0)
    return TlsMaterial(**found, resource_version=raw["metadata"]["resourceVersion"])

"""Turns the PEM bytes of a TLS secret into what a connection needs, and says what failed."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assent.errors import Retryable

TLS_FAILED = "TLSFailed"

_PLAIN_SERVER = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER")
_NO_CLIENT_CERTIFICATE = ("CERTIFICATE_REQUIRED", "ALERT_HANDSHAKE_FAILURE")
_BAD_CLIENT_CERTIFICATE = ("ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "CERTIFICATE_UNKNOWN")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The contents of ca.crt, tls.crt and tls.key. ``repr`` never shows the key."""

    ca: bytes
    cert: bytes | None = None
    """None for a PD that asks for no client certificate; then ``key`` is None too."""
    key: bytes | None = None

    def __repr__(self) -> str:
        return f"TlsFiles({'mutual' if self.cert else 'server only'})"


def client_context(files: TlsFiles | None) -> ssl.SSLContext:
    """Return the context for connections to PD; the system's authorities without ``files``.

    Raises:
        Retryable: reason TLSFailed; the secret holds no usable PEM. A corrected secret heals it.
    """
    if files is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=files.ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise _unusable("ca.crt", "certificate in PEM") from error
    if (files.cert is None) != (files.key is None):
        raise _unusable("tls.crt and tls.key", "pair: one of them is missing")
    if files.cert is not None and files.key is not None:
        # Python loads a client certificate from files only; these never touch a disk, for the
        # operator's root file system is read-only and a key has no business in /tmp.
        with _in_memory(files.cert) as cert, _in_memory(files.key) as key:
            try:
                context.load_cert_chain(cert, key, password=_no_password)
            except (ssl.SSLError, ValueError) as error:
                raise _unusable("tls.crt and tls.key", "matching pair in PEM") from error
    return context


def explain(error: ssl.SSLError) -> str:
    """Return in one phrase why a handshake failed, with what to look at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"PD's certificate is not trusted: {error.verify_message.rstrip('.')}"
    reason = error.reason or str(error)
    if any(mark in reason for mark in _NO_CLIENT_CERTIFICATE):
        return "PD demands a client certificate and got none that it accepts"
    if any(mark in reason for mark in _BAD_CLIENT_CERTIFICATE):
        return "PD refused the client certificate (missing, expired, or of another authority)"
    if any(mark in reason for mark in _PLAIN_SERVER):
        return "the endpoint says https, and PD answers without TLS"
    return f"the TLS handshake failed ({reason})"


def _no_password() -> str:
    # Without this OpenSSL would ask for a passphrase on the terminal.
    raise ValueError("the key is encrypted")


def _unusable(name: str, what: str) -> Retryable:
    return Retryable(TLS_FAILED, f"the TLS secret is unusable: {name} is no {what}")


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    descriptor = os.memfd_create("assent-tls", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)

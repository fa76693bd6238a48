"""The bearer token of this process, read again while running because projected tokens rotate."""

from pathlib import Path
from typing import Final

from assent.errors import Retryable

REREAD_SECONDS: Final = 30.0
"""The kubelet renews a projected token at 80 % of its life (at least 10 minutes): ample."""


class TokenFile:
    """Gives the Authorization header; its repr never shows the token."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header = ""
        self._read_at_seconds = float("-inf")

    def header(self, monotonic_seconds: float) -> str:
        """Return ``Bearer …``, read anew when the last reading is older than 30 s.

        Raises:
            Retryable: the file is not there or empty; nothing was sent.
        """
        if not self._header or monotonic_seconds - self._read_at_seconds >= REREAD_SECONDS:
            self.reread(monotonic_seconds)
        return self._header

    def reread(self, monotonic_seconds: float) -> bool:
        """Read the file now; True when it holds another token than before.

        Raises:
            Retryable: as ``header``.
        """
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"the token file {self._path} cannot be read: {type(error).__name__}"
            raise Retryable("TokenUnreadable", message) from error
        if not token:
            raise Retryable("TokenUnreadable", f"the token file {self._path} is empty")
        changed = self._header != f"Bearer {token}"
        self._header = f"Bearer {token}"
        self._read_at_seconds = monotonic_seconds
        return changed

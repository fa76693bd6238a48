"""One child process and its pipes: what these plugins need of subprocess, which takes 20 ms to
load.
"""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PIECE = 65_536
FEWER_COLLECTIONS = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}
"""A kubectl lives for a moment: garbage is collected when there is much, not as in a server."""


TERMINAL = (21, 22)
"""SIGTTIN and SIGTTOU, on every system that has posix_spawn; the signal module is slow to load."""


class Process:
    """A program that was started. Its stdin is ``given``, or nothing.

    With ``own_group`` it leads a process group, and `end` ends all that it has started, too: many a
    kubectl in PATH is a script around the real one, which would go on for ever. Such a group is not
    the terminal's: a login that wants to ask there is refused, instead of stopped without a word.
    """

    def __init__(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        given: bytes | None,
        own_group: bool = False,
    ) -> None:
        """Start it.

        Raises:
            OSError: there is no such program in PATH, or it cannot be run; nothing was started.
        """
        self.out, child_out = os.pipe()
        self._err, child_err = os.pipe()
        child_in, self._in = os.pipe()
        self._given = given or b""
        self._has_group = own_group
        actions = [
            (os.POSIX_SPAWN_DUP2, child_in, 0),
            (os.POSIX_SPAWN_DUP2, child_out, 1),
            (os.POSIX_SPAWN_DUP2, child_err, 2),
        ]
        apart: Any = {"setpgroup": 0, "setsigmask": TERMINAL} if own_group else {}
        try:
            self._id = os.posix_spawnp(
                program,
                [program, *arguments],
                {**FEWER_COLLECTIONS, **os.environ},
                file_actions=actions,
                **apart,
            )
        except OSError:
            self._close(self.out, self._err, self._in)
            raise
        finally:
            self._close(child_in, child_out, child_err)
        if not self._given:
            self._close(self._in)

    def finish(self) -> tuple[bytes, bytes, int]:
        """Return stdout, stderr and the exit code, once it has ended."""
        found: dict[int, list[bytes]] = {self.out: [], self._err: []}
        waiting = select.poll()
        for descriptor in found:
            waiting.register(descriptor, select.POLLIN)
        if self._given:
            waiting.register(self._in, select.POLLOUT)
        left = len(found)
        while left:
            for descriptor, _ in waiting.poll():
                if descriptor == self._in:
                    self._write(waiting)
                elif piece := os.read(descriptor, PIECE):
                    found[descriptor].append(piece)
                else:
                    waiting.unregister(descriptor)
                    left -= 1
        code = self._wait()
        out, err = b"".join(found[self.out]), b"".join(found[self._err])
        self._close(self.out, self._err, *([self._in] if self._given else []))
        return out, err, code

    def _write(self, waiting: select.poll) -> None:
        try:
            # No more than a pipe takes at once, so that this never blocks.
            written = os.write(self._in, self._given[: select.PIPE_BUF])
        except BrokenPipeError:  # it has ended without reading; its exit code says why
            written = len(self._given)
        self._given = self._given[written:]
        if not self._given:
            waiting.unregister(self._in)
            self._close(self._in)

    def piece(self, timeout_seconds: float) -> bytes | None:
        """Return what it printed by now, empty at its end; None when nothing came in that time."""
        ready, _, _ = select.select([self.out], [], [], timeout_seconds)
        return os.read(self.out, PIECE) if ready else None

    def end(self, *, at_once: bool) -> tuple[bytes, int]:
        """Wait for its end, or bring it about; return its stderr and the exit code.

        What was ended at once is not asked for its stderr: a child of its own may keep it open.
        """
        if at_once:
            (os.killpg if self._has_group else os.kill)(self._id, 9)
        code = self._wait()
        err = b"" if at_once else os.read(self._err, PIECE)
        self._close(self.out, self._err)
        return err, code

    def _wait(self) -> int:
        _, status = os.waitpid(self._id, 0)
        return os.waitstatus_to_exitcode(status)

    @staticmethod
    def _close(*descriptors: int) -> None:
        for descriptor in descriptors:
            os.close(descriptor)


class Piped:
    """A program that somebody else started, whose stdout is our stdin."""

    def finish(self) -> tuple[bytes, bytes, int]:
        """Return what it printed, and success for anything at all: nobody tells its exit code."""
        pieces = list[bytes]()
        while piece := os.read(0, PIECE):
            pieces.append(piece)
        return b"".join(pieces), b"", 0 if pieces else 1

    def end(self, *, at_once: bool) -> tuple[bytes, int]:
        """Leave it alone: it ends when nobody reads."""
        return b"", 0

"""The desk's kubectl, without a process: what the system would do for `assent.cli.process`.

The tests run thousands of kubectls, and to start a shell takes longer than all the rest of a test.
Pipes, exit codes and signals are as the system's; whatever else is to be started is started.
"""

import fcntl
import itertools
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.cli.desk import Answer, Desk

MUCH_BYTES, PIPE_BYTES = 60_000, 1 << 20
"""An answer is written at once, before anybody reads: into a larger pipe if it must be."""


class Quick:
    """Stands where ``os`` does in `assent.cli.process`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ids = itertools.count(-2, -1)  # no process of the system has these
        self._codes: dict[int, int] = {}
        self._hanging: dict[int, int] = {}
        self._reading: dict[int, threading.Thread] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def posix_spawnp(
        self,
        program: str,
        words: list[str],
        environment: Mapping[str, str],
        *,
        file_actions: Sequence[tuple[int, int, int]],
        **more: Any,
    ) -> int:
        """Start the program; the desk's own kubectl without starting anything."""
        if program != "kubectl" or self._is_real(words[1]):
            return os.posix_spawnp(program, words, environment, file_actions=file_actions, **more)
        number, arguments = next(self._ids), [str(one) for one in words[1:]]
        self._desk.made.append(arguments)
        given, out, err = (action[1] for action in file_actions)
        if "-f" in arguments and arguments[arguments.index("-f") + 1] == "-":
            ends = [os.dup(one) for one in (given, out, err)]
            reader = threading.Thread(target=self._reads, args=(number, arguments[0], ends))
            self._reading[number] = reader
            reader.start()
        else:
            self._answers(number, self._desk.next_answer(arguments[0]), out, err)
        return number

    def _is_real(self, verb: str) -> bool:
        real = self._desk.real
        return (self._desk.folder / "bin/kubectl").exists() and (real is None or verb in real)

    def _reads(self, number: int, verb: str, ends: list[int]) -> None:
        """Read stdin to its end first, as a kubectl does."""
        given, out, err = ends
        with os.fdopen(given, "rb") as file:
            self._desk.sent.append(file.read())
        self._answers(number, self._desk.next_answer(verb), out, err)
        os.close(out)
        os.close(err)

    def _answers(self, number: int, answer: Answer, out: int, err: int) -> None:
        for end, text in ((err, answer.err.encode()), (out, answer.out.encode())):
            if len(text) > MUCH_BYTES:
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            if text:
                os.write(end, text)
        if answer.hangs:
            self._hanging[number] = os.dup(out)
        self._codes[number] = answer.code

    def waitpid(self, number: int, options: int) -> tuple[int, int]:
        """Return how it ended."""
        if number > 0:
            return os.waitpid(number, options)
        if number in self._reading:
            self._reading.pop(number).join()
        code = self._codes.pop(number)
        return number, code << 8 if code >= 0 else -code

    def kill(self, number: int, received: int) -> None:
        """End what hangs; what has ended stays so."""
        if number > 0:
            os.kill(number, received)
        elif number in self._hanging:
            os.close(self._hanging.pop(number))
            self._codes[number] = -signal.SIGKILL

    def killpg(self, number: int, received: int) -> None:
        """End a group; see `kill`."""
        if number > 0:
            os.killpg(number, received)
        else:
            self.kill(number, received)

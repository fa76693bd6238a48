"""The desk's kubectl without a process: what the system would do for `assent.cli.process`.

The tests run thousands of kubectls, and a shell takes longer than all the rest of a test. The
script in `tests.unit.cli.desk` says the same; whatever else is in PATH is started in earnest.
"""

import fcntl
import itertools
import os
import shutil
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PIPE_BYTES = 1 << 20
"""What a pipe may hold at most: an answer is written at once, before anybody reads."""


class Quick:
    """Stands where ``os`` does in `assent.cli.process`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = folder / "bin/kubectl"
        self._written = self._program.stat().st_mtime_ns
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
        """Start the program in PATH; the desk's own kubectl without starting anything."""
        found = shutil.which(program)
        if found != str(self._program) or self._program.stat().st_mtime_ns != self._written:
            return os.posix_spawnp(program, words, environment, file_actions=file_actions, **more)
        arguments = [str(one) for one in words[1:]]
        call = self._taken(self._folder / "calls", itertools.count(100_000))
        call.write_text("".join(f"{one}\0" for one in arguments))
        given, out, err = (action[1] for action in file_actions)
        number = next(self._ids)
        if arguments[-2:] == ["-f", "-"] or "-f - " in " ".join(arguments):
            ends = [os.dup(one) for one in (given, out, err)]
            reader = threading.Thread(target=self._reads, args=(number, call, arguments, ends))
            self._reading[number] = reader
            reader.start()
        else:
            self._codes[number] = self._answer(number, arguments[0], out, err)
        return number

    def _reads(self, number: int, call: Path, arguments: list[str], ends: list[int]) -> None:
        """Read stdin to its end first, as a kubectl does."""
        given, out, err = ends
        with os.fdopen(given, "rb") as file:
            call.with_name(f"{call.name}.given").write_bytes(file.read())
        self._codes[number] = self._answer(number, arguments[0], out, err)
        os.close(out)
        os.close(err)

    @staticmethod
    def _taken(folder: Path, numbers: Any) -> Path:
        """The first file of the folder that nobody has made yet."""
        for number in numbers:
            try:
                (folder / f"{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            return folder / f"{number}"
        raise AssertionError

    def _answer(self, number: int, verb: str, out: int, err: int) -> int:
        answer, last = self._folder / f"answers/{verb}.1", 1
        while (further := answer.with_name(f"{verb}.{last + 1}")).is_dir():
            try:
                (self._folder / f"used/{verb}.{last}").touch(exist_ok=False)
            except FileExistsError:
                answer, last = further, last + 1
                continue
            break
        if not answer.is_dir():
            os.write(err, f"no answer for {verb}\n".encode())
            return 99
        for end, text in ((err, answer / "err"), (out, answer / "out")):
            self._write(end, text.read_bytes())
        if (answer / "hangs").exists():
            self._hanging[number] = os.dup(out)
        return int((answer / "code").read_text())

    @staticmethod
    def _write(end: int, text: bytes) -> None:
        if len(text) > 60_000:
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        if text:
            os.write(end, text)

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

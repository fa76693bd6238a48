"""A process of the sandbox: started, watched, stopped; it never outlives its supervisor."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.errors import PortTakenError, SandboxError

# linux/prctl.h
PR_SET_PDEATHSIG = 1
# How long a process may take to end by itself before it is killed.
GRACE_SECONDS = 5.0
POLL_SECONDS = 0.02
TAIL_LINES = 15
_PORT_TAKEN = "address already in use"

_libc = ctypes.CDLL(None, use_errno=True)


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last `lines` lines of a log; a sentence that says so when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - lines * 400))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"


class Child:
    """One process, started again at will with the same command line.

    Its output is appended to `log`. When the supervisor dies in whatever way, the kernel kills it
    (PR_SET_PDEATHSIG), so create and start children in the supervisor's main thread only.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.log = log
        self.environment = environment
        self.directory = directory
        self.frozen = False
        self._process: asyncio.subprocess.Process | None = None
        self._log_offset = 0

    @property
    def process_id(self) -> int | None:
        """The process id while it runs, else None."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by which signal); None while it runs or before it ran."""
        return None if self._process is None else self._process.returncode

    @property
    def state(self) -> str:
        """One word or two for people: new, running, frozen, or how it ended."""
        if self._process is None:
            return "new"
        if self.process_id is not None:
            return "frozen" if self.frozen else "running"
        return f"ended ({describe_exit(self.exit_code or 0)})"

    async def start(self) -> None:
        """Start it. Nothing happens if it runs.

        Raises:
            SandboxError: the program cannot be run.
        """
        if self.process_id is not None:
            return
        supervisor = os.getpid()

        def die_with_supervisor() -> None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != supervisor:  # it died before the line above
                os._exit(1)

        output = _open_log(self.log)
        try:
            self._log_offset = os.fstat(output).st_size
            self._process = await asyncio.create_subprocess_exec(
                *self.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
                cwd=self.directory,
                start_new_session=True,
                preexec_fn=die_with_supervisor,
            )
        except OSError as error:
            raise SandboxError(f"{self.name} cannot be started: {error}") from error
        finally:
            os.close(output)
        self.frozen = False

    async def wait(self) -> int:
        """Wait for its end; the exit code (negative: the signal)."""
        if self._process is None:
            return 0
        return await self._process.wait()

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Ask it to end (SIGTERM), insist (SIGKILL) after `grace_seconds`; gone on return."""
        self._signal(signal.SIGTERM)
        self.thaw()  # a stopped process would not notice
        try:
            async with asyncio.timeout(grace_seconds):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once (SIGKILL); gone on return."""
        self._signal(signal.SIGKILL)
        await self.wait()
        self.frozen = False

    def freeze(self) -> None:
        """Stop it from running (SIGSTOP); its connections stay open."""
        self._signal(signal.SIGSTOP)
        self.frozen = self.process_id is not None

    def thaw(self) -> None:
        """Let it run on (SIGCONT)."""
        self._signal(signal.SIGCONT)
        self.frozen = False

    def said(self) -> str:
        """What it has written to its log since it was last started (the first 100 kB)."""
        with self.log.open("rb") as file:
            file.seek(self._log_offset)
            return file.read(100_000).decode(errors="replace")

    def raise_if_ended(self) -> None:
        """Check that it still runs.

        Raises:
            PortTakenError: it ended because somebody else has its port.
            SandboxError: it ended for another reason; the message holds the end of its log.
        """
        if self.exit_code is None:
            return
        message = f"{self.name} ended ({describe_exit(self.exit_code)}):\n{tail(self.log)}"
        taken = _PORT_TAKEN in self.said()
        raise PortTakenError(message) if taken else SandboxError(message)

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self.process_id) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def describe_exit(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name


def _open_log(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

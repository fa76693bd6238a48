"""`python -m sandbox` as its users type it, for one directory."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.cli import main
from sandbox.layout import CHECKOUT
from sandbox.toolchain import kubectl_path


@dataclass
class CommandLine:
    """The commands, for one directory."""

    directory: Path

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """What a command prints on stdout and stderr; its exit code must be `exit_code`.

        In this process, which saves the start of an interpreter; `type` is the whole way.
        """
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = main(["--dir", str(self.directory), *arguments])
        assert code == exit_code, out.getvalue()
        return out.getvalue()

    def type(self, *arguments: str, exit_code: int = 0) -> str:
        """As `run`, in a process of its own, the directory in the environment."""
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=CHECKOUT,
            env={**os.environ, "SANDBOX_DIR": str(self.directory)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def kubectl(self, *arguments: str, kubeconfig: Path | None = None) -> str:
        """What kubectl prints, run by the administrator or as a kubeconfig says."""
        chosen = kubeconfig or self.directory / "kubeconfig"
        command = [str(kubectl_path()), f"--kubeconfig={chosen}", *arguments]
        return subprocess.check_output(command, text=True)

    def environment(self) -> dict[str, str]:
        """What `env` prints, parsed."""
        return dict(line.split("=", 1) for line in self.run("env").splitlines())

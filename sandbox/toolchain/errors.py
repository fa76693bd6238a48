"""What can go wrong while binaries are made, each said in a sentence the user can act on."""

from pathlib import Path


class ToolchainError(Exception):
    """A binary could not be provided; the message is the whole explanation for the user."""


class CommandError(ToolchainError):
    """A command of the toolchain ended with an error; the message ends in the tail of its log."""

    def __init__(self, title: str, exit_code: int, log: Path, tail: str) -> None:
        self.exit_code = exit_code
        self.log = log
        super().__init__(f"{title} failed (exit code {exit_code}).\n{tail}\nWhole log: {log}")

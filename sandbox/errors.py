"""What goes wrong with a sandbox, each said in a sentence the user can act on."""


class SandboxError(Exception):
    """The sandbox cannot do what was asked; the message is the whole explanation."""


class PortTakenError(SandboxError):
    """Somebody took a port between its choice and its use; choose others and try again."""


class NotRunningError(SandboxError):
    """There is no sandbox in that directory, or it has ended."""

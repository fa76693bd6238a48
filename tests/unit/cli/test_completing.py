"""Completion of flags, of their values, and of names by what can be done with them."""

import pytest

from assent.cli.completion import complete
from assent.cli.proposals_command import COMMANDS
from tests.unit.cli.desk import Desk, recorded

NAME = "fill-store-2"


def offered(text: str) -> list[str]:
    *lines, directive = text.splitlines()
    assert directive == ":4"
    return [line.partition("\t")[0] for line in lines]


VALUES = [
    ("approve", ["-o", ""], ["name", "json", "yaml"]),
    ("approve", ["--output", "j"], ["json"]),
    ("approve", ["--output=y"], ["--output=yaml"]),
    ("approve", ["--dry-run", ""], ["none", "server"]),
    ("approve", ["--dry-run=s"], ["--dry-run=server"]),
    ("approve", ["--timeout", "1"], ["10m", "1h"]),
    ("proposals", ["-o", ""], ["json", "yaml", "name"]),
    ("proposals", ["unhalt", "-o", ""], ["name"]),
    ("proposals", ["export", "x", "-o", ""], ["json", "yaml"]),
    ("approve", ["--br"], ["--break-glass"]),
    ("reject", ["--br"], []),
    ("proposals", ["wi"], ["withdraw"]),
    ("proposals", ["withdraw", "--ye"], ["--yes"]),
    ("proposals", ["nosuch", "--en"], ["--ended"]),
]


@pytest.mark.parametrize(
    ("plugin", "words", "wanted"), VALUES, ids=[" ".join([one[0], *one[1]]) for one in VALUES]
)
def test_flags_and_their_values_are_completed(
    desk: Desk, plugin: str, words: list[str], wanted: list[str]
) -> None:
    """Without asking the API server."""
    assert offered(complete(plugin, words)) == wanted
    assert desk.calls("get") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_completes_its_flags(desk: Desk, command: str) -> None:
    """Its own before kubectl's."""
    flags = offered(complete("proposals", [command, "--"]))
    assert "--namespace" in flags
    assert flags.index("--help") < flags.index("--namespace")


def test_only_open_ones_are_offered_for_withdrawal(desk: Desk) -> None:
    """Afterwards there is nothing to take back."""
    desk.has(recorded("pending-high"), recorded("succeeded", phase="Executing"))
    assert offered(complete("proposals", ["withdraw", ""])) == [NAME]


def test_what_a_shell_writes_on_the_terminal_is_harmless(desk: Desk) -> None:
    """A sentence is made of names that people have chosen: no line, no escape of theirs."""
    found = recorded("pending-high", summary="add the label a\n--yes\tx \x1b[2J\u202e")
    desk.has(found)
    name, directive = complete("approve", [""]).splitlines()
    assert directive == ":4"
    assert name == f"{NAME}\tHigh add the label a --yes x \\x1b[2J\\u202e"


TYPED = [
    ("approve", ["-m", ""]),
    ("approve", [NAME, "--break-glass", ""]),
    ("approve", ["--confirm", "st"]),
    ("approve", ["--token", ""]),
    ("proposals", ["halt", "--reason", ""]),
    ("proposals", ["cancel", NAME, "--message", ""]),
    ("proposals", ["--as", ""]),
]


@pytest.mark.parametrize(("plugin", "words"), TYPED, ids=[" ".join(one[1]) for one in TYPED])
def test_what_a_person_types_is_not_offered_names(
    desk: Desk, plugin: str, words: list[str]
) -> None:
    """A proposal's name is no reason for it, and a command is no user."""
    desk.has(recorded("pending-high"))
    assert offered(complete(plugin, words)) == []


@pytest.mark.parametrize("plugin", ["approve", "proposals"])
def test_namespaces_and_contexts_are_offered_before_any_command(desk: Desk, plugin: str) -> None:
    """As kubectl offers them."""
    desk.is_told("get", "namespace/tikv\nnamespace/web\n")
    desk.is_told("config", "prod\nstaging\n")
    assert offered(complete(plugin, ["-n", ""])) == ["tikv", "web"]
    assert offered(complete(plugin, ["--namespace", "w"])) == ["web"]
    assert offered(complete(plugin, ["--context", "s"])) == ["staging"]


def test_of_a_plan_the_fields_of_each_step_are_offered(desk: Desk) -> None:
    """As modify takes them: of a plan it wants to hear which step."""
    found = recorded("pending-high")
    steps = [{"type": "EvictLeaders", "evictLeaders": {"storeId": 2}}]
    action = {"type": "Plan", "plan": {"steps": steps}}
    found["spec"]["action"] = found["status"]["assessed"]["action"] = action
    desk.has(found)
    fields = offered(complete("proposals", ["modify", NAME, ""]))
    assert fields[:4] == ["1.storeId=", "1.group=", "1.waitUntil=", "reason="]
    assert "steps=" not in fields

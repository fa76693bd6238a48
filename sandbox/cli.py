"""`python -m sandbox`: start a sandbox, look at it, break things in it, stop it."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from sandbox import client
from sandbox.child import tail
from sandbox.errors import SandboxError
from sandbox.identities import kubeconfig_text
from sandbox.layout import Layout
from sandbox.options import PD_COUNTS, Options
from sandbox.orders import OPERATOR_ACTIONS, PROCESS_ACTIONS
from sandbox.report import (
    describe,
    environment,
    export_line,
    has_space,
    replace_unprintable,
    welcome,
)
from sandbox.toolchain import Reporter, ToolchainError

FAULTS = ("stop", "start", "hang", "slow", "fill", "heat")
LASTING_FAULTS = ("hang", "slow", "fill", "heat")
DEFAULTS = Options()
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command line `arguments` (None: the process's own)."""
    chosen = parser().parse_args(arguments)
    replace_unprintable()
    try:
        code = int(chosen.run(chosen, client.directory(chosen.dir)) or 0)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 0
    except (SandboxError, ToolchainError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line; each command names its function as `run`."""
    root = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    root.add_argument(
        "--dir", type=Path, help="the sandbox's directory (default: $SANDBOX_DIR, else by checkout)"
    )
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start a sandbox that stays")
    up.add_argument("--stores", type=int, default=DEFAULTS.stores, metavar="N")
    up.add_argument("--regions", type=int, default=DEFAULTS.regions, metavar="N")
    up.add_argument("--pd", type=int, choices=PD_COUNTS, default=DEFAULTS.pd, help="PD members")
    up.add_argument(
        "--operators", type=int, default=None, metavar="N", help="default: 1, with --bare 0"
    )
    up.add_argument(
        "--bare", action="store_true", help="no TiKVCluster, and no operator by default"
    )
    up.set_defaults(run=_up)

    for name, run, help_text in (
        ("down", _down, "stop it and remove its directory"),
        ("status", _status, "what runs where"),
        ("env", _env, "NAME=value lines for shells: export $(python -m sandbox env)"),
    ):
        commands.add_parser(name, help=help_text).set_defaults(run=run)

    logs = commands.add_parser("logs", help="the log of one process")
    logs.add_argument("name", help="as `status` shows it, e.g. operator-1, pd-0, kube-apiserver")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.set_defaults(run=_logs)

    user = commands.add_parser("user", help="print a kubeconfig for an identity")
    user.add_argument("name")
    user.add_argument("--group", action="append", default=[], metavar="GROUP")
    user.set_defaults(run=_user)

    store = commands.add_parser("store", help="break or mend a simulated store")
    store.add_argument("fault", choices=FAULTS)
    store.add_argument("number", type=_number, metavar="N", help="the store's id in PD")
    store.add_argument("--off", action="store_true", help=f"end {', '.join(LASTING_FAULTS)}")
    store.set_defaults(run=_store)

    operator = commands.add_parser("operator", help="start, stop, kill, freeze, thaw an operator")
    operator.add_argument("action", choices=OPERATOR_ACTIONS)
    operator.add_argument("number", type=_number, metavar="N")
    operator.set_defaults(run=_operator)

    process = commands.add_parser("process", help="the same for any other process")
    process.add_argument("action", choices=PROCESS_ACTIONS)
    process.add_argument("name", help="as `status` shows it")
    process.set_defaults(run=_process)
    return root


def _number(text: str) -> int:
    """What stores and operators are called."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _up(chosen: argparse.Namespace, layout: Layout) -> None:
    default_operators = 0 if chosen.bare else DEFAULTS.operators
    options = Options(
        stores=chosen.stores,
        regions=chosen.regions,
        pd=chosen.pd,
        operators=default_operators if chosen.operators is None else chosen.operators,
        bare=chosen.bare,
    )
    process, state = client.launch(layout, options, Reporter())
    client.detach(process)
    print(welcome(layout, state))


def _down(_chosen: argparse.Namespace, layout: Layout) -> None:
    existed = layout.root.exists()
    with Reporter().step("stopping the sandbox"):
        client.shut_down(layout)
    print(f"Stopped; {layout.root} is removed." if existed else f"Nothing runs in {layout.root}.")


def _status(_chosen: argparse.Namespace, layout: Layout) -> None:
    print(describe(layout, client.running_state(layout)))


def _env(_chosen: argparse.Namespace, layout: Layout) -> None:
    for name, value in environment(layout, client.running_state(layout)).items():
        print(f"{name}={value}")
    if has_space(str(layout.root)):
        print(f"A path holds a space. To export: {export_line(layout)}", file=sys.stderr)


def _logs(chosen: argparse.Namespace, layout: Layout) -> int:
    path = layout.log(chosen.name)
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in layout.logs.glob("*.log")))
        raise SandboxError(f"There is no log {chosen.name!r}; there are: {known or 'none'}.")
    if chosen.follow:
        return subprocess.call(["tail", "-n", "100", "-F", str(path)])
    print(tail(path, lines=1000))
    return 0


def _user(chosen: argparse.Namespace, layout: Layout) -> None:
    state = client.running_state(layout)
    print(kubeconfig_text(layout, state["apiserver"], chosen.name, chosen.group), end="")


def _store(chosen: argparse.Namespace, layout: Layout) -> None:
    if chosen.off and chosen.fault not in LASTING_FAULTS:
        raise SandboxError(f"--off ends {', '.join(LASTING_FAULTS)}; {chosen.fault} has no end.")
    url = f"{client.running_state(layout)['tikvsim']}/stores/{chosen.number}/{chosen.fault}"
    try:
        answer = httpx.post(url, json={"off": True} if chosen.off else {}, trust_env=False)
    except httpx.HTTPError as error:
        raise SandboxError(f"The simulated stores do not answer: {error!r}") from error
    said: dict[str, Any] = answer.json()
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise SandboxError(f"There is no store {chosen.number}.")
    if answer.is_error:
        raise SandboxError(f"Store {chosen.number}: {said.get('error', said)}")
    print(f"store {chosen.number}: " + " ".join(f"{name}={value}" for name, value in said.items()))


def _operator(chosen: argparse.Namespace, layout: Layout) -> None:
    state = client.order(layout, "operator", number=chosen.number, action=chosen.action)
    unit = state["operators"][str(chosen.number)]
    print(f"operator {chosen.number}: {unit['state']}, Pod {unit['pod']}, http://{unit['address']}")


def _process(chosen: argparse.Namespace, layout: Layout) -> None:
    state = client.order(layout, "process", name=chosen.name, action=chosen.action)
    print(f"{chosen.name}: {state['processes'][chosen.name]['state']}")

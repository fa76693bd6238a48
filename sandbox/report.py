"""What the command line says about a sandbox."""

import io
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from sandbox.layout import Layout, default_directory

State = dict[str, Any]


def replace_unprintable() -> None:
    """Let standard output show `?` for what its encoding lacks, instead of failing at it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def environment(layout: Layout, state: State) -> dict[str, str]:
    """The variables that shells and scripts need to use the sandbox."""
    first = state["pd"][0]
    return {
        "KUBECONFIG": str(layout.kubeconfig),
        "PD_URL": first["proxy_url"],
        "PD_DIRECT_URL": first["direct_url"],
        "PD_FAULTS_URL": first["control_url"],
        "TIKVSIM_URL": state["tikvsim"],
        "SANDBOX_DIR": str(layout.root),
    }


def describe(layout: Layout, state: State) -> str:
    """A table of what runs where."""
    addresses = {"kube-apiserver": state["apiserver"], "tikvsim": state["tikvsim"]}
    for number, member in enumerate(state["pd"]):
        addresses[member["name"]] = member["direct_url"]
        addresses[f"pdproxy-{number}"] = f"{member['proxy_url']} (faults: {member['control_url']})"
    rows = [("PROCESS", "STATE", "PID", "WHERE")]
    for name, process in state["processes"].items():
        rows.append((name, process["state"], str(process["pid"] or "-"), addresses.get(name, "")))
    for number, unit in state["operators"].items():
        where = f"http://{unit['address']} (Pod {unit['pod']})"
        rows.append((f"operator-{number}", unit["state"], str(unit["pid"] or "-"), where))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True))
        + f"  {row[3]}"
        for row in rows
    ]
    return "\n".join([*(line.rstrip() for line in lines), f"Directory: {layout.root}"])


def welcome(layout: Layout, state: State) -> str:
    """What is where, and what to type next."""
    options = state["options"]
    bare = options["bare"]
    looks = (
        ["kubectl api-resources --api-group=assent.tikv.org"]
        if bare
        else [
            "kubectl -n tikv get tikvclusters",
            "kubectl apply -f sandbox/manifests/people.yaml     # sam asks, alice and bert decide",
        ]
    )
    evict = (
        'curl -d \'{"name":"evict-leader-scheduler","store_id":1}\' $PD_URL/pd/api/v1/schedulers'
    )
    return "\n".join(
        [
            describe(layout, state),
            "",
            f"{options['stores']} stores, {options['regions']} regions. Next:",
            *_path_line(),
            f"  {export_line(layout)}",
            *(f"  {look}" for look in looks),
            f"  {evict}     # break something",
            *([] if bare else ["  kubectl proposals -n tikv --as alice"]),
            "  python -m sandbox logs operator-1 -f" if not bare else "  python -m sandbox status",
            "  make sandbox-down     # more: sandbox/README.md",
        ]
    )


def export_line(layout: Layout) -> str:
    """The shell line that puts `environment` into force, whatever the directory is called."""
    named = "" if layout.root == _usual() else f" --dir {shlex.quote(str(layout.root))}"
    line = f"export $(python -m sandbox{named} env)"
    # A shell cuts the output at spaces; cut at the ends of lines, each value stays whole.
    return f"IFS=$'\\n'; {line}; unset IFS" if has_space(str(layout.root)) else line


def has_space(value: str) -> bool:
    """Whether `export $(…)` would cut this value."""
    return len(value.split()) != 1


def _usual() -> Path:
    return default_directory().absolute()


def _path_line() -> list[str]:
    """What makes `python`, `kubectl` and the plugins those of the checkout, where they are not."""
    programs = str(Path(sys.executable).parent)
    known = os.environ.get("PATH", "").split(os.pathsep)
    return [] if programs in known else [f'  export PATH="{programs}:$PATH"']

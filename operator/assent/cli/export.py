"""`kubectl proposals export`: a manifest for Git."""

import argparse
import json

from assent.cli.console import Console
from assent.cli.kubectl import Kubectl
from assent.cli.manifest import account, exported, to_yaml
from assent.cli.reading import read


def export(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Write the ask, without approvals and status; several as documents of one file.

    Raises:
        CliError: there is no such proposal.
    """
    console.only_reads = True
    author = account(chosen.as_account) if chosen.as_account else None
    manifests = [exported(one.document, author=author) for one in read(kubectl, chosen.names)]
    if chosen.output == "json":
        whole = manifests[0] if len(manifests) == 1 else {
            "apiVersion": "v1", "kind": "List", "items": manifests,
        }  # fmt: skip
        console.give(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        console.give("---\n".join(to_yaml(manifest) for manifest in manifests))
    return 0

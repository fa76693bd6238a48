"""The Go code of the sandbox passes its own tests: they run here, so that nobody forgets them."""

import subprocess
from pathlib import Path

import pytest

from sandbox.toolchain.cache import default_cache
from sandbox.toolchain.golang import choose_go, go_env
from sandbox.toolchain.progress import Reporter

MODULE = Path(__file__).parents[3] / "sandbox" / "go" / "tikvsim"


@pytest.mark.xdist_group("go")
@pytest.mark.trap("P43")  # region/: TestChangePeers, TestSplitAt, TestMerge compare epochs
@pytest.mark.trap("P44")  # sim/: TestARepeatedCommandHasOneEffect
def test_the_simulated_stores_and_the_proxy_pass_their_own_tests() -> None:
    """Region epochs, resends, faults and the journal, tested where they are written."""
    cache = default_cache()
    go = choose_go([MODULE / "go.mod"], cache=cache, reporter=Reporter())
    done = subprocess.run(
        [go.command, "test", "./..."], cwd=MODULE, env=go_env(cache), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr

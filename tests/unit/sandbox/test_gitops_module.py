"""The Go code by which scripts are run as Argo CD runs them passes its own tests."""

import subprocess

import pytest

from sandbox.toolchain.cache import default_cache
from sandbox.toolchain.catalogue import GO_SOURCES
from sandbox.toolchain.golang import choose_go, go_env
from sandbox.toolchain.progress import Reporter

MODULE = GO_SOURCES / "gitops"


@pytest.mark.xdist_group("go")
def test_the_lua_of_argo_cd_passes_its_own_tests() -> None:
    """Which libraries there are, what numbers and nulls become, that an endless script ends."""
    cache = default_cache()
    go = choose_go([MODULE / "go.mod"], cache=cache, reporter=Reporter())
    done = subprocess.run(
        [go.command, "test", "./luahealth"],
        cwd=MODULE,
        env=go_env(cache),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

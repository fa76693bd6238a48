"""The Dockerfile, as far as it can be judged without a container engine."""

import re
import tomllib

from tests.helm.rendering import ROOT, kustomization

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
STAGES = re.split(r"(?m)^FROM ", DOCKERFILE)[1:]


def test_base_image_is_an_argument() -> None:
    """Users build the same file from the Python image they trust."""
    assert [stage.split()[0] for stage in STAGES] == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]


def test_image_installs_the_wheel() -> None:
    """Not a copy of the sources on PYTHONPATH: what is tested is what is built."""
    assert "PYTHONPATH" not in DOCKERFILE
    assert "--no-editable" in STAGES[0]
    copied = re.findall(r"(?m)^COPY (.*)$", STAGES[1])
    assert copied == ["--from=build /opt/assent /opt/assent"]


def test_dependencies_are_the_locked_ones() -> None:
    """Every sync is frozen and leaves the development tools out."""
    syncs = re.findall(r"uv sync (.*)", DOCKERFILE)
    assert len(syncs) == 2
    assert all("--frozen" in options and "--no-dev" in options for options in syncs)


def test_image_runs_as_nobody_in_particular() -> None:
    """The same number as in the Deployment; a name could not be checked by runAsNonRoot."""
    pod = kustomization("deploy")["Deployment", "assent-system", "assent"]["spec"]["template"]
    context = pod["spec"]["securityContext"]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in STAGES[1]


def test_entry_point_is_the_projects_own_script() -> None:
    """Renaming the script would otherwise be seen in a crash loop only."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert 'ENTRYPOINT ["assent"]' in STAGES[1]
    assert "assent" in scripts


def test_context_holds_what_is_copied() -> None:
    """The ignore file lets through exactly what the build needs."""
    lines = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    needed = {
        name for line in re.findall(r"(?m)^COPY (.*)$", STAGES[0]) for name in line.split()[:-1]
    }
    assert allowed == needed
    assert all((ROOT / name).exists() for name in needed)


def test_version_is_the_same_everywhere() -> None:
    """Package, chart and image are released together."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = (ROOT / "helm/assent/Chart.yaml").read_text()
    assert f"\nversion: {version}\n" in chart
    assert f"\nappVersion: {version}\n" in chart
    assert f"image: assent:{version}\n" in (ROOT / "deploy/operator/deployment.yaml").read_text()

"""One sandbox for the crash tests; fixtures as in the integration tests."""

from tests.integration.conftest import box, namespace, pytest_runtest_makereport, session_box
from tests.integration.operator.conftest import scene, stage

__all__ = ["box", "namespace", "pytest_runtest_makereport", "scene", "session_box", "stage"]

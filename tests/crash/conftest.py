"""Fixtures as in the operator's integration tests."""

from tests.integration.operator.conftest import scene, stage

__all__ = ["scene", "stage"]

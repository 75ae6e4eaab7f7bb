"""The evidence that the registry's tests judge, for tests of what the flows make of a verdict."""

from tests.registry.conftest import bundle, challenging, evidence, gates, judged, target

__all__ = ["bundle", "challenging", "evidence", "gates", "judged", "target"]

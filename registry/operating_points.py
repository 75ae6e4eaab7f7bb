"""The check that a target was measured at the operating point that it names, and that this point is certified.

Gates on speed are judged by that measurement. Gates on accuracy, and the certificate that the verdict asks for, are those
of the bundle's default point: at a target's own point, its own certificate is the promise.
"""

from collections.abc import Iterator

from registry.checks import Check, Outcome
from registry.rules import invalid
from tasks.recipe import Target
from tasks.records import BenchmarkResult, RouterResult, operating_point_name


def operating_point_checks(router: RouterResult, benchmark: BenchmarkResult, target: Target) -> Iterator[Check]:
    """One check for a target that names a point; for another one, none unless something else than the default was measured."""
    name, measured = f"operating_point/{target.name}", benchmark.operating_point
    if target.operating_point is None:
        if measured not in (None, router.operating_point):
            yield invalid(
                name, f"{target.name} was measured at {measured}, not at the default {router.operating_point}"
            )
        return
    wanted = operating_point_name(target.operating_point)
    certified = {entry.operating_point: entry for entry in router.certificates if entry.certified}
    if not certified and len(router.paths) == 1:
        said = f"the router stays on the path {router.paths[0].name} alone, at {wanted} as anywhere"
        yield Check(name=name, outcome=Outcome.PASS, sentence=said)
    elif wanted not in certified:
        known = ", ".join(certified) or "none"
        said = f"{target.name} asks for the operating point {wanted}, which is not certified; certified: {known}"
        yield Check(name=name, outcome=Outcome.FAIL, sentence=said)
    elif measured != wanted:
        yield invalid(name, f"{target.name} asks for the operating point {wanted}, and {measured} was measured")
    else:
        said = f"{target.name} was measured at {wanted}, and serves there: {certified[wanted].statement}"
        yield Check(name=name, outcome=Outcome.PASS, sentence=said)

"""Evidence with other numbers in one of its figures."""

from registry.evidence import Evidence
from tasks.records import Figure


def with_figure(evidence: Evidence, name: str, **numbers: object) -> Evidence:
    """The evidence with other numbers in the figure of this name, which it has."""
    assert figure_of(evidence, name)
    figures = tuple(
        figure.model_copy(update=numbers) if figure.name == name else figure for figure in evidence.evaluation.figures
    )
    evaluation = evidence.evaluation.model_copy(update={"figures": figures})
    return evidence.model_copy(update={"evaluation": evaluation})


def figure_of(evidence: Evidence, name: str) -> Figure:
    """The figure of this name."""
    return next(figure for figure in evidence.evaluation.figures if figure.name == name)

"""Nothing is defined that only its tests call."""

from pathlib import Path

from tests.structure.definitions import Definition, Names, code_of_pages, definitions, templates
from tests.structure.source_tree import ROOT, Module, modules

REGISTERED_BY = {"field_validator", "model_validator", "field_serializer", "model_serializer", "get", "post"}
"""Decorators that hand what they decorate to a framework, which calls it."""
HOOKS = {
    "ArgumentParser": {"parse_known_args"},
    "EarlyStoppingCallback": {"check_metric_value"},
    "Handler": {"emit"},
    "MetaPathFinder": {"find_distributions"},
    "Metric": {"_info"},
    "Module": {"forward"},
    "ProcessWorker": {"get_and_submit_flow_runs"},
    "PythonModel": {"load_context"},
    "SafeLoader": {"compose_node"},
    "Trainer": {"compute_loss", "create_optimizer"},
    "TrainerCallback": {"on_evaluate", "on_step_begin", "on_step_end"},
}
"""What the classes of other packages call on those that are derived from them, by the base."""
ALLOWED = {
    "registry.write_points:listening": "the seam for fault injection: nothing listens in production",
}
WAITING = {"engine.monitoring": "for the server, which watches by it"}


def unused(found: list[Module], texts: list[str]) -> list[Definition]:
    """What nobody names outside of it and no framework calls."""
    names = Names.of(found, texts)
    every = (definition for module in found for definition in definitions(module))
    return [
        definition for definition in every if not called_by_rule(definition) and not names.somebody_names(definition)
    ]


def called_by_rule(definition: Definition) -> bool:
    """By the language, or by the framework that it is handed to."""
    if definition.name.startswith("__") and definition.name.endswith("__"):
        return True
    hooks = {hook for base in definition.owner or () for hook in HOOKS.get(base, ())}
    return definition.name in hooks or bool(REGISTERED_BY & set(definition.decorators))


def test_every_definition_has_a_caller_outside_tests() -> None:
    product = list(modules().values())
    texts = [*code_of_pages(), *templates(), (ROOT / "pyproject.toml").read_text(encoding="utf-8")]
    found = {str(definition): definition for definition in unused(product, texts)}
    waiting = {name for name, definition in found.items() if definition.module in WAITING}
    assert found.keys() - waiting == ALLOWED.keys()
    assert {found[name].module for name in waiting} == WAITING.keys()


def test_what_only_calls_itself_or_is_only_imported_is_seen(tmp_path: Path) -> None:
    defined = '''
"""Words of a docstring, alone, call nothing: spare."""
SPARE, USED = 1, 2
def alone(): return alone()
def pointed(): return USED
def handed_on(): ...
class Kind:
    """One that is kept."""
    size = 1
    field: int = 2
    def taken(self): return self.never
    def spare(self): return self.spare()
    def __len__(self): return 0
    def emit(self): ...
class Known(logging.Handler):
    def emit(self): ...
    def close_all(self): ...
'''
    using = """
from a import Kind, Known, SPARE, handed_on
STEP = "a:pointed"
def main(one: "list[Known]"):
    return Kind().taken() and STEP and main
"""
    last = "from b import handed_on, main\nhanded_on(main)"
    for name, source in (("a", defined), ("b", using), ("c", last)):
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    found = unused([Module(name, tmp_path / f"{name}.py") for name in "abc"], [])
    assert [definition.name for definition in found] == ["SPARE", "alone", "size", "spare", "emit", "close_all"]

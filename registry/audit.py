"""Whether a model's ledger is whole and MLflow shows what it says. Looks, and changes nothing."""

from registry.ledger import ModelState
from registry.ledger.entries import broken_link
from registry.projection import LEDGER_HEAD, misplaced_aliases
from registry.promotion import altered_tags
from registry.registrar import Registrar
from registry.versions import fetch_bundle, find_version
from tasks.errors import UserError


def audit(registrar: Registrar, model: str) -> tuple[str, ...]:
    """What is wrong, one sentence each; nothing if all is well.

    The chain itself; entries that are missing at its end (by the anchor in MLflow); the aliases; the tags and the bytes
    of every version that serves or could be rolled back to.
    """
    entries = registrar.ledger.entries(model)
    problems = []
    if broken := broken_link(entries):
        problems.append(f"the ledger: {broken}")
    state = ModelState.after(entries)
    if cut := _cut_off(registrar, model, {f"{entry.sequence}:{entry.hash}" for entry in entries}):
        problems.append(f"the ledger: {cut}")
    problems += [misplaced.sentence for misplaced in misplaced_aliases(registrar.store, model, state)]
    for number in dict.fromkeys(reversed(state.lineage)):
        version = find_version(registrar.client, model, number)
        if version is None:
            problems.append(f"models:/{model}/{number} has been champion and is not registered any more")
            continue
        if number in state.registered and (altered := altered_tags(state, version)):
            problems.append(altered)
        try:
            fetch_bundle(registrar.store, version)
        except UserError as error:
            problems.append(str(error))
    return tuple(problems)


def _cut_off(registrar: Registrar, model: str, known: set[str]) -> str | None:
    """The anchor names an entry that the ledger does not have: its end was taken away, or another one was put there."""
    anchor = registrar.client.get_registered_model(model).tags.get(LEDGER_HEAD)
    if anchor is None or anchor in known:
        return None
    return f"MLflow has seen entry {anchor.partition(':')[0]} of {model} as it is not on the ledger now"

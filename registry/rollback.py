"""Back to a champion from before, in one command: its bytes are verified and blessed again, then it serves.

No gate is asked: it has served already, and something is wrong now. The next gate compares with what it finds serving.
"""

from registry.ledger import Kind, ModelState
from registry.projection import reconcile
from registry.promotion import Move, Promotion, altered_tags, carry_out, refused, unmoved
from registry.registrar import Registrar
from registry.versions import CHAMPION
from tasks.errors import UserError


def rollback(registrar: Registrar, model: str, *, to: int | None = None, reason: str) -> Promotion:
    """Make `to`, or the champion before the present one, the champion again.

    Only what has been champion can be rolled back to. Raises UserError, and notes the refusal, when there is none, when
    its bytes or tags are not those that were registered, or when it cannot be blessed.
    """
    if not reason.strip():
        raise UserError("a rollback needs a reason; give --reason")
    reconcile(registrar.store, registrar.ledger, model)
    state = registrar.state(model)
    target = _target(model, state) if to is None else to
    if target not in state.moves:
        served = ", ".join(str(number) for number in sorted(state.moves)) or "none"
        raise UserError(f"models:/{model}/{target} never was the champion; it can be: {served}", field="--to")
    version = registrar.version(model, target)
    if state.champion == target:
        return unmoved(version, f"{version.uri} is the champion already", alias=CHAMPION)
    if problem := altered_tags(state, version):
        raise refused(registrar, version, state, problem)
    return carry_out(registrar, Move(Kind.ROLLED_BACK, version, reason, state.champion, {}))


def _target(model: str, state: ModelState) -> int:
    if not state.previous_champions:
        raise UserError(f"{model} has no champion before the present one; see: miaotui history {model}")
    return state.previous_champions[0]

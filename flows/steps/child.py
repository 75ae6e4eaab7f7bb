"""The process of one step: `-m flows.steps.child DESCRIPTOR`, started by `flows.steps.process`.

It receives the order over a connection, runs it through the step cache, and answers with progress, then with the receipt
or the error. Steps that run beside one another have to be in processes of their own: training seeds the process's one
random number generator, and PyTorch's ONNX export keeps global state.
"""

import pickle
import sys
import traceback
from multiprocessing.connection import Connection

from flows.steps.order import Receipt, StepOrder
from tasks.errors import UserError
from tasks.machine.child_process import die_with_parent


def main(descriptor: int) -> None:
    """Carries out one order."""
    die_with_parent()
    with Connection(descriptor) as connection:
        order: StepOrder = connection.recv()
        try:
            run = order.cache.run(
                order.step,
                order.inputs,
                lambda message, fraction=None: connection.send(("progress", (message, fraction))),
            )
        except Exception as error:  # noqa: BLE001 - handed to the process that waits for it
            connection.send(("error", _sendable(error)))
        else:
            connection.send(("receipt", Receipt(run.entry, run.reused, run.seconds)))


def _sendable(error: Exception) -> Exception:
    """The error with its traceback as a note; another one that says the same where it does not survive the way."""
    if not isinstance(error, UserError):
        error.add_note("In the step's process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - its own bytes
    except Exception:  # noqa: BLE001 - whatever an exception's own constructor may raise
        other = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            other.add_note(note)
        return other
    return error


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""What libraries say that they did not do, or did otherwise than asked: heard, so that it becomes part of a result.

They say it in log lines and warnings that nobody reads once a run is over. What is about their own future, and what is
judged by the numbers themselves elsewhere, is in an explicit list and passed over.
"""

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

LIBRARIES: Final = (
    "transformers",
    "peft",
    "accelerate",
    "optimum",
    "huggingface_hub",
    "datasets",
    "torch",
    "sklearn",
    "onnxruntime",
)
"""Whose log lines from the level WARNING on are heard."""
_LONGEST: Final = 400
_SPACE: Final = re.compile(r"\s+")
_ABOUT_THEMSELVES: Final = (
    DeprecationWarning,
    PendingDeprecationWarning,
    FutureWarning,
    ImportWarning,
    ResourceWarning,
)
EXPECTED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # What of a base model's weights was used is judged by its loading report (see tasks.base_models.pretrained).
        r"^Some weights of .* were not (used|initialized)",
        r"^You should probably TRAIN this model",
        # Of the exporter and the optimizer of graphs, whose graphs are compared with their parents' answers.
        r"^Converting a tensor to a Python \w+ might cause the trace to be incorrect",
        r"^(torch\.tensor|Iterating over a tensor|Using len to get tensor shape) results are registered as constants",
        r"^Exporting aten::.* operator of",
        r"legacy TorchScript-based ONNX export",
        r"^Constant folding",
        r"symbolic shape inference",
        r"Please consider to run pre-processing before quantization",
        r"Inference failed or unsupported type to quantize for tensor",
        # Of the loader of batches and of the launcher: how something is done, with the same result.
        r"pin_memory",
        r"find_unused_parameters",
        r"torch_dtype. is deprecated",
        r"OMP_NUM_THREADS",
        r"CUDA initialization",
        r"lr_scheduler\.step",
        # Of the order of checkpoints, which their names tell, too.
        r"^mtime may not be reliable",
    )
)


@contextmanager
def listening(tell: Callable[[str], object]) -> Iterator[None]:
    """Hands what libraries warn of within the block to `tell`, a line each, and keeps it off the screen.

    Heard in all threads of the process. Warnings that end in an exception come through as that.
    """
    lock = threading.Lock()

    def heard(library: str, message: str) -> None:
        line = _SPACE.sub(" ", message).strip()
        if line and not any(pattern.search(line) for pattern in EXPECTED):
            with lock:
                tell(f"{library} says: {line if len(line) <= _LONGEST else line[:_LONGEST] + '…'}")

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        _line: int,
        _file: TextIO | None = None,
        *_: object,
    ) -> None:
        if not issubclass(category, _ABOUT_THEMSELVES):
            heard(_library_of(filename), str(message))

    with _logged(_Handler(heard)), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show  # type: ignore[assignment]  # the documented way to handle them otherwise
        yield


class _Handler(logging.Handler):
    def __init__(self, heard: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one log line; what a library logs wrongly is handled as logging does."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            self.handleError(record)
        else:
            self._heard(record.name.partition(".")[0], message)


@contextmanager
def _logged(handler: logging.Handler) -> Iterator[None]:
    """The libraries' own handlers, levels and propagation are put back at the end."""
    before = []
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        before.append((logger, logger.handlers, logger.level, logger.propagate))
        logger.handlers, logger.propagate = [handler], False
        if logger.getEffectiveLevel() > logging.WARNING:
            logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


def _library_of(filename: str) -> str:
    """The package that a warning came from, by its file."""
    parts = re.split(r"[/\\]", filename)
    if "site-packages" in parts:
        return parts[len(parts) - parts[::-1].index("site-packages")].removesuffix(".py")
    return parts[-1].removesuffix(".py")

"""The runtime of classifiers: a lexical bag, the encoder's exits and its full depth behind one router.

May import the engine's shared modules, NumPy, Numba, ONNX Runtime and tokenizers. Begin with `model.py`, which routes each
text by `router.py` along the paths that `ladder.py` runs.
"""

from typing import Final

TASK: Final = "text-classification"
MODEL: Final = "ClassificationModel"

"""The runtime of text generation: a small decoder answers where that suffices, else the full one, which checks its draft.

Needs numpy, onnxruntime and tokenizers, as the rest of the engine does.
"""

from typing import Final

TASK: Final = "text-generation"
MODEL: Final = "GenerationModel"

"""Names in a decoder's folder and graph, on which the export and the engine agree."""

from typing import Final

GRAPH_FILE: Final = "decoder.onnx"
CONFIG_FILE: Final = "genai_config.json"
INPUT_IDS: Final = "input_ids"
POSITION_IDS: Final = "position_ids"
LAST_POSITION: Final = "seqlens_k"
"""int32 (1,): the index of the last position that is attended to."""
TOTAL_LENGTH: Final = "total_sequence_length"
"""int32 (1,): how many positions there are after this step."""
FIRST_LOGIT: Final = "first_logit"
"""int64 (1,): the first row of this step's tokens whose next token is wanted."""
LOG_PROBABILITIES: Final = "log_probabilities"
"""fp32 (1, rows, vocabulary): of the next token, behind each row from `first_logit` on."""
PAST: Final = "past_key_values."
PRESENT: Final = "present."

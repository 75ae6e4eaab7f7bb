"""The grammar `support-assistant`: a company that is bank, shop, telephone network and travel agency at once."""

from typing import Final

from tasks.example_data.grammar import Grammar, SplitSize
from tasks.example_data.support_banking import BANKING
from tasks.example_data.support_insurance import INSURANCE
from tasks.example_data.support_out_of_scope import TOPICS
from tasks.example_data.support_phrases import FRAMES, PHRASES
from tasks.example_data.support_shopping import SHOPPING
from tasks.example_data.support_telecom import TELECOM
from tasks.example_data.support_travel import TRAVEL

SUPPORT_ASSISTANT: Final = Grammar(
    name="support-assistant",
    rules=PHRASES,
    frames=FRAMES,
    domains=(BANKING, SHOPPING, TELECOM, TRAVEL),
    held_back=INSURANCE,
    held_back_rows=600,
    topics=TOPICS,
    sizes={
        "train": SplitSize(rows=3000, out_of_scope=90),
        "validation": SplitSize(rows=2000, out_of_scope=100),
        "test": SplitSize(rows=1500, out_of_scope=120),
    },
)

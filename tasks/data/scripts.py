"""Scripts in which no white space parts words, so that a clause looks like one word: each of their characters is taken for one.

They are Thai, Lao, Burmese, Khmer, Tai, Japanese (kana) and Chinese (Han, bopomofo); Korean and Tibetan part words or syllables.
"""

from typing import Final

UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf"
    "\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9d"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Their characters, as what stands within the brackets of a regular expression."""

"""The bytes that an answer's tokens say, also those of a character that is not whole yet, which no decoded text has.

They are read off the pieces of the two kinds of tokenizers that split characters: byte-level ones (GPT-2), where each of 256
letters stands for a byte, and those with byte fallback (SentencePiece), where `<0xF0>` is one. Any other kind is decoded.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, Protocol

from tokenizers import Tokenizer

BYTE_TOKENS: Final = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(256)}
_LONGEST_CHARACTER: Final = 4
_PRINTED: Final = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))
_OTHERS: Final = tuple(byte for byte in range(256) if byte not in _PRINTED)
_LETTERS: Final = {chr(byte): byte for byte in _PRINTED} | {chr(256 + place): b for place, b in enumerate(_OTHERS)}
"""What a byte-level tokenizer writes for each byte: what can be seen as itself, the others by letters from U+0100 on."""


class TokenBytes(Protocol):
    """Bytes behind bytes."""

    def behind(self, tokens: Sequence[int], held: bytes, token: int) -> tuple[bytes, bytes] | None:
        """What a token adds to an answer of `tokens`: its bytes, and those that the next token may yet take away.

        `held`: those that the last one may have taken away; they come first, unless this one does. None where a token says
        nothing that can be told.
        """


def token_bytes(tokenizer: Tokenizer) -> TokenBytes:
    """By the tokenizer's decoder."""
    steps = decoder_steps(tokenizer)
    kinds = [step["type"] for step in steps]
    plain = all(step["type"] != "Replace" or "String" in step["pattern"] for step in steps)
    if kinds[:1] == ["ByteLevel"] and plain and kinds[1:] in ([], ["Fuse"], ["Replace"], ["Fuse", "Replace"]):
        return _ByteLevel(tokenizer, [step for step in steps if step["type"] == "Replace"])
    replaced = kinds.count("Replace")
    strips = [step for step in steps if step["type"] == "Strip"]
    if (
        plain
        and kinds == ["Replace"] * replaced + ["ByteFallback", "Fuse"] + ["Strip"] * len(strips)
        and all(step["start"] <= 1 and not step["stop"] for step in strips)
        and len(strips) < 2
    ):
        return _ByteFallback(tokenizer, steps[:replaced], strips)
    return _Decoded(tokenizer)


def decoder_steps(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """The parts of the tokenizer's decoder, in order, as `tokenizer.json` has them."""
    if tokenizer.decoder is None:
        return []
    decoder = json.loads(tokenizer.decoder.__getstate__())
    steps: list[dict[str, Any]] = decoder["decoders"] if decoder["type"] == "Sequence" else [decoder]
    return steps


def is_begun(said: bytes) -> bool:
    """Whether the last character lacks bytes."""
    for count in range(1, min(_LONGEST_CHARACTER, len(said)) + 1):
        first = said[-count]
        if first >= 0xC0:
            return count < (2 if first < 0xE0 else 3 if first < 0xF0 else 4)
        if first < 0x80:
            return False
    return False


class _ByteLevel:
    def __init__(self, tokenizer: Tokenizer, replaces: Sequence[dict[str, Any]]) -> None:
        self._tokenizer = tokenizer
        self._pattern = b"".join(step["pattern"]["String"].encode() for step in replaces)
        self._content = b"".join(step["content"].encode() for step in replaces)

    def behind(self, tokens: Sequence[int], held: bytes, token: int) -> tuple[bytes, bytes] | None:
        new = self._bytes(token)
        if new is None or not self._pattern:
            return new if new is None else (new, b"")
        if is_begun(b"".join(self._bytes(before) or b"" for before in tokens[-_LONGEST_CHARACTER:])) and _begins(new):
            return None  # half a character is no text; with the pattern behind it, it would look like one
        parts = (held + new).split(self._pattern)
        begun = (
            length for length in range(len(self._pattern) - 1, 0, -1) if parts[-1].endswith(self._pattern[:length])
        )
        sure = len(parts[-1]) - next(begun, 0)
        return self._content.join([*parts[:-1], parts[-1][:sure]]), parts[-1][sure:]

    def _bytes(self, token: int) -> bytes | None:
        piece = self._tokenizer.id_to_token(token)
        try:
            return None if piece is None else bytes(map(_LETTERS.__getitem__, piece))
        except KeyError:  # a token that was added as it is
            return piece.encode()


class _ByteFallback:
    def __init__(
        self, tokenizer: Tokenizer, replaces: Sequence[dict[str, Any]], strips: Sequence[dict[str, Any]]
    ) -> None:
        self._tokenizer = tokenizer
        self._replaces = [(step["pattern"]["String"], step["content"]) for step in replaces]
        self._stripped = [step["content"].encode() for step in strips if step["start"]]

    def behind(self, tokens: Sequence[int], held: bytes, token: int) -> tuple[bytes, bytes] | None:
        piece = self._tokenizer.id_to_token(token)
        if piece is None:
            return None
        for pattern, content in self._replaces:
            piece = piece.replace(pattern, content)
        new = BYTE_TOKENS.get(piece) or piece.encode()
        if not tokens:
            for blank in self._stripped:
                new = new.removeprefix(blank)
        return new, b""


class _Decoded:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def behind(self, tokens: Sequence[int], held: bytes, token: int) -> tuple[bytes, bytes] | None:
        before, after = (self._tokenizer.decode(ids) for ids in (list(tokens), [*tokens, token]))
        return (after[len(before) :].encode(), b"") if after.startswith(before) else None


def _begins(new: bytes) -> bool:
    """Whether the first byte is a character's first."""
    return new[:1] < b"\x80" or new[:1] >= b"\xc0"

"""The commands of the pages' shell blocks, taken apart far enough to look at each by itself."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.docs.pages import Block

_BETWEEN = {";", "&&", "||", "|", "&", "(", ")", ";;"}
_INTO = {">", ">>", "<"}
_WORDS_BEFORE_A_COMMAND = {"do", "then", "else"}
_LOOP = {"for", "done", "while", "fi", "if"}


@dataclass(frozen=True)
class Command:
    """A program and its arguments; `variables`: what is set for it alone."""

    block: Block
    program: str
    arguments: tuple[str, ...]
    variables: tuple[str, ...] = ()

    @property
    def options(self) -> set[str]:
        """Its long options, without values."""
        return {argument.partition("=")[0] for argument in self.arguments if argument.startswith("--")}

    def __str__(self) -> str:
        """Where it is, and what it is."""
        return f"{self.block} {self.program} {' '.join(self.arguments)}"[:90]


def commands(block: Block) -> Iterator[Command]:
    """The simple commands of a block, in order."""
    for tokens in _statements(block.code):
        yield from _of_statement(block, tokens)


def _statements(code: str) -> Iterator[Sequence[str]]:
    """The tokens of each line, with their quotation marks; a line goes on after a backslash, and within quotation marks."""
    held = ""
    for line in code.replace("\\\n", " ").splitlines():
        held = f"{held}\n{line}" if held else line
        # Not as POSIX has it, which would take the quotation marks off, so that ";" were no argument any more.
        lexer = shlex.shlex(held, posix=False, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            tokens = list(lexer)
        except ValueError:  # quotation marks are still open
            continue
        held = ""
        yield tokens
    assert not held, f"quotation marks are never closed: {held}"


def _of_statement(block: Block, tokens: Sequence[str]) -> Iterator[Command]:
    words: list[str] = []
    skip = False
    for token in [*tokens, ";"]:
        if skip:
            skip = False
        elif token in _INTO:
            skip = True
        elif token not in _BETWEEN:
            words.append(token)
        elif words:
            yield from _command(block, words)
            words = []


def _command(block: Block, words: Sequence[str]) -> Iterator[Command]:
    left = [" ".join(shlex.split(word)) for word in words]
    while left and left[0] in _WORDS_BEFORE_A_COMMAND:
        left.pop(0)
    variables = []
    while left and re.match(r"[A-Z_]+=", left[0]):
        variables.append(left.pop(0).partition("=")[0])
    if left and left[0] not in _LOOP:
        yield Command(block, left[0].removeprefix(".venv/bin/"), tuple(left[1:]), tuple(variables))

"""What a command that cannot be carried out says: one line, on standard error, and nothing on standard output."""

import pytest

from flows.command_line import main


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text.strip()


def fails_with(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert main(arguments) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    return one_line(captured.err)

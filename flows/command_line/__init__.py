"""The command line `miaotui`: one file per command, nothing imported before the command needs it."""

from flows.command_line.main import main

__all__ = ["main"]

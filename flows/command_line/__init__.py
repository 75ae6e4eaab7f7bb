"""The command line `miaotui`: one file per command, nothing imported before the command needs it.

May import every room, inside the function that uses it, so that a command waits for no library of another's. Begin with
`main.py` (errors and exit codes), then `run.py`.
"""

from flows.command_line.main import main

__all__ = ["main"]

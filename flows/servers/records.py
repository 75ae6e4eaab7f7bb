"""`servers.json` in the home: which processes `miaotui up` started, so that they can be found and stopped again.

A process is named by its id and its start time together: the id alone may be somebody else's by now.
"""

from pathlib import Path
from typing import Final

import psutil
from pydantic import ValidationError

from engine import strict_json
from tasks.artifact import Record
from tasks.errors import UserError
from tasks.whole_files import write_whole

_FILE: Final = "servers.json"
# psutil counts from the time the machine was booted at, which moves a little when the clock is set.
_CLOCK_TOLERANCE_S: Final = 2.0


class ProcessRecord(Record):
    """One process: its id, and when it started in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord":
        """The process that has this id now. Raises psutil.NoSuchProcess where there is none."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    @property
    def alive(self) -> bool:
        """Whether this very process still runs: not another with its id, and not one that has ended unreaped."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= _CLOCK_TOLERANCE_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


class ServerRecord(Record):
    """One server. `url` is where people and programs reach it; a worker has none."""

    name: str
    process: ProcessRecord
    url: str | None
    log: str


class ServersRecord(Record):
    """All that one `miaotui up` runs; `ready` once every server has answered.

    `token` is in the environment of everything that was started, `exports` what to set to reach it.
    """

    supervisor: ProcessRecord
    token: str
    exports: dict[str, str]
    servers: tuple[ServerRecord, ...] = ()
    ready: bool = False


def write_servers(home: Path, record: ServersRecord) -> None:
    """Puts the record in place of the last one; a reader sees the one or the other."""
    write_whole(home / _FILE, record.model_dump_json(indent=1) + "\n", private=True)


def read_servers(home: Path) -> ServersRecord | None:
    """What was recorded last, or None. Raises UserError for a file that no `miaotui up` of this version wrote."""
    file = home / _FILE
    try:
        return ServersRecord.model_validate(strict_json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValidationError, ValueError) as error:
        raise UserError("is no record of servers; stop what runs by hand, then delete the file", file=file) from error


def forget_servers(home: Path, token: str) -> None:
    """Removes the record, unless another `miaotui up` has written its own since."""
    recorded = read_servers(home)
    if recorded is not None and recorded.token == token:
        (home / _FILE).unlink(missing_ok=True)

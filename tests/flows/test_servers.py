"""Servers are started, watched and stopped by process id and start time together, and nothing else is touched."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flows.servers.databases import embedded, postgresql
from flows.servers.errors import ServersError
from flows.servers.layout import Layout
from flows.servers.ports import choose_port
from flows.servers.processes import TOKEN, kill_marked, start_group, stop_recorded
from flows.servers.records import (
    ProcessRecord,
    ServerRecord,
    ServersRecord,
    forget_servers,
    read_servers,
    write_servers,
)
from flows.servers.restarts import RestartPolicy
from flows.servers.server import Server
from flows.servers.stopping import stop_servers
from flows.servers.supervisor import Supervisor
from flows.servers.webhook_key import webhook_key
from tasks.errors import UserError

PROJECT = Path(__file__).parents[2]
SLEEP = (sys.executable, "-c", "import time; time.sleep(300)")
PASSWORD = "hush"


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(SLEEP, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def record_of(process: ProcessRecord, *, token: str = "none") -> ServersRecord:
    server = ServerRecord(name="prefect", process=process, url="http://127.0.0.1:1", log="prefect.log")
    gone = ProcessRecord(pid=process.pid, started=process.started - 1000)
    return ServersRecord(supervisor=gone, token=token, exports={}, servers=(server,))


def test_what_is_written_is_read_and_only_its_writer_forgets_it(tmp_path: Path) -> None:
    assert read_servers(tmp_path) is None
    written = record_of(ProcessRecord.of(os.getpid()), token="a")
    write_servers(tmp_path, written)
    assert read_servers(tmp_path) == written
    forget_servers(tmp_path, "b")
    assert read_servers(tmp_path) == written
    forget_servers(tmp_path, "a")
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_something_else_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "servers.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"servers\.json: is no record of servers"):
        read_servers(tmp_path)


def test_a_process_with_the_recorded_id_and_another_start_time_is_left_alone(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    own = ProcessRecord.of(sleeper.pid)
    stale = ProcessRecord(pid=own.pid, started=own.started - 60)
    assert own.alive
    assert not stale.alive
    assert not stop_recorded(stale, 1)
    write_servers(tmp_path, record_of(stale))
    assert list(stop_servers(tmp_path)) == []
    assert sleeper.poll() is None


def test_what_a_killed_supervisor_left_behind_is_stopped_with_its_whole_group(tmp_path: Path) -> None:
    fork = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)']); "
    log = tmp_path / "log"
    group = start_group(
        [sys.executable, "-c", fork + "time.sleep(300)"], environment=os.environ, folder=tmp_path, log=log
    )
    deadline = time.monotonic() + 20
    while not (children := psutil.Process(group.record.pid).children()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    write_servers(tmp_path, record_of(group.record))
    assert [sentence.split(" was stopped")[0] for sentence in stop_servers(tmp_path)] == ["prefect"]
    assert group.died() is not None
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert read_servers(tmp_path) is None


def test_what_left_its_group_is_found_by_the_token_in_its_environment(sleeper: "subprocess.Popen[bytes]") -> None:
    token = f"test-{os.getpid()}"
    marked = subprocess.Popen(SLEEP, start_new_session=True, env=os.environ | {TOKEN: token})
    assert kill_marked(token) == 1
    marked.wait(10)
    assert not psutil.pid_exists(marked.pid)
    assert sleeper.poll() is None


def test_pauses_double_and_a_server_that_keeps_dying_is_given_up() -> None:
    policy = RestartPolicy(first_pause_s=1, longest_pause_s=5, deaths_in_a_row=5, steady_s=100)
    assert [policy.pause_s(deaths) for deaths in (1, 2, 3, 4, 5)] == [1, 2, 4, 5, None]
    assert policy.deaths_after(3, ran_s=99) == 4
    assert policy.deaths_after(3, ran_s=100) == 1


def server(folder: Path, name: str, code: str, *, after: tuple[str, ...] = ()) -> Server:
    """A server that answers once it has written a file; `code` runs after that."""
    mark = folder / name
    script = f"import os, time; open({str(mark)!r}, 'a').write(str(os.getpid()) + chr(10)); {code}"
    return Server(
        name=name,
        command=(sys.executable, "-c", script),
        environment=dict(os.environ),
        folder=folder,
        log=folder / f"{name}.log",
        answers=lambda _since: mark.is_file(),
        after=after,
    )


def starts(folder: Path, name: str) -> list[int]:
    return [int(line) for line in (folder / name).read_text(encoding="utf-8").split()]


def test_a_server_that_dies_is_started_again_and_all_are_stopped_at_the_end(tmp_path: Path) -> None:
    servers = [server(tmp_path, "a", "time.sleep(300)"), server(tmp_path, "b", "time.sleep(300)", after=("a",))]
    said: list[str] = []
    supervisor = Supervisor(tmp_path, servers, {}, policy=RestartPolicy(first_pause_s=0.1), say=said.append)
    stop = threading.Event()
    seen: list[ServersRecord | None] = []

    def ready() -> None:
        seen.append(read_servers(tmp_path))
        psutil.Process(starts(tmp_path, "b")[0]).kill()
        threading.Thread(target=stop_when_restarted, daemon=True).start()

    def stop_when_restarted() -> None:
        deadline = time.monotonic() + 20
        while len(starts(tmp_path, "b")) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()

    supervisor.run(stop, ready)
    assert seen[0] is not None
    assert seen[0].ready
    assert [each.name for each in seen[0].servers] == ["a", "b"]
    assert [sentence.split(";")[0] for sentence in said] == ["b died (code -9)"]
    assert (len(starts(tmp_path, "a")), len(starts(tmp_path, "b"))) == (1, 2)
    assert not any(psutil.pid_exists(pid) for pid in starts(tmp_path, "a") + starts(tmp_path, "b"))
    assert read_servers(tmp_path) is None


def test_a_server_that_keeps_dying_ends_them_all_with_its_log(tmp_path: Path) -> None:
    dying = server(tmp_path, "b", "time.sleep(1); raise SystemExit('the disk is full')")
    servers = [server(tmp_path, "a", "time.sleep(300)"), dying]
    policy = RestartPolicy(first_pause_s=0.01, deaths_in_a_row=2)
    supervisor = Supervisor(tmp_path, servers, {}, policy=policy, say=lambda _sentence: None)
    with pytest.raises(ServersError, match=r"(?s)b died 2 times in a row \(code 1\).*the disk is full"):
        supervisor.run(threading.Event(), lambda: None)
    assert not any(psutil.pid_exists(pid) for pid in starts(tmp_path, "a"))
    assert read_servers(tmp_path) is None


def test_a_server_that_does_not_start_is_said_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = Server(
        name="mlflow",
        command=(sys.executable, "-c", "raise SystemExit('address already in use')"),
        environment=dict(os.environ),
        folder=tmp_path,
        log=tmp_path / "mlflow.log",
        answers=lambda _since: False,
    )
    with pytest.raises(ServersError, match=r"(?s)mlflow ended with code 1 while it started.*address already in use"):
        Supervisor(tmp_path, [broken], {}).run(threading.Event(), lambda: None)


def test_the_webhooks_key_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    key = webhook_key(tmp_path)
    assert webhook_key(tmp_path) == key
    file = tmp_path / "mlflow-webhooks.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(UserError, match="can be read by others"):
        webhook_key(tmp_path)


def test_a_port_that_was_asked_for_and_is_taken_is_refused_and_the_usual_one_replaced() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--prefect-port: port {port} of 127"):
            choose_port(port, 4200, field="--prefect-port")
        assert choose_port(None, port, field="--prefect-port") not in (port, 0)


def test_no_password_is_among_a_servers_arguments_and_none_is_shown(tmp_path: Path) -> None:
    databases = postgresql(f"postgresql://me:{PASSWORD}@db.example/miaotui", tmp_path)
    layout = Layout(tmp_path, 1, 2, databases, "key")
    assert databases.mlflow == f"postgresql+psycopg://me:{PASSWORD}@db.example/miaotui"
    assert databases.prefect == f"postgresql+asyncpg://me:{PASSWORD}@db.example/miaotui_prefect"
    assert PASSWORD not in repr(layout) + repr(layout.exports) + "".join(map(repr, layout.servers({})))


@pytest.mark.parametrize("url", ["sqlite:///a.db", "postgresql://host", "nonsense"])
def test_another_database_than_postgresql_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match=r"--database: .*postgresql://USER:PASSWORD@HOST/NAME"):
        postgresql(url, tmp_path)


def test_servers_do_not_inherit_whose_clients_they_would_be(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 1, 2, embedded(tmp_path), "key")
    inherited = {"PREFECT_API_URL": "http://elsewhere/api", "MLFLOW_TRACKING_URI": "http://elsewhere"}
    prefect, mlflow, worker, light = (dict(each.environment) for each in layout.servers(inherited))
    assert not {"PREFECT_API_URL", "MLFLOW_TRACKING_URI"} & (prefect.keys() | mlflow.keys())
    assert light == worker
    assert worker["PREFECT_API_URL"] == "http://127.0.0.1:1/api"
    assert worker["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:2"
    assert worker["MIAOTUI_LEDGER_URI"] == f"sqlite:///{tmp_path / 'ledger.db'}"


def test_the_pages_of_prefect_ask_the_server_that_they_came_from(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 4711, 2, embedded(tmp_path), "key")
    prefect = layout.servers({"PREFECT_UI_API_URL": "http://elsewhere/api"})[0]
    assert prefect.environment["PREFECT_SERVER_UI_API_URL"] == "http://127.0.0.1:4711/api"


def miaotui(home: Path, *arguments: str) -> str:
    named = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "MIAOTUI_LEDGER_URI")
    environment = {name: value for name, value in os.environ.items() if name not in named}
    environment |= {"PYTHONPATH": str(PROJECT), "MIAOTUI_HOME": str(home)}
    command = [sys.executable, "-m", "flows.command_line", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.prefect
def test_up_deploy_and_down_with_real_servers(tmp_path: Path) -> None:
    """The runs of the night and of the sweep are scheduled in fact, a second deploy changes nothing, nothing is left."""
    from flows.servers.health import ask, mlflow_answers, prefect_answers

    recipe = str(PROJECT / "configs" / "quickstart.yaml")
    token = ""
    try:
        up = miaotui(tmp_path, "up", "--detach", "--prefect-port", "0", "--mlflow-port", "0")
        recorded = read_servers(tmp_path)
        assert recorded is not None
        token, exports = recorded.token, recorded.exports
        assert f"export PREFECT_API_URL={exports['PREFECT_API_URL']}" in up
        assert prefect_answers(exports["PREFECT_API_URL"])
        assert mlflow_answers(exports["MLFLOW_TRACKING_URI"])
        assert "the servers run already" in miaotui(tmp_path, "up")
        deployed = miaotui(tmp_path, "deploy", recipe)
        assert (deployed.count(": created; next run "), deployed.count(": created")) == (4, 7)
        runs = ask(
            f"{exports['PREFECT_API_URL']}/flow_runs/filter",
            {"flow_runs": {"state": {"name": {"any_": ["Scheduled"]}}}},
        )
        assert recipe in [run["parameters"].get("recipe") for run in runs or []]
        assert miaotui(tmp_path, "deploy", recipe).count(": unchanged") == 8
    finally:
        down = miaotui(tmp_path, "down")
    assert [line.split()[0] for line in down.splitlines()] == ["prefect", "mlflow", "worker", "light-worker"]
    assert not any(each.process.alive for each in recorded.servers)
    assert kill_marked(token) == 0
    assert miaotui(tmp_path, "down") == "no servers run\n"

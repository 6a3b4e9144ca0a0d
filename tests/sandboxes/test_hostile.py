"""The programs of `hostile.py` in every sandbox, each beside an honest one: nothing is reached, harmed or left."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ot_resources.interfaces import ExecutionStatus, Job
from ot_resources.processes import this_process
from ot_resources.sandboxes.docker import LABEL, DockerSandbox, open_client
from ot_resources.sandboxes.harnessed import HarnessSandbox
from ot_resources.sandboxes.process import ProcessSandbox
from tests.conftest import require
from tests.sandboxes.hostile import ALL, attempts

HONEST = Job("print('honest', sum(range(10**6)))", seconds=10.0)
HONEST_SAYS = f"honest {sum(range(10**6))}\n"


class Host(NamedTuple):
    folder: Path
    doors: list[socket.socket]
    port: int


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """What programs try to reach: an open folder with a file, and three sockets that listen."""
    folder = tmp_path_factory.mktemp("host")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    folder.chmod(0o777)
    (folder / "victim").write_text("precious")
    (folder / "victim").chmod(0o666)
    unix = socket.AF_UNIX
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(unix) as named, socket.socket(unix) as abstract:
        named.bind(str(folder / "socket"))
        abstract.bind("\0ot-hostile-test")
        for door in (named, abstract):
            door.listen()
        (folder / "socket").chmod(0o777)
        doors = [tcp, named, abstract]
        for door in doors:
            door.settimeout(0)
        yield Host(folder, doors, tcp.getsockname()[1])


@pytest.fixture(scope="module", params=["docker", "process"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[HarnessSandbox]:
    if request.param == "process":
        with ProcessSandbox(workers=2) as opened:
            there = opened.confinement.startswith("namespaces, own root")
            require("namespaces", there, f"this kernel gives only: {opened.confinement}")
            yield opened
        return
    request.getfixturevalue("docker")
    with DockerSandbox(workers=2) as opened:
        yield opened
    client = open_client()
    left = client.containers.list(all=True, filters={"label": f"{LABEL}={this_process()}"})
    client.close()
    assert left == []


@pytest.mark.parametrize("name", ALL)
def test_harms_nobody(
    sandbox: HarnessSandbox, host: Host, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hostile = ALL[name]
    if sandbox.name == "process" and not hostile.process:
        pytest.skip("not among what the process sandbox promises")
    monkeypatch.setenv("OT_SECRET", "secret")
    engine = os.environ["DOCKER_HOST"].removeprefix("unix://")
    source = hostile.source.replace("FOLDER", str(host.folder)).replace("SOCKET", str(host.folder / "socket"))
    source = source.replace("PORT", str(host.port)).replace("ENGINE", engine)
    seconds = 0.7 if hostile.endings.startswith("timeout") else 10.0
    start = time.monotonic()
    # One of each beside the other, then an honest one where the hostile one was.
    jobs = [Job(source, seconds=seconds, memory_mb=128), HONEST, HONEST]
    [execution], *honest = sandbox.run(jobs)
    assert execution.status in hostile.endings.split("|"), execution
    assert hostile.told in execution.stderr, execution
    assert "REACHED" not in execution.stdout or name == "frames on stdout", execution
    assert [case[0].stdout for case in honest] == [HONEST_SAYS] * 2, honest
    assert {case[0].status for case in honest} == {ExecutionStatus.OK}
    assert time.monotonic() - start < 30
    assert (host.folder / "victim").read_text() == "precious"
    assert {path.name for path in host.folder.iterdir()} == {"victim", "socket"}
    for door in host.doors:
        with pytest.raises(BlockingIOError):
            door.accept()
    for folder in ("/", "/tmp", "/dev/shm", "/var/tmp"):
        assert not Path(folder, "ot-hostile").exists()
    if isinstance(sandbox, DockerSandbox):
        assert nothing_runs_in(sandbox)


def test_what_gets_through_is_seen(sandbox: HarnessSandbox) -> None:
    attempt = attempts("write('mine'), lambda: None, lambda: 1 / 0 if False else open('none'), read('mine')")
    [[execution]] = sandbox.run([Job(attempt.source)])
    assert execution.stdout == "REACHED 0\nREACHED 3\n", execution


def nothing_runs_in(sandbox: DockerSandbox) -> bool:
    """Whether every container of the sandbox holds process 1 alone, and there is at most one a worker."""
    found = sandbox.client.containers.list(filters={"label": f"{LABEL}={this_process()}"})
    return len(found) <= 2 and all(len(container.top()["Processes"]) == 1 for container in found)

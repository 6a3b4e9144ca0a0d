"""The docker sandbox: containers come, are used again and go, whatever happens to them, their owner or the engine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput, ExecutionStatus, Job
from ot_resources.processes import this_process
from ot_resources.sandboxes import docker as module
from ot_resources.sandboxes import open_sandbox
from ot_resources.sandboxes.docker import LABEL, DockerSandbox, open_client
from ot_resources.sandboxes.image import __main__ as building
from tests.conftest import PROJECT

OUR_ENGINE = PROJECT / ".ci" / "docker-engine"


@pytest.fixture(autouse=True)
def address(docker: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine's, in the environment of this test."""
    monkeypatch.setenv("DOCKER_HOST", docker) if docker else monkeypatch.delenv("DOCKER_HOST")
    return docker


@pytest.fixture
def sandbox() -> Iterator[DockerSandbox]:
    with DockerSandbox(workers=2) as opened:
        yield opened
    assert containers() == []


def containers(owner: str = "") -> list[str]:
    """The ids of the containers of a process, by default this one."""
    client = open_client()
    found = client.containers.list(
        all=True, filters={"label": f"{LABEL}={owner or this_process()}"}, ignore_removed=True
    )
    client.close()
    return sorted(container.id for container in found)


def outputs(sandbox: DockerSandbox, *sources: str) -> list[str]:
    return [case.stdout for [case] in sandbox.run([Job(source, seconds=20.0) for source in sources])]


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_reads_stdin_and_prints_in_order(sandbox: DockerSandbox) -> None:
    jobs = [Job(f"print({n}, input()[::-1])", ("añb\n", "x\n")) for n in range(30)]
    assert [[e.stdout for e in case] for case in sandbox.run(jobs)] == [[f"{n} bña\n", f"{n} x\n"] for n in range(30)]


def test_containers_are_used_again(sandbox: DockerSandbox) -> None:
    before = containers()
    assert outputs(sandbox, *["print(1)"] * 20) == ["1\n"] * 20
    after = containers()
    assert set(before) <= set(after)
    assert len(after) <= 2
    outputs(sandbox, *["print(1)"] * 20)
    assert containers() == after


def test_how_a_container_is_held(sandbox: DockerSandbox) -> None:
    [container] = sandbox.client.containers.list(filters={"label": f"{LABEL}={this_process()}"})
    host, config = container.attrs["HostConfig"], container.attrs["Config"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["Privileged"]) == ("none", True, False)
    assert (host["CapDrop"], host["CapAdd"], host["SecurityOpt"]) == (["ALL"], None, ["no-new-privileges"])
    assert (host["Binds"], host.get("Mounts"), container.attrs["Mounts"], host["Devices"] or []) == (None, None, [], [])
    assert host["Memory"] == host["MemorySwap"] == (2 * 512 + 64 + 128) << 20
    assert (host["PidsLimit"], host["NanoCpus"], host["AutoRemove"]) == (19, 10**9, True)
    assert config["User"] == "60706:60706"
    assert "docker.sock" not in str(container.attrs["Mounts"])
    status = container.exec_run(["cat", "/proc/1/status"]).output.decode()
    told = dict(line.split(":\t", 1) for line in status.splitlines())
    assert {told[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert (told["NoNewPrivs"], told["Seccomp"], told["Uid"].split()) == ("1", "2", ["60706"] * 4)


def test_the_layers_are_told(sandbox: DockerSandbox) -> None:
    assert sandbox.name == "docker"
    assert sandbox.confinement.startswith("container, system call filter")


def test_what_a_case_leaves_the_next_does_not_find(sandbox: DockerSandbox) -> None:
    leaves = "import os\nprint(os.listdir('.'), os.listdir('/work/1'))\nopen('f', 'w').write('x')\nos.makedirs('d/e')"
    assert outputs(sandbox, *[leaves] * 6) == ["[] []\n"] * 6
    leaves = "import os\nprint(os.listdir('.'))\nos.makedirs('d/e'); os.chmod('d', 0)"
    assert [e.stdout for [*case] in sandbox.run([Job(leaves, ("",) * 4)]) for e in case] == ["[]\n"] * 4


def test_a_container_that_fails_is_replaced(sandbox: DockerSandbox) -> None:
    [before] = containers()
    sandbox.client.containers.get(before).kill()
    wait_for(lambda: containers() == [])
    assert outputs(sandbox, "print(1)", "print(2)") == ["1\n", "2\n"]
    assert before not in containers()


def test_a_container_that_is_killed_while_it_runs_is_replaced_and_its_job_run_again(sandbox: DockerSandbox) -> None:
    [before] = containers()
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.extend(outputs(sandbox, "import time; time.sleep(2); print(1)")))
    thread.start()
    time.sleep(1)
    sandbox.client.containers.get(before).kill()
    thread.join()
    assert got == ["1\n"]


def test_a_job_whose_containers_end_early_is_unavailable(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [*module.COMMAND[:-1], "def main(confine, harness): import os; os.read(0, 1); raise SystemExit('broken')"]
    monkeypatch.setattr(module, "COMMAND", broken)
    sandbox.client.containers.get(containers()[0]).kill()
    [[execution]] = sandbox.run([Job("print(1)")])
    assert execution.status is ExecutionStatus.UNAVAILABLE
    assert "its container failed 2 times, last: it ended early: broken" in execution.stderr
    monkeypatch.undo()


# Scans the heap that this process and all that it was forked from have used, and the arenas of Python's objects.
SCAN = """
import ctypes, os, re
libc = ctypes.CDLL(None)
libc.sbrk.restype = ctypes.c_void_p
read, write = os.pipe()
def pages(start, end):
    for page in range(start & ~4095, end, 4096):
        # The kernel reads it, and says so where there is nothing.
        if libc.write(write, ctypes.c_void_p(page), 4096) == 4096:
            yield os.read(read, 4096)
def anywhere(mark):
    top, objects = libc.sbrk(ctypes.c_long(0)), id(object())
    parts = (top - (1 << 26), top), (objects - (1 << 25), objects + (1 << 25))
    return any([re.search(mark, page) for part in parts for page in pages(*part)])
own = "-".join(["own", "x" * 40])
# Patterns, which do not hold what they look for.
print(anywhere(b"own[-]x{40}"), anywhere(b"m4rk[-]y{40}"))
"""


def test_the_memory_of_a_case_never_held_another_job(sandbox: DockerSandbox) -> None:
    others = [Job(f"mark = 'm4rk-{'y' * 40}'; print(mark)", (f"m4rk-{'y' * 40}\n",))] * 6
    assert all(case.stdout.startswith("m4rk") for [case] in sandbox.run(others))
    assert outputs(sandbox, SCAN, SCAN) == ["True False\n"] * 2
    # What the same job holds is seen, so the scan can see.
    assert outputs(sandbox, f"m = 'm4rk-{'y' * 40}'\n{SCAN}") == ["True True\n"]


def test_without_landlock_what_a_case_prepares_for_the_next_is_not_used(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = len(module.COMMAND) - len(module.SOURCES)
    without = module.SOURCES[0].replace("landlock_version() >= LANDLOCK_VERSION", "False")
    assert without != module.SOURCES[0]
    monkeypatch.setattr(module, "COMMAND", [*module.COMMAND[:at], without, *module.SOURCES[1:]])
    prepares = """
import os
print(os.listdir("."), os.listdir(".."))
for number in range(9):
    os.makedirs(f"../{number}/trap", exist_ok=True)
open("../file", "w").write("x")
"""
    with DockerSandbox(workers=1) as open_one:
        assert open_one.confinement == "container, system call filter"
        [first], [*cases] = open_one.run([Job(prepares), Job(prepares, ("",) * 3)])
        assert [case.stdout for case in (first, *cases)] == ["[] ['1']\n"] * 4
        assert outputs(open_one, "open('/usr/bin/x', 'w')", "print(1)") == ["", "1\n"]


def test_a_large_job_gets_a_large_container(sandbox: DockerSandbox) -> None:
    job = Job("x = bytearray(900 << 20); print(len(x) >> 20)", memory_mb=1200, seconds=20.0)
    assert [case.stdout for [case] in sandbox.run([job])] == ["900\n"]


def test_leaving_the_results_early_ends_what_runs(sandbox: DockerSandbox) -> None:
    results = sandbox.run(Job(source, seconds=60.0) for source in ["print(1)", *["import time; time.sleep(60)"] * 8])
    next(results)
    start = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < 10
    assert outputs(sandbox, "print(2)") == ["2\n"]


OWNER = """
from ot_resources.sandboxes.docker import DockerSandbox
from ot_resources.processes import this_process
from ot_resources.interfaces import Job
sandbox = DockerSandbox(workers=1)
print(this_process(), flush=True)
list(sandbox.run([Job("import time; time.sleep({seconds})", seconds=60.0)]))
"""


def killed_owner(seconds: int) -> str:
    owner = subprocess.Popen([sys.executable, "-c", OWNER.format(seconds=seconds)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    name = owner.stdout.readline().strip()
    assert len(containers(name)) == 1
    time.sleep(0.5)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    return name


def test_what_a_killed_run_leaves_is_removed_by_the_next(sandbox: DockerSandbox) -> None:
    name = killed_owner(seconds=50)
    assert len(containers(name)) == 1
    with DockerSandbox(workers=1) as other:
        assert containers(name) == []
        # Only what nobody owns goes.
        assert outputs(sandbox, "print(1)") == outputs(other, "print(1)") == ["1\n"]


def test_a_container_ends_by_itself_when_its_owner_is_gone() -> None:
    name = killed_owner(seconds=2)
    wait_for(lambda: containers(name) == [])


@pytest.fixture
def own_engine(docker: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An engine that no other test uses, with the image."""
    monkeypatch.setenv("DOCKER_HOST", docker) if docker else monkeypatch.delenv("DOCKER_HOST")
    with tempfile.TemporaryDirectory(prefix="ot-engine-") as name:
        folder = Path(name)
        image, client = folder / "image.tar", open_client()
        with image.open("wb") as file:
            file.writelines(client.images.get(module.NAME).save(named=True))
        client.close()
        subprocess.run([OUR_ENGINE, "up", folder / "engine"], check=True)
        try:
            monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/engine/docker.sock")
            import docker as sdk

            own = sdk.from_env()
            own.images.load(image.read_bytes())
            own.close()
            yield folder / "engine"
        finally:
            subprocess.run([OUR_ENGINE, "down", folder / "engine"], check=True)


def verdicts(sandbox: DockerSandbox) -> list[str]:
    tests = '{"kind": "stdin", "inputs": ["7"], "outputs": ["7"]}'
    frame = pl.DataFrame({"answer": ["```python\nprint(input())\n```"] * 3, "tests": [tests] * 3})
    return apply("verify.code", frame, sandbox=sandbox).kept.collect()["verdict"].to_list()


def test_the_engine_is_killed_in_mid_run(own_engine: Path) -> None:
    job = Job("import time; time.sleep(0.2); print('done')", seconds=20.0)
    with DockerSandbox(workers=2) as sandbox:
        results = sandbox.run([job] * 40)
        told = [next(results) for _ in range(6)]
        subprocess.run([OUR_ENGINE, "kill", own_engine], check=True)
        back = threading.Timer(2.0, lambda: subprocess.run([OUR_ENGINE, "up", own_engine], check=True))
        back.start()
        told += list(results)
        back.join()
        # It came back soon: what was running was run again.
        assert [case.stdout for [case] in told] == ["done\n"] * 40, [case for [case] in told if case.stdout != "done\n"]
        subprocess.run([OUR_ENGINE, "kill", own_engine], check=True)
        start = time.monotonic()
        lost = [case for [case] in sandbox.run([job] * 200)]
        assert time.monotonic() - start < 30
        assert {case.status for case in lost} == {ExecutionStatus.UNAVAILABLE}
        assert all("the Docker engine failed: " in case.stderr for case in lost)
        assert verdicts(sandbox) == ["unavailable"] * 3
        subprocess.run([OUR_ENGINE, "up", own_engine], check=True)
        assert verdicts(sandbox) == ["right"] * 3
    assert containers() == []


def test_without_an_engine_it_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(
        BadInput, match="^sandbox 'docker': no Docker engine answers (.*); start one, .* DOCKER_HOST$"
    ) as told:
        DockerSandbox()
    assert "\n" not in str(told.value)


def test_without_the_image_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NAME", "ot-sandbox:none")
    with pytest.raises(
        BadInput, match="^sandbox 'docker': the engine has no image ot-sandbox:none; `make sandbox-image`"
    ):
        DockerSandbox()


def test_the_strongest_is_chosen_and_never_a_weaker_one_for_programs_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_sandbox("strongest", foreign="of gpt-5") as sandbox:
        assert sandbox.name == "docker"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with open_sandbox("strongest") as sandbox:
        assert sandbox.name == "process"
    with open_sandbox("process", foreign="of gpt-5") as sandbox:
        assert sandbox.name == "process"
    with pytest.raises(BadInput, match="no Docker engine answers"), open_sandbox("docker"):
        pass
    told = "no Docker engine answers .*The programs are of gpt-5, .* OT_SANDBOX=process"
    with pytest.raises(BadInput, match=told), open_sandbox("strongest", foreign="of gpt-5"):
        pass


def test_threads_may_share_it(sandbox: DockerSandbox) -> None:
    got: list[list[str]] = []
    threads = [threading.Thread(target=lambda: got.append(outputs(sandbox, *["print(1)"] * 5))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [["1\n"] * 5] * 3
    assert len(containers()) <= 2


def test_a_closed_one_runs_nothing() -> None:
    with DockerSandbox(workers=1) as sandbox:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        list(sandbox.run([Job("print(1)")]))
    assert containers() == []


def test_the_image_is_built_on_a_base_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ot-sandbox:of-a-test"
    monkeypatch.setattr(building, "NAME", name)
    monkeypatch.setenv("SANDBOX_BASE", module.NAME)
    assert building.build() == module.NAME
    monkeypatch.setattr(module, "NAME", name)
    try:
        with DockerSandbox(workers=1) as sandbox:
            assert outputs(sandbox, "import json; print(json.dumps([1]))") == ["[1]\n"]
    finally:
        client = open_client()
        client.images.remove(name)
        client.close()


def test_what_the_image_cannot_be_built_from_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SANDBOX_BASE", "ot-sandbox-no-such-base")
    with pytest.raises(BadInput, match="^the image ot-sandbox:.* could not be built from ot-sandbox-no-such-base: "):
        building.build()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(BadInput, match="^no Docker engine answers .*; start one, or name it by DOCKER_HOST$"):
        building.build()

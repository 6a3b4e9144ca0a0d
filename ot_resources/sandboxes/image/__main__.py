"""Build the image of the docker sandbox from the official slim Python image, else from Debian's packages.

Where no registry is reached the base comes from debootstrap, which needs root and Debian's mirrors. The Python inside
is of the same minor version as the one that runs this, where there is one; Debian 12 has 3.11. SANDBOX_BASE names
another base: an image that the engine has, or a tarball of a root folder; it must have `python3`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from ot_resources.interfaces import BadInput
from ot_resources.sandboxes.docker import engine_host, knock, short
from ot_resources.sandboxes.image import NAME

SLIM = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
SUITE, PACKAGES = "bookworm", "python3.11,libpython3.11-stdlib,python3-minimal"
IMPORTED = "ot-sandbox-base"


def build() -> str:
    """Build the image and return what it was built from. BadInput where there is no engine or nothing to build on."""
    import docker

    try:
        knock(engine_host())
        client = docker.from_env(timeout=300)
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise BadInput(f"no Docker engine answers ({short(error)}); start one, or name it by DOCKER_HOST") from None
    with closing(client):
        base = _base(client, docker.errors)
        try:
            folder = str(Path(__file__).parent)
            client.images.build(
                path=folder, tag=NAME, buildargs={"BASE": base}, network_mode="none", rm=True, forcerm=True
            )
        except docker.errors.DockerException as error:
            raise BadInput(f"the image {NAME} could not be built from {base}: {short(error)}") from None
    return base


def _base(client: Any, errors: Any) -> str:
    named = os.environ.get("SANDBOX_BASE")
    if named:
        return _imported(client, Path(named)) if Path(named).is_file() else named
    try:
        client.images.get(SLIM)
        return SLIM
    except errors.ImageNotFound:
        pass
    try:
        client.images.pull(SLIM)
        return SLIM
    except errors.DockerException as error:
        print(f"{SLIM} cannot be had ({short(error)}); building a base from Debian's packages", flush=True)  # noqa: T201
    return _from_debian(client)


def _from_debian(client: Any) -> str:
    debootstrap = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if debootstrap is None or os.geteuid() != 0:
        raise BadInput(f"a base from Debian's packages needs root and debootstrap; or set SANDBOX_BASE to a {SLIM}")
    with tempfile.TemporaryDirectory(prefix="ot-sandbox-base-") as folder:
        root, tarball = Path(folder, "root"), Path(folder, "root.tar")
        command = [debootstrap, "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)]
        if (made := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
            raise BadInput(f"debootstrap failed: {(made.stdout or made.stderr).strip().splitlines()[-1]}")
        subprocess.run(["tar", "-C", str(root), "-cf", str(tarball), "--exclude=./var/cache/*", "."], check=True)
        return _imported(client, tarball)


def _imported(client: Any, tarball: Path) -> str:
    client.api.import_image_from_file(str(tarball), repository=IMPORTED, tag="latest")
    return IMPORTED


if __name__ == "__main__":
    try:
        print(f"{NAME} is built from {build()}")  # noqa: T201
    except BadInput as problem:
        sys.exit(f"sandbox-image: {problem}")

"""A Docker daemon of its own, and settings by which podman and buildah work in a container, all in one folder."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/containers"
runroot = "{folder}/running"
"""
_CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_REGISTRIES = """unqualified-search-registries = []
short-name-mode = "disabled"
"""


def environment(folder: Path) -> dict[str, str]:
    """Return the variables by which the builders use a folder alone, and Debian's docker comes before others."""
    return {
        "PATH": f"/usr/sbin:/usr/bin:{os.environ['PATH']}",
        "DOCKER_HOST": f"unix://{folder}/docker.sock",
        "DOCKER_BUILDKIT": "1",
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
        "CONTAINERS_CONF": f"{folder}/containers.conf",
        "CONTAINERS_REGISTRIES_CONF": f"{folder}/registries.conf",
        "XDG_CACHE_HOME": f"{folder}/cache",
    }


def settings(folder: Path) -> None:
    """Write the settings of the builders into a folder."""
    for name, text in (("storage", _STORAGE), ("containers", _CONTAINERS), ("registries", _REGISTRIES)):
        (folder / f"{name}.conf").write_text(text.format(folder=folder))
    (folder / "daemon.json").write_text(
        json.dumps({"iptables": False, "bridge": "none", "storage-driver": "overlay2", "data-root": f"{folder}/data"})
    )


@contextmanager
def daemon(folder: Path) -> Iterator[dict[str, str]]:
    """Run a daemon, and give the environment for its clients. Its sockets and data are in the folder, which it empties
    in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    settings(folder)
    variables = environment(folder)
    words = ["dockerd", "--config-file", f"{folder}/daemon.json", "--exec-root", f"{folder}/exec"]
    words += ["--pidfile", f"{folder}/docker.pid", "--host", variables["DOCKER_HOST"]]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=log, env={**os.environ, **variables}, start_new_session=True
        )
    try:
        _wait(process, variables, folder)
        yield variables
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()
        _unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], variables: dict[str, str], folder: Path) -> None:
    limit = time.monotonic() + 60
    words = ["docker", "version", "--format", "{{.Server.Version}}"]
    while subprocess.run(words, env={**os.environ, **variables}, capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > limit:
            raise RuntimeError((folder / "log").read_text()[-2000:])
        time.sleep(0.1)


def _unmount(folder: Path) -> None:
    """Unmount what the builders left mounted in a folder, innermost first."""
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in sorted((one for one in places if one.startswith(f"{folder}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)

"""What was pinned by a lock file is built from it by a real builder, with the images of a registry that is like Docker
Hardened Images and is gone by then."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import registries
from tests.conftest import Run
from tests.proof import daemon
from tests.registries import Image

BUSYBOX = Path("/usr/bin/busybox").read_bytes()
OLD = f"sha256:{'0123456789abcdef' * 4}"
DOCKERFILE = f"""\
FROM golang:1.26-alpine@{OLD} AS build
RUN echo built > /out
FROM node:24-alpine@{OLD}
COPY --from=build /out /out
CMD ["node", "/out"]
"""


def test_a_pinned_build_of_two_stages_on_alpine_moves_and_builds_without_a_network(
    run: Run, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, home = tmp_path_factory.mktemp("containers"), tmp_path_factory.mktemp("home")
    daemon.settings(folder)
    builder = {**os.environ, **daemon.environment(folder)}
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "HTTPS_PROXY": "http://127.0.0.1:9"}
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    with registries.docker_registry(tmp_path_factory.mktemp("dhi")) as dhi:
        words = ("--provider", "docker", "--registry", dhi.host, "--unsafe-fixes", "--pin")
        tools = {"bin/busybox": BUSYBOX, "bin/sh": BUSYBOX}
        go = dhi.push_index("golang", "1.26-alpine-dev", Image(tools, {"User": "0", "Env": ["PATH=/bin"]}))
        node = dhi.push_index("node", "24-alpine", Image({"a": "b"}, {"User": "0", "Entrypoint": ["node"]}))
        assert run("lock", ".", "--provider", "docker", "--registry", dhi.host, env=environment).returncode == 0
        moved = {f"{dhi.host}/golang:1.26-alpine-dev@{go.digest}", f"{dhi.host}/node:24-alpine@{node.digest}"}
        for name in moved:
            pull = ["buildah", "pull", "--quiet", "--tls-verify=false", name]
            subprocess.run(pull, env=builder, check=True, capture_output=True)
    done = run("fix", ".", "--locked", *words, env=environment)
    assert done.returncode == 0, done.stderr
    fixed = (tmp_path / "Dockerfile").read_text()
    assert {line.split()[1] for line in fixed.splitlines() if line.startswith("FROM")} == moved
    build = ["buildah", "build", "--pull-never", "--network", "none", "--quiet", "--file", "Dockerfile", "."]
    subprocess.run(build, cwd=tmp_path, env=builder, check=True, capture_output=True)
    assert run("fix", ".", "--locked", *words, env=environment).returncode == 0
    assert (tmp_path / "Dockerfile").read_text() == fixed

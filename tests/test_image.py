"""The image of our own: its Dockerfile passes our check, and buildah builds it, on a stand-in for its base.

The stand-in has links into this machine's /usr, which is mounted while it builds and runs: no base image is fetched.
"""

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from check_jsonschema.cli import main as check_jsonschema
from click.testing import CliRunner

from tests.conftest import ROOT, Run, copy_project
from tests.proof import daemon

DOCKERFILE = ROOT / "hooks" / "Dockerfile"
LINKS = {"lib": "usr/lib", "lib64": "usr/lib64", "bin": "usr/bin", "opt/base/python": "/usr/bin/python3"}
MOUNTS = ("/usr", "/etc/ssl", "/opt/wheels")
"""What a build has of this machine: its programs, and how it reaches packages."""


def test_it_has_no_finding_but_its_base(run: Run) -> None:
    done = run("check", "--select", "all", "--output-format", "json", str(DOCKERFILE))
    assert {finding["rule"] for finding in json.loads(done.stdout)["findings"]} == {"unhardened-image"}
    moved = re.sub(r"(?m)^(ARG \w+=)", r"\1reg.echohq.com/", DOCKERFILE.read_text())
    hardened = run("check", "--select", "all", "--stdin-filename", "Dockerfile", "-", input=moved.encode())
    assert hardened.returncode == 0, hardened.stdout


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment for buildah, which has the stand-in."""
    folder = tmp_path / "containers"
    folder.mkdir()
    daemon.settings(folder)
    environment = {**os.environ, **daemon.environment(folder)}
    buffer = io.BytesIO()
    with tarfile.TarFile(fileobj=buffer, mode="w") as archive:
        for name, target in LINKS.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        for name, mode in (("tmp", 0o1777), ("root", 0o700)):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, mode
            archive.addfile(member)
    context = tmp_path / "base"
    context.mkdir()
    (context / "root.tar").write_bytes(buffer.getvalue())
    reach = [f"ENV {name}={value}" for name, value in os.environ.items() if re.match(r"PIP_|SSL_|.*_proxy$", name)]
    lines = ["FROM scratch", "ADD root.tar /", "ENV PATH=/opt/base:/usr/bin", *reach]
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    words = ["buildah", "build", "--quiet", "--tag", "localhost/base", str(context)]
    subprocess.run(words, env=environment, check=True, capture_output=True)
    yield environment
    subprocess.run(["buildah", "rm", "--all"], env=environment, check=False, capture_output=True)
    subprocess.run(["buildah", "rmi", "--all", "--force"], env=environment, check=False, capture_output=True)


def test_it_is_built_and_checks_a_tree_as_nobody(tmp_path: Path, builder: dict[str, str]) -> None:
    def buildah(*words: str) -> str:
        done = subprocess.run(["buildah", *words], env=builder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    source = tmp_path / "source"
    copy_project(source)
    mounts = [word for path in MOUNTS if os.path.exists(path) for word in ("--volume", f"{path}:{path}:ro")]
    arguments = ["--build-arg", "BUILD=localhost/base", "--build-arg", "BASE=localhost/base"]
    file = ["--file", str(source / "hooks" / "Dockerfile"), "--tag", "localhost/ours", str(source)]
    buildah("build", "--quiet", "--pull-never", "--network", "host", *mounts, *arguments, *file)
    settings = json.loads(buildah("inspect", "--type", "image", "localhost/ours"))["OCIv1"]["config"]
    assert settings["User"] == "65532:65532"

    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Dockerfile").write_text("FROM node:22-slim\n")
    (tree / "click.py").write_text("raise SystemExit('code of the tree was run')\n")
    container = buildah("from", "--pull-never", "localhost/ours")
    words = ["buildah", "run", *mounts, "--volume", f"{tree}:/work", container, "--"]
    command = [*settings["Entrypoint"], *settings["Cmd"]]
    done = subprocess.run([*words, *command], env=builder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "node:22-slim -> reg.echohq.com/node:22-slim" in done.stdout
    assert buildah(*words[1:], "python", "-c", "import os; print(os.getuid())") == "65532"


def test_the_gitlab_job_that_uses_it() -> None:
    path = ROOT / "hooks" / "gitlab-image.yml"
    checked = CliRunner().invoke(check_jsonschema, ["--builtin-schema", "vendor.gitlab-ci", str(path)])
    assert checked.exit_code == 0, checked.output
    job = yaml.safe_load(path.read_text())["echo-migrate"]
    assert job["image"]["entrypoint"] == [""]
    (line,) = job["script"]
    entrypoint = json.loads(re.findall(r"(?m)^ENTRYPOINT (.*)$", DOCKERFILE.read_text())[0])
    assert line.split()[: len(entrypoint)] == entrypoint
    assert line.split()[-2] == f"gitlab:{job['artifacts']['reports']['codequality']}"

"""The locks that the Action and the GitLab job install from: they fit pyproject.toml, and pip is held to them."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import recipes
from tests.conftest import ROOT

LOCK = ROOT / "hooks" / "requirements.txt"
GITHUB = ROOT / "hooks" / "requirements-github.txt"
REGISTRY = ROOT / "hooks" / "requirements-registry.txt"
GITLAB = ROOT / "hooks" / "requirements-gitlab.txt"
LOCKS = (LOCK, GITHUB, REGISTRY)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BASE = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
POSTING = [*BASE, *PROJECT["project"]["optional-dependencies"]["github"]]
ROOTS = [*POSTING, *PROJECT["project"]["optional-dependencies"]["registry"]]


def entries(*locks: Path) -> list[str]:
    """The entries of locks, of all by default, each on one line, without comments."""
    text = "".join(lock.read_text() for lock in locks or LOCKS)
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", "").splitlines() if line.strip()]


def pins(python: str | None = None, *locks: Path) -> dict[str, str]:
    """The version of each package, as this interpreter on this system reads the locks, or another version of it."""
    where = {"python_version": python, "python_full_version": f"{python}.0"} if python else {}
    found: dict[str, str] = {}
    for line in entries(*locks):
        requirement = Requirement(line.partition(" --hash")[0])
        if requirement.marker is None or requirement.marker.evaluate(where):
            assert requirement.name not in found, f"{requirement.name} is pinned twice"
            found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return found


def allowed(requirement: Requirement, not_editable: dict[str, str]) -> bool:
    version = not_editable.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def test_every_entry_is_a_version_with_its_hashes() -> None:
    assert len(entries()) > len(ROOTS)
    for line in entries():
        pin, *hashes = re.split(r" +--hash=", line.strip())
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [\w.' =<>!*()]+)?", pin), (
            "no name, version and marker alone: " + line
        )
        assert hashes, line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), line


def test_it_names_no_index_and_no_machine() -> None:
    """It is installed from whichever index a runner has."""
    for lock in LOCKS:
        assert not re.search(r"://|pypi|(^|[\s'\"])/\w", lock.read_text(), re.IGNORECASE | re.MULTILINE)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_it_fits_the_project(python: str) -> None:
    """Whatever runs the program, and whatever builds it: another lower bound there needs another lock."""
    not_editable = pins(python)
    assert [one for one in ROOTS if not allowed(Requirement(one), not_editable)] == []
    alone = pins(python, LOCK)
    assert [one for one in BASE if not allowed(Requirement(one), alone)] == []


def test_a_job_installs_what_it_needs_alone() -> None:
    of_github = {"pygithub"}
    of_registries = {"httpcore", "sigstore", "zstandard"}
    assert not (of_github | of_registries) & pins(None, LOCK).keys()
    assert of_github < pins(None, GITHUB).keys()
    assert not of_registries & pins(None, GITHUB).keys()
    assert of_registries < pins(None, REGISTRY).keys()


@pytest.mark.parametrize(("roots", "locks"), [(BASE, (LOCK,)), (POSTING, (LOCK, GITHUB)), (ROOTS, LOCKS)])
def test_it_has_what_its_packages_need(roots: list[str], locks: tuple[Path, ...]) -> None:
    """By what is installed here, where that is the version of the lock: another one may need something else.

    What pip makes of all of it: ``test_action.py::test_what_is_installed_is_what_the_lock_says``.
    """
    not_editable = pins(None, *locks)
    reached: set[tuple[str, str]] = set()
    left = [Requirement(one) for one in roots]
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        assert allowed(requirement, not_editable), f"{requirement}: the lock has {not_editable.get(name)}"
        for extra in {"", *requirement.extras} - {extra for one, extra in reached if one == name}:
            reached.add((name, extra))
            left += _needs(name, extra) if metadata.version(name) == not_editable[name] else []
    assert all(canonicalize_name(Requirement(one).name) in {name for name, _ in reached} for one in roots)


def _needs(name: str, extra: str) -> list[Requirement]:
    found = [Requirement(text) for text in metadata.requires(name) or []]
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": extra})]


def commands(folder: Path, **environment: str) -> list[dict[str, Any]]:
    """The commands that the Action installs by: the words, the working folder and the environment of each."""
    script = (
        "import sys; sys.path[:0] = [sys.argv[1]]; import action, json\n"
        "action._run = lambda words, **how: print(json.dumps({'words': words, **how})) or (0, b'')\n"
        "action._installed(sys.argv[2])"
    )
    words = [sys.executable, "-I", "-c", script, str(ROOT / "hooks"), str(folder / "venv")]
    done = subprocess.run(words, env=os.environ | environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_action_installs_by_the_lock(tmp_path: Path) -> None:
    made, not_editable, itself = (one["words"] for one in commands(tmp_path))
    assert made[1:] == ["-I", "-m", "venv", str(tmp_path / "venv")]
    assert {"-I", "--require-hashes", "--only-binary=:all:", "--no-cache-dir"} < set(not_editable)
    assert not_editable[-4:] == ["-r", str(LOCK), "-r", str(GITHUB)]
    asking = commands(tmp_path, INPUT_ONLINE="true")[1]["words"]
    assert asking[-6:] == ["-r", str(LOCK), "-r", str(GITHUB), "-r", str(REGISTRY)]
    assert {"-I", "--no-deps", "--no-build-isolation", "--no-cache-dir"} < set(itself)
    assert itself[-1] == str(ROOT)


def test_a_version_is_installed_beside_what_the_lock_says(tmp_path: Path) -> None:
    """It is no part of a lock that was made before it; whether the lock has all that it needs, pip checks."""
    _, not_editable, itself, checked = (one["words"] for one in commands(tmp_path, INPUT_VERSION="1.2.3"))
    assert not_editable[-4:] == ["-r", str(LOCK), "-r", str(GITHUB)]
    assert {"-I", "--no-deps", "--only-binary=:all:", "--no-cache-dir"} < set(itself)
    assert itself[-1] == "echo-migrate==1.2.3"
    assert checked[-1] == "check"


def test_pip_is_told_where_packages_come_from_and_nothing_else(tmp_path: Path) -> None:
    reach = {"PIP_INDEX_URL": "https://packages.example/simple", "PIP_CERT": "/etc/own.pem"}
    pip = ("CONFIG_FILE", "CONSTRAINT", "REQUIREMENT", "EDITABLE", "FIND_LINKS", "CACHE_DIR", "NO_BINARY")
    leads = [*(f"PIP_{name}" for name in pip), "PYTHONPATH", "PYTHONHOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"]
    for one in commands(tmp_path, **reach, **dict.fromkeys(leads, "x")):
        assert one["cwd"] == str(tmp_path)
        assert reach.items() <= one["env"].items()
        assert not {*leads} & {*one["env"]}
        assert one["env"]["PATH"] == os.environ["PATH"]


def test_another_file_than_the_locks_is_not_installed(tmp_path: Path) -> None:
    """As if somebody had put another file in the place of a package's: the action ends, before anything is checked."""
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "action.py").write_bytes((ROOT / "hooks" / "action.py").read_bytes())
    (line,) = (line for line in entries() if line.startswith("mdurl=="))
    (tmp_path / "hooks" / "requirements.txt").write_text(f"{line.partition(' ')[0]} --hash=sha256:{'0' * 64}\n")
    (tmp_path / "hooks" / "requirements-github.txt").write_text("")
    environment = os.environ | {"RUNNER_TEMP": str(tmp_path), "GITHUB_ACTIONS": "true"}
    words = [sys.executable, "-I", str(tmp_path / "hooks" / "action.py")]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "DO NOT MATCH THE HASHES" in done.stdout + done.stderr
    assert done.stdout.endswith("::error title=echo-migrate::the program could not be installed: see the log above\n")
    assert list(tmp_path.rglob("mdurl*")) == []


JOBS = {
    "gitlab-ci.yml": ("echo-migrate", "-r source/hooks/requirements.txt"),
    "gitlab-propose.yml": (
        "echo-migrate propose",
        "-r source/hooks/requirements.txt -r source/hooks/requirements-gitlab.txt",
    ),
}


@pytest.mark.parametrize("name", JOBS)
def test_the_gitlab_jobs_install_by_the_lock(name: str) -> None:
    title, locks = JOBS[name]
    job = yaml.safe_load((ROOT / "hooks" / name).read_text())[title]
    assert re.fullmatch(r"[0-9a-f]{40}", job["variables"]["ECHO_MIGRATE_COMMIT"])
    assert job["variables"]["ECHO_MIGRATE"] in (ROOT / "README.md").read_text()
    script = "\n".join(job["script"])
    not_editable, itself = re.findall(r"^\$install (.*)$", script, re.MULTILINE)
    assert not_editable == f'--require-hashes --only-binary=":all:" {locks}'
    assert itself == "--no-deps --no-build-isolation ./source"
    assert all(" -I " in line for line in script.splitlines() if re.search(r"python3? -", line))


def test_what_proposes_installs_the_client_of_its_forge() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    for requirement in map(Requirement, [*BASE, *extras["gitlab"]]):
        assert allowed(requirement, pins(None, LOCK, GITLAB)), requirement
    assert all("--hash=" in line for line in entries(GITLAB))
    steps = yaml.safe_load((ROOT / "hooks" / "github" / "propose.yml").read_text())["jobs"]["propose"]["steps"]
    script = next(step["run"] for step in steps if "pip install" in step.get("run", ""))
    locks = [ROOT / "hooks" / name for name in re.findall(r"-r echo-migrate/hooks/(\S+)", script)]
    for requirement in map(Requirement, [*BASE, *extras["github"]]):
        assert allowed(requirement, pins(None, *locks)), requirement


@pytest.mark.parametrize(
    ("written", "variable", "index"),
    [
        ("[global]\nindex-url = https://a.example/simple\n", None, "https://a.example/simple"),
        (
            "[global]\nindex_url = https://a.example/simple\n[download]\nindex-url = https://b.example/\n",
            None,
            "https://b.example/",
        ),
        ("[global]\nindex-url = https://a.example/simple\n", "https://c.example/simple", "https://c.example/simple"),
    ],
)
def test_recipes_are_fetched_from_the_index_that_pip_is_configured_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, variable: str | None, index: str
) -> None:
    (tmp_path / "pip.conf").write_text(written)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    if variable:
        monkeypatch.setenv("PIP_INDEX_URL", variable)
    assert recipes.asked() == {"UV_DEFAULT_INDEX": index}

"""The wheel, installed elsewhere, carries its data, runs, and is left as it was installed."""

import csv
import json
import os
import runpy
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from echo_migrate.cli.init import TEMPLATES
from echo_migrate.files.data import blocks, names
from tests.conftest import ROOT, build, unpacked

TEXT = "FROM python:3.12\nFROM dhi.io/node:22\n"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def fix(elsewhere: Path, folder: Path) -> str:
    """Check and fix a Dockerfile, with files that anybody may write; return what it says then.

    Python keeps what it compiles apart: what is written into ``elsewhere`` is the program's.
    """
    checkout = folder / "checkout"
    checkout.mkdir()
    (checkout / "Dockerfile").write_text(TEXT)
    environment = os.environ | {"PYTHONPATH": str(elsewhere), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    for words in (["check"], ["fix"], ["providers"], ["check", "--provider", "docker", "--preset", "all"]):
        subprocess.run(
            [sys.executable, "-m", "echo_migrate", *words],
            cwd=checkout,
            env=environment,
            umask=0,
            capture_output=True,
            check=False,
        )
    return (checkout / "Dockerfile").read_text()


def state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What can be seen of a change to a folder: modes, sizes and times of all that it has."""
    found = ((path, path.lstat()) for path in (folder, *folder.rglob("*")))
    return {str(path): (status.st_mode, status.st_size, status.st_mtime_ns) for path, status in found}


def test_wheel(wheel: Path, installed: Path, tmp_path: Path) -> None:
    names = set(contents(wheel))
    for path in (*ROOT.glob("echo_migrate/rules/*.md"), *ROOT.glob("echo_migrate/**/*.py")):
        assert path.relative_to(ROOT).as_posix() in names
    data = {path.relative_to(ROOT).with_suffix(".json").as_posix() for path in ROOT.glob("mappings/**/*.yaml")}
    assert {name for name in names if "/mappings/" in name} == {f"echo_migrate/{name}" for name in data}
    templates = {f"echo_migrate/hooks/{name}": (ROOT / "hooks" / name).read_bytes() for name in TEMPLATES.values()}
    assert {name: data for name, data in contents(wheel).items() if "/hooks/" in name} == templates
    assert not [name for name in names if name.startswith(("tests", "mappings", "hooks")) or name.endswith(".yaml")]

    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    script = "import echo_migrate.files.data as d; print(d.folder()); from echo_migrate.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "fix"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"{installed}/echo_migrate/mappings\n")
    assert (tmp_path / "Dockerfile").read_text() == "FROM reg.echohq.com/python:3.12\n"


def test_a_wheel_has_the_keys_of_the_data_of_a_checkout(installed: Path, tmp_path: Path) -> None:
    script = (
        "import json; from echo_migrate.files.data import *; print(json.dumps({one: blocks(one) for one in names()}))"
    )
    path = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=path, capture_output=True, check=True)
    assert json.loads(done.stdout) == {name: blocks(name) for name in names()}


def test_a_wheel_of_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    for name in ("source", "wheel"):
        (tmp_path / name).mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    again = build("wheel", source, tmp_path / "wheel")
    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def test_nothing_is_written_beside_the_program(installed: Path, tmp_path: Path) -> None:
    before = state(installed)
    assert fix(installed, tmp_path).startswith("FROM reg.echohq.com/python:3.12\n")
    assert state(installed) == before


def test_what_lies_where_older_versions_kept_data_is_left_alone(wheel: Path, tmp_path: Path) -> None:
    elsewhere = unpacked(wheel, tmp_path / "elsewhere")
    kept = elsewhere / "echo_migrate" / "mappings" / "__pycache__"
    kept.mkdir()
    tag = sys.implementation.cache_tag
    for name in ("echo.yaml", "eol.yaml._about", "images~upstream.yaml.python"):
        (kept / f"{name}.{tag}.marshal").write_bytes(b"\xe9\x03\0\0\0")
    for name in ("upstream.yaml", "commands.yaml", "images~echo.yaml.python"):
        os.mkfifo(kept / f"{name}.{tag}.marshal")
    before = state(elsewhere)
    assert fix(elsewhere, tmp_path).startswith("FROM reg.echohq.com/python:3.12\n")
    assert state(elsewhere) == before


def test_nothing_stays_of_an_installation_that_is_removed(wheel: Path, tmp_path: Path) -> None:
    elsewhere = unpacked(wheel, tmp_path / "elsewhere")
    fix(elsewhere, tmp_path)
    (record,) = elsewhere.glob("*.dist-info/RECORD")
    for name, *_ in csv.reader(record.read_text().splitlines()):
        (elsewhere / name).unlink()
    assert not [path for path in elsewhere.rglob("*") if not path.is_dir()]


def test_an_editable_wheel_has_no_data() -> None:
    """What is edited in the checkout holds, and the build leaves nothing where it worked."""
    hook = runpy.run_path(str(ROOT / "hooks" / "wheel.py"))["WheelHook"](str(ROOT), {}, None, None, "", "wheel")
    for version, count in (("editable", 0), ("standard", 1)):
        build_data: dict[str, dict[str, str]] = {"force_include": {}}
        hook.initialize(version, build_data)
        assert len(build_data["force_include"]) == count
        hook.finalize(version, build_data, "")
        assert not any(map(os.path.exists, build_data["force_include"]))

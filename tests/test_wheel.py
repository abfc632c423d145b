"""The wheel, installed elsewhere, carries its data and runs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_wheel(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in (*ROOT.glob("echo_migrate/rules/*.md"), *ROOT.glob("echo_migrate/**/*.py")):
        assert path.relative_to(ROOT).as_posix() in names
    assert not [name for name in names if name.startswith(("tests", "mappings"))]

    elsewhere = tmp_path / "elsewhere"
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(elsewhere), str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    script = "import echo_migrate.catalog as c; print(c.folder()); from echo_migrate.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "fix"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(elsewhere)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"{elsewhere}/echo_migrate/mappings\n")
    assert (tmp_path / "Dockerfile").read_text() == "FROM reg.echohq.com/python:3.12\n"

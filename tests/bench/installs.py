"""What the projects of tests/proof/projects.md install, for builds that take as long as real ones.

The stand-ins have package managers that only say that they install. Here those of Python and of JavaScript are replaced
by pip and npm themselves, with a Python and a Node.js that can run them, and with packages that are fetched beforehand:
a build then unpacks, compiles and writes what it installs, and needs no network. Those of Debian, Ruby and Go still
take no time, and Node.js itself remains a stand-in, which obeys the comments of a program.
"""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.proof.standins import HIDDEN, PYTHON, libraries

_PLACE = Path(HIDDEN).parent
_LEFT_OUT = ("test", "__pycache__", "idlelib", "dist-packages", "ensurepip", "sitecustomize.py", "EXTERNALLY-MANAGED")
_PIP = f"import sys\nsys.path.insert(0, '{_PLACE}/pip')\nfrom pip._internal.cli.main import main\n"
_ENSURE = f"{_PIP}sys.exit(main(['install', '--quiet', '--ignore-installed', 'pip']))\n"
_PIP_CONFIG = f"[global]\nno-index = true\nfind-links = {_PLACE}/wheels\nroot-user-action = ignore\n"
_NPM = f'#!/bin/sh\nexec {_PLACE}/node {_PLACE}/npm/bin/npm-cli.js "$@"\n'
_NPM_CONFIG = f"offline = true\ncache = {_PLACE}/cache\nupdate-notifier = false\naudit = false\nfund = false\n"
_BUILD = "npm ci && $npm_node_execpath node_modules/typescript/bin/tsc --outDir dist main.ts"
_PACKAGES = {"npm ci": {"express": "5.1.0"}, "npm run build": {"typescript": "5.9.3"}}
_INSTALLED = re.compile(r"[a-z]+==[0-9.]+")


class Installs:
    """Packages of projects, fetched into a folder by the machine's own pip and npm, and the images that have them."""

    def __init__(self, folder: Path, texts: Iterable[str]) -> None:
        self.folder = folder
        self.locks: dict[str, str] = {}
        self._python({found for text in texts for found in _INSTALLED.findall(text)})
        self._node()

    def complete(self, project: Path) -> None:
        """Write into the folder of a project what its npm needs: what it depends on, with a lock, and a program."""
        text = (project / "Dockerfile").read_text()
        for asked, lock in self.locks.items():
            if asked in text:
                (project / "package.json").write_text(json.dumps(_package(_PACKAGES[asked])))
                (project / "package-lock.json").write_text(lock)
                (project / "main.ts").write_text("export const main: string = 'up'\n")

    def into(self, image: str) -> None:
        """Give an image the package manager of its language, and a file of its own, so that no step on it is one of
        another image's."""
        name = image.rpartition("/")[2].partition(":")[0]
        (self.folder / "name").write_text(image)
        lines = [
            f"FROM {image}",
            f"COPY name {_PLACE}/name",
            *([f"COPY {name} /"] if name in ("python", "node") else []),
        ]
        words = ["docker", "build", "--quiet", "--tag", image, "--file", "-", str(self.folder)]
        subprocess.run(words, input="\n".join(lines).encode(), stdout=subprocess.DEVNULL, check=True)

    def _python(self, wanted: Iterable[str]) -> None:
        python = Path(PYTHON).resolve()
        root, version = self.folder / "python", python.name.removeprefix("python")
        wheels = _inside(root, _PLACE / "wheels")
        words = ["download", "--quiet", "--only-binary=:all:", f"--python-version={version}", f"--dest={wheels}"]
        subprocess.run([sys.executable, "-m", "pip", *words, "pip", *sorted(wanted)], check=True)
        with zipfile.ZipFile(next(wheels.glob("pip-*.whl"))) as archive:
            archive.extractall(_inside(root, _PLACE / "pip"))
        library = Path(f"/usr/lib/{python.name}")
        shutil.copytree(library, root / library.relative_to("/"), ignore=shutil.ignore_patterns(*_LEFT_OUT))
        for module in sorted((library / "lib-dynload").iterdir()):
            _copied(root, libraries(str(module)))
        for name, text in (("__init__", ""), ("__main__", _ENSURE)):
            _written(root, library / "ensurepip" / f"{name}.py", text)
        _written(root, Path("/etc/pip.conf"), _PIP_CONFIG)
        _written(root, Path("/usr/local/bin/pip"), f"#!/usr/local/bin/python\n{_PIP}sys.exit(main())\n")

    def _node(self) -> None:
        root, words = self.folder / "node", ["npm", "--cache", str(self.folder / "cache")]
        for asked, packages in _PACKAGES.items():
            here = self.folder / asked.replace(" ", "-")
            here.mkdir()
            (here / "package.json").write_text(json.dumps(_package(packages)))
            for asked_for in (["install", "--package-lock-only"], ["ci"]):
                subprocess.run([*words, *asked_for], cwd=here, check=True, stdout=subprocess.DEVNULL)
            self.locks[asked] = (here / "package-lock.json").read_text()
            shutil.rmtree(here)
        node = Path(shutil.which("node") or "").resolve()
        npm = Path(shutil.which("npm") or "").resolve().parent.parent
        _copied(root, libraries(str(node)))
        shutil.copy(node, _inside(root, _PLACE) / "node")
        shutil.copytree(npm, root / (_PLACE / "npm").relative_to("/"))
        shutil.copytree(self.folder / "cache", root / (_PLACE / "cache").relative_to("/"))
        _written(root, _PLACE / "npm" / "npmrc", _NPM_CONFIG)
        _written(root, Path("/usr/local/bin/npm"), _NPM)


def _package(packages: Mapping[str, str]) -> dict[str, object]:
    return {"name": "shop", "version": "1.0.0", "scripts": {"build": _BUILD}, "dependencies": packages}


def _inside(root: Path, place: Path) -> Path:
    found = root / place.relative_to("/")
    found.mkdir(parents=True, exist_ok=True)
    return found


def _written(root: Path, place: Path, text: str) -> None:
    target = _inside(root, place.parent) / place.name
    target.write_text(text)
    target.chmod(0o755)


def _copied(root: Path, places: Iterable[str]) -> None:
    for place in places:
        shutil.copy(place, _inside(root, Path(place).parent))

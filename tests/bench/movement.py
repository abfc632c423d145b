"""Which references of a tree move against a registry on this machine with stand-ins for each tag that a provider lists.

    .venv/bin/python tests/bench/movement.py TREE [PROVIDER]

A stand-in has the tag, the user and the entrypoint that the provider's facts state, for two platforms. What is counted
are the references of images that the provider has, and of these the ones with a tag of their version there: how many of
them `fix --online --pin --unsafe-fixes` writes. The tree is copied first.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from echo_migrate.images.catalog import load
from echo_migrate.images.facts import listed
from tests.registries import Image, Registry, docker_registry

_NONE = ("template", "not-offered", "variant-not-offered", "unknown-image")


def main(tree: str, provider: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "registry").mkdir()
        shutil.copytree(tree, folder / "tree", symlinks=True)
        found = list(_references(folder, "--provider", provider))
        registry_of = load(provider).registry
        images = {row["target"][len(registry_of) + 1 :].partition(":")[0] for row in found if row["target"]}
        with docker_registry(folder / "registry") as registry:
            for image in sorted(images):
                _push(registry, image, provider)
            options = ("--provider", provider, "--registry", registry.host)
            before = {_key(row): row for row in _references(folder, *options, "--online")}
            _run(folder, "fix", ".", *options, "--online", "--pin", "--unsafe-fixes")
            left = {_key(row) for row in _references(folder, *options)}
        counted = {
            key: row
            for key, row in before.items()
            if row["state"] in ("migrate", "needs-person") and row["target"] and not _NONE.count(row["reasons"][:1])
        }
        moved = [key for key in counted if key not in left]
        for key, row in sorted(counted.items()):
            reasons = ", ".join(one["id"] for one in row["reasons"])
            print(f"{'moved ' if key in moved else 'stays '} {key[0]}:{key[1]} {key[2][:60]}: {reasons}")
        there = [key for key, row in counted.items() if row["status"] != "no-such-tag"]
        print(f"{len(moved)} of {len(there)} that have a tag there to move to, of {len(counted)} whose image is there")


def _push(registry: Registry, image: str, provider: str) -> None:
    for tag, facts in sorted(listed(image, provider).items()):
        user = facts.user if facts.uid is None else str(facts.uid)
        config: dict[str, Any] = {"User": "" if user in (None, "root", "0") else user}
        config |= {"Entrypoint": list(facts.entrypoint)} if facts.entrypoint else {}
        config |= {"Cmd": list(facts.cmd)} if facts.cmd else {}
        standin = Image({}, config)
        registry.push_index(image, tag, standin, standin._replace(platform="linux/arm64"))


def _key(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["path"], row["line"], row["raw"]


def _references(folder: Path, *words: str) -> Iterator[dict[str, Any]]:
    done = _run(folder, "inventory", ".", "--output-format", "json", *words)
    yield from json.loads(done)["references"]


def _run(folder: Path, *words: str) -> bytes:
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "HTTPS_PROXY": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "echo_migrate", *words]
    return subprocess.run(command, cwd=folder / "tree", env=environment, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "docker")

"""Node modules that are copied to another C library, by what the lock beside the Dockerfile says of them."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run

_TEXT = """FROM node:22 AS build
WORKDIR /app
COPY package*.json ./
RUN {}
FROM node:22-alpine
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
"""
_PLAIN = {"version": "4.17.21", "resolved": "https://registry.npmjs.org/lodash/-/lodash-4.17.21.tgz"}
_OF_MACOS = {"version": "2.3.3", "hasInstallScript": True, "os": ["darwin"]}


@pytest.mark.parametrize(
    ("install", "entries", "told"),
    [
        ("npm ci", {"lodash": _PLAIN}, False),
        ("npm ci", {"lodash": _PLAIN, "fsevents": _OF_MACOS}, False),
        ("npm ci", {"lodash": _PLAIN, "bcrypt": {"version": "5.1.1", "hasInstallScript": True}}, True),
        ("npm ci", {"@esbuild/linux-x64": {"version": "0.25.0", "cpu": ["x64"], "os": ["linux"]}}, True),
        ("npm ci && npm install sharp", {"lodash": _PLAIN}, True),
        ("yarn install", {"lodash": _PLAIN}, True),
        ("npm ci", {}, True),
        ("npm ci", None, True),
    ],
)
def test_modules_without_a_compiled_part_run_with_any_c_library(
    run: Run, tmp_path: Path, install: str, entries: dict[str, object] | None, told: bool
) -> None:
    (tmp_path / "Dockerfile").write_text(_TEXT.format(install))
    (tmp_path / "package.json").write_text("{}")
    if entries is not None:
        packages = {"": {"hasInstallScript": True}, **{f"node_modules/{name}": one for name, one in entries.items()}}
        (tmp_path / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    assert (b"native modules" in run("check", "--select", "libc-mismatch").stdout) == told

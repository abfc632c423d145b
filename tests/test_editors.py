"""The recipes for editors: Neovim runs with its own, headless; the others are what their editors read."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from echo_migrate import __version__

ROOT = Path(__file__).parent.parent
RECIPES = ROOT / "hooks" / "editors"

SCRIPT = """
local function settled(condition) assert(vim.wait(60000, condition, 20), "not told in time") end
settled(function() return #vim.diagnostic.get(0) >= 2 end)
local function rule(one) return { one.lnum, one.code or one.user_data.lsp.code } end
local before = vim.tbl_map(rule, vim.diagnostic.get(0))
local hover, hovers = vim.lsp.util.make_position_params(), nil
hover.position = { line = 0, character = 7 }
hovers = vim.lsp.buf_request_sync(0, "textDocument/hover", hover, 60000)
local lenses = vim.lsp.buf_request_sync(0, "textDocument/codeLens", { textDocument = hover.textDocument }, 60000)
local range = { start = hover.position, ["end"] = hover.position }
local context = { diagnostics = {}, only = { "source.fixAll" } }
local asked = { textDocument = hover.textDocument, range = range, context = context }
local actions = vim.lsp.buf_request_sync(0, "textDocument/codeAction", asked, 60000)
local client, answer = next(actions)
vim.lsp.util.apply_workspace_edit(answer.result[1].edit, vim.lsp.get_client_by_id(client).offset_encoding)
settled(function() return #vim.diagnostic.get(0) == 1 end)
vim.api.nvim_buf_set_lines(0, -1, -1, false, { "RUN echo \U0001f600 && apt-get update" })
settled(function() return #vim.diagnostic.get(0) == 2 end)
local after = vim.tbl_map(function(one) return { one.lnum, one.col } end, vim.diagnostic.get(0))
vim.cmd("write")
local _, hovered = next(hovers)
local _, lens = next(lenses)
local told = { before = before, after = after, hover = hovered.result.contents.value }
told.lens = lens.result[1].command.title
local file = io.open("told.json", "w")
file:write(vim.json.encode(told))
file:close()
"""


def test_neovim(tmp_path: Path) -> None:
    """Findings, hover, lens, the changes of a file, and findings of a line that is typed, in an editor of people."""
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "echo-migrate").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m echo_migrate "$@"\n')
    (bin / "echo-migrate").chmod(0o755)
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    (work / "app").mkdir()
    dockerfile = work / "app" / "Dockerfile"
    dockerfile.write_text("FROM node:22-slim\nCMD npm start\n")
    script = tmp_path / "script.lua"
    script.write_text(SCRIPT)
    env = os.environ | {"PATH": f"{bin}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    env |= {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    recipe, steps = str(RECIPES / "neovim.lua"), ("-S", str(script), "-c", "qall!")
    words = ["nvim", "--clean", "--headless", "-u", recipe, "app/Dockerfile", *steps]
    done = subprocess.run(words, cwd=work, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert (work / "told.json").exists(), done.stderr
    told = json.loads((work / "told.json").read_text())
    assert told["before"] == [[0, "unhardened-image"], [1, "shell-form-command"]]
    assert told["lens"] == "-> reg.echohq.com/node:22-slim"
    assert told["hover"].startswith("**`node:22-slim`** → `reg.echohq.com/node:22-slim`, safe")
    assert [line for line, _ in told["after"]] == [1, 2]
    assert dockerfile.read_text() == (
        "FROM reg.echohq.com/node:22-slim\nCMD npm start\nRUN echo \U0001f600 && apt-get update\n"
    )


def test_helix_reads_its_recipe_as_toml() -> None:
    settings = tomllib.loads((RECIPES / "helix.toml").read_text())
    assert settings["language-server"]["echo-migrate"] == {"command": "echo-migrate", "args": ["lsp"]}
    assert all("echo-migrate" in language["language-servers"] for language in settings["language"])


def test_the_extension_for_zed_is_of_this_version_and_starts_the_server() -> None:
    """Its manifests alone: there is no Zed here, nor the Rust that compiles it."""
    folder = RECIPES / "zed"
    manifest = tomllib.loads((folder / "extension.toml").read_text())
    crate = tomllib.loads((folder / "Cargo.toml").read_text())
    assert manifest["version"] == crate["package"]["version"] == __version__
    assert manifest["schema_version"] == 1
    server = manifest["language_servers"]["echo-migrate"]
    assert set(server["language_ids"]) < set(server["languages"])
    assert server["language_ids"]["Dockerfile"] == "dockerfile"
    source = (folder / "src" / "lib.rs").read_text()
    assert 'which("echo-migrate")' in source
    assert 'args: vec!["lsp".into()]' in source


def test_the_extension_is_of_this_version_and_its_lock_is_its_own() -> None:
    folder = RECIPES / "vscode"
    manifest = json.loads((folder / "package.json").read_text())
    lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert manifest["version"] == __version__ == lock[""]["version"]
    assert (lock[""]["dependencies"], lock[""]["devDependencies"]) == (
        manifest["dependencies"],
        manifest["devDependencies"],
    )
    assert all("integrity" in package for name, package in lock.items() if name)
    languages = re.findall(r'"([\w-]+)"', (folder / "src" / "client.ts").read_text().partition("];")[0])
    assert manifest["activationEvents"] == [f"onLanguage:{language}" for language in languages]

"""What a start imports. Start-up is part of the product: heavy modules load when they are needed, and not before."""

import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import echo_migrate

HEAVY = {
    *(
        "yaml",
        "dockerfile_parse",
        "rapidfuzz",
        "libcst",
        "rich",
        "jinja2",
        "json",
        "difflib",
        "tomllib",
        "subprocess",
        "tempfile",
    ),
    *("tree_sitter", "tree_sitter_bash", "tree_sitter_hcl", "importlib.resources"),
    *("importlib.metadata", "concurrent.futures", "logging", "email", "urllib.request", "pathlib", "dataclasses"),
}
RULES = {f"rules.{path.stem}" for path in (Path(__file__).parent.parent / "echo_migrate" / "rules").glob("[!_]*.py")}
DOCKERFILE = (
    *(
        "_drafts",
        "container",
        "control_flow",
        "copies",
        "downloads",
        "expansion",
        "images",
        "layers",
        "parser",
        "run",
    ),
    *("stages", "startup", "users"),
)
CHECK = {
    *(
        "",
        "cli",
        "cli.check",
        "cli.options",
        "cli.output",
        "cli.program",
        "cli.results",
        "cli.settings",
        "model",
        "model.reasons.images",
        "model.reasons.places",
        "model.reasons",
        "reports",
        "reports._closing",
        "reports.grouped",
    ),
    *(
        "engine",
        "engine.check",
        "engine.discover",
        "engine.fix",
        "engine.ignores",
        "engine.logins",
        "engine.neighbours",
        "engine.run",
        "engine.selection",
    ),
    *("rules", "rules._causes", "rules._os_release", "rules._purpose", "rules._readiness", "rules._rule", *RULES),
    *(
        "formats",
        "formats._build_places",
        "formats._builds_nearby",
        "formats._follower",
        "formats._followers",
        "formats._dockerfile",
        "formats._ignores",
        "formats._named_contexts",
        "formats.dockerfile",
    ),
    *("dockerfile", *(f"dockerfile.{name}" for name in DOCKERFILE)),
    *(
        "images",
        "images.catalog",
        "images.providers",
        "images.end_of_life",
        "images.facts",
        "images.migration",
        "images.moved",
        "images.parts",
    ),
    *("images.reference", "images.settlement", "images.state", "images.target", "images.target_tag", "images.upstream"),
    *(
        "shell",
        "shell.commands",
        "shell.credentials",
        "shell.exports",
        "shell.grammar",
        "shell.package_managers",
        "shell.parser",
    ),
    *("shell.quotes", "shell.wrappers"),
    *(
        "files",
        "files.budget",
        "files.data",
        "files.lazy_regex",
        "files.named",
        "files.patterns",
        "files.project_template",
        "files.plugins",
        "files.source",
        "files.spelling",
        "files.tree",
    ),
    "files.workspace",
}
HELP = {
    *("", "cli", "cli.asking", "cli.options", "cli.program", "cli.reading"),
    *("cli.starting", "files", "files.plugins"),
}
SCRIPT = """
import sys, atexit
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from echo_migrate.cli import main
main()
"""


@pytest.mark.parametrize(
    ("words", "more", "own", "heavy"),
    [
        (("--help",), "", HELP, set()),
        (("check", "--no-config", "Dockerfile"), "", CHECK, {"json"}),
        (("check", "Dockerfile"), "", CHECK | {"cli.config_file"}, {"json"}),
        (
            ("check", "--no-config", "Dockerfile"),
            "RUN apt-get update\n",
            CHECK | {"rules._called_tools"},
            {"json"},
        ),
        (
            ("check", "--no-config", "Dockerfile"),
            'RUN apt-get --version "$A"\n',
            CHECK | {"rules._called_tools"},
            {"json", "tree_sitter"},
        ),
        (("check", "--no-config", "Dockerfile"), "COPY . /app\n", CHECK, {"json"}),
    ],
)
def test_imports(
    tmp_path: Path, installed: Path, words: tuple[str, ...], more: str, own: set[str], heavy: set[str]
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nFROM node:${V}\n" + more)
    command = [sys.executable, "-c", SCRIPT, *words]
    path = {key: value for key, value in os.environ.items() if not key.startswith("COV")}  # which loads more
    path |= {"PYTHONPATH": str(installed)}  # a checkout's data is YAML
    done = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True, check=False)
    modules = set(done.stderr.split())
    assert modules & HEAVY == heavy
    assert {name.partition(".")[2] for name in modules if name.split(".")[0] == "echo_migrate"} == own


def test_every_module_is_imported_and_so_measured() -> None:
    names = [one.name for one in pkgutil.walk_packages(echo_migrate.__path__, "echo_migrate.")]
    assert {import_module(name).__name__ for name in names if not name.endswith("__main__")} > {"echo_migrate.model"}

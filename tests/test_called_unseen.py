"""What package managers start for the packages that a file beside a Dockerfile declares, and dev containers for it."""

from pathlib import Path

import pytest

from tests.conftest import Run

PYTHON = "FROM python:3.13\nWORKDIR /app\n"
NODE = "FROM node:24\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
RUBY = "FROM ruby:3.4\nWORKDIR /app\nCOPY Gemfile* ./\nRUN bundle install\n"
REQUIREMENTS = f"{PYTHON}COPY requirements.txt .\nRUN pip install -r requirements.txt\n"
FEATURES = '{"build": {"dockerfile": "Dockerfile"}, "features": {"ghcr.io/devcontainers/features/git:1": {}}}'


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def said(run: Run, tree: Path, text: str, files: dict[str, str], path: str = "Dockerfile", *options: str) -> str:
    (tree / ".git").mkdir()
    for name, body in {**files, path: text}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(body)
    words = [
        "--no-config",
        "--select",
        "unhardened-image",
        "--fail-on",
        "never",
        "--output-format",
        "concise",
        *options,
    ]
    return run("check", *words, str(tree / path)).stdout.decode()


@pytest.mark.parametrize(
    ("text", "files", "program"),
    [
        (REQUIREMENTS, {"requirements.txt": "flask\nlib @ git+https://example.com/lib\n"}, "git"),
        (REQUIREMENTS, {"requirements.txt": "-r base.txt\n", "base.txt": "-e git+https://example.com/lib\n"}, "git"),
        (REQUIREMENTS, {"requirements.txt": "Django>=5\npsycopg2==2.9\n"}, "gcc"),
        (
            f"{PYTHON}COPY . .\nRUN uv sync --frozen\n",
            {"uv.lock": 'source = { git = "https://e.com/x" }\n'},
            "git",
        ),
        (f"{PYTHON}COPY Pipfile .\nRUN pipenv sync\n", {"Pipfile": 'x = {git = "https://example.com/x"}\n'}, "git"),
        (
            f"{PYTHON}RUN --mount=type=bind,source=r.txt,target=r.txt pip install -r r.txt\n",
            {"r.txt": "x @ hg+https://e/x\n"},
            "hg",
        ),
        (NODE, {"package.json": '{"dependencies": {"lib": "github:acme/lib#v1"}}'}, "git"),
        (NODE, {"package.json": '{"devDependencies": {"lib": "acme/lib"}}'}, "git"),
        (NODE, {"package.json": "{}", "package-lock.json": '{"resolved": "git+ssh://git@example.com/x"}'}, "git"),
        (RUBY, {"Gemfile": 'gem "lib", github: "acme/lib"\n', "Gemfile.lock": "    rake (13)\n"}, "git"),
        (RUBY, {"Gemfile": 'gem "puma"\n', "Gemfile.lock": "    puma (6.4.2)\n"}, "gcc"),
        (RUBY, {"Gemfile": 'gem "rake"\n'}, "gcc"),
    ],
)
def test_called(run: Run, tmp_path: Path, text: str, files: dict[str, str], program: str) -> None:
    assert f"calls {program}, which the new image may not have" in said(run, tmp_path, text, files)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (REQUIREMENTS, {"requirements.txt": "flask  # was git+https://example.com/lib\npsycopg2-binary\n"}),
        (REQUIREMENTS, {"requirements.txt": "flask\n", "dev.txt": "x @ git+https://example.com/lib\n"}),
        (REQUIREMENTS.replace("3.13", "3.13-slim"), {"requirements.txt": "psycopg2\n"}),
        (NODE, {"package.json": '{"repository": "acme/app", "main": "dist/index.js", "dependencies": {"a": "^1"}}'}),
        (NODE, {"package.json": '{"dependencies": {"a": "npm:@acme/lib@1", "b": "file:../b"}}'}),
        (NODE, {"package.json": "[" * 100_000}),
        (RUBY, {"Gemfile": 'gem "rake"\n', "Gemfile.lock": "    rake (13)\n    puma (6.4-x86_64-linux)\n"}),
    ],
)
def test_not_called(run: Run, tmp_path: Path, text: str, files: dict[str, str]) -> None:
    assert "calls" not in said(run, tmp_path, text, files)


def test_no_file_out_of_the_tree(run: Run, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("x @ git+https://example.com/x\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    text = f"{PYTHON}COPY requirements.txt .\nRUN pip install -r ../requirements.txt -r requirements.txt\n"
    assert "calls" not in said(run, tree, text, {"requirements.txt": "-r ../requirements.txt\n"})


@pytest.mark.parametrize(
    ("path", "features", "held"),
    [
        (".devcontainer/Dockerfile", FEATURES, True),
        (".devcontainer/Dockerfile", '{"build": {"dockerfile": "Dockerfile"}, "features": {}}', False),
        (".devcontainer/Dockerfile.other", FEATURES, False),
        ("Dockerfile", FEATURES.replace('"Dockerfile"', '"../Dockerfile"'), True),
        ("Dockerfile", FEATURES, False),
    ],
)
def test_features_of_a_dev_container(run: Run, tmp_path: Path, path: str, features: str, held: bool) -> None:
    files = {".devcontainer/devcontainer.json": features}
    assert ("a feature of the dev container" in said(run, tmp_path, "FROM python:3.13\n", files, path)) == held


@pytest.mark.parametrize(
    ("lines", "files", "held"),
    [
        ('COPY cli /app/cli\nENTRYPOINT ["/app/cli"]\n', {"cli": "#!/usr/bin/env node\n1\n"}, True),
        ('COPY cli /app/cli\nENTRYPOINT ["/app/cli"]\n', {"cli": "\x7fELF\0"}, False),
        ('COPY cli /app/cli\nENTRYPOINT ["/app/cli"]\n', {"cli": "#!/usr/local/bin/node\n1\n"}, False),
        ('COPY --from=x cli.js /app/cli.js\nENTRYPOINT ["/app/cli.js"]\n', {}, True),
        ('COPY cli.js /app/cli.js\nENTRYPOINT ["node", "/app/cli.js"]\n', {"cli.js": "#!/usr/bin/env node\n"}, False),
    ],
)
def test_started_by_env(run: Run, tmp_path: Path, lines: str, files: dict[str, str], held: bool) -> None:
    found = said(run, tmp_path, f"FROM node:24-alpine\nUSER node\n{lines}", files, "Dockerfile", "--provider", "docker")
    assert ("may have no env" in found) == held, found

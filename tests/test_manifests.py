"""Development dependencies are only said to be installed where the project may declare any."""

from pathlib import Path

import pytest

from tests.conftest import Run

NONE = '{"dependencies": {"express": "4"}}'
SOME = '{"dependencies": {"express": "4"}, "devDependencies": {"jest": "29"}}'
SERVER = (
    '{"scripts": {"start": "cross-env PORT=3 react-scripts start", "prod": "vite build && node ."}, '
    '"dependencies": {"b": "1"}, "devDependencies": {"a": "1"}}'
)
MIGRATES = (
    '{"scripts": {"migrate": "knex --knexfile a.ts"}, "dependencies": {"b": "1"}, "devDependencies": {"ts-node": "1"}}'
)
SCRIPT = "RUN echo 'npm run migrate' >> /a.sh && chmod +x /a.sh\nENTRYPOINT [\"/a.sh\"]\n"
NEST = (
    '{"scripts": {"start": "nest start", "prod": "npm run start:prod", "prestart:prod": "tsc", "start:prod": "node .", '
    '"plain": "node ."}, "dependencies": {"express": "4"}, "devDependencies": {"@nestjs/cli": "1", "typescript": "5"}}'
)
ROOTS = '{"workspaces": ["a"]}'
_INSTALLS = (
    *("poetry install --with test", "poetry install -E test", "uv sync --group test", "uv sync --extra test"),
    *("npm uninstall jest && npm ci", "npm install -g jest && npm ci", "composer remove phpunit && composer install"),
)
_TESTS = (
    *("npm ci && npm test", "npm ci && npm run test", "npm ci && npx jest", "poetry install && poetry run pytest"),
    *("uv sync && uv run -m pytest", "poetry install && python -m pytest", "bundle install && bundle exec rspec"),
    *(
        "poetry install --only-root",
        "composer install && composer test",
        "npm ci && jest",
        "poetry install && python manage.py test",
    ),
)
STARTED = "services:\n  web:\n    build: .\n    command: {}\n"
BRINGS = "WORKDIR /app\nCOPY package*.json ./\nRUN npm ci\n"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.mark.parametrize(
    ("lines", "files", "told"),
    [
        (BRINGS, {"package.json": NONE}, False),
        (BRINGS, {"package.json": SOME}, True),
        (BRINGS, {"package.json": '{"devDependencies": {\n}, "workspaces":[ ]}'}, False),
        (BRINGS, {"package.json": SOME, "compose.yml": STARTED.format("npm run dev")}, False),
        (BRINGS, {"package.json": SOME, "compose.yml": STARTED.format("[npm, start]")}, True),
        (BRINGS, {"package.json": SOME, "compose.yml": STARTED.format("npm run dev\n    profiles: [x]")}, False),
        (
            BRINGS,
            {"package.json": SOME, "compose.yml": STARTED.replace("build: .", "build: web").format("x dev")},
            True,
        ),
        (BRINGS + "CMD npm run start\n", {"package.json": SERVER}, False),
        (BRINGS + 'CMD ["yarn", "start"]\n', {"package.json": SERVER}, False),
        (BRINGS + 'ENTRYPOINT ["npm", "run", "prod"]\n', {"package.json": SERVER}, True),
        (BRINGS + "CMD node start\n", {"package.json": SERVER}, True),
        (BRINGS + "CMD npx ts-node a.ts\n", {"package.json": SOME.replace("jest", "ts-node")}, False),
        (BRINGS + "CMD node -r ts-node/register a\n", {"package.json": SOME.replace("jest", "ts-node")}, False),
        (
            BRINGS + "CMD npm start\n",
            {"package.json": SOME.replace("{", '{"scripts": {"start": "jest a"}, ', 1)},
            False,
        ),
        (BRINGS + "CMD express\n", {"package.json": SOME.replace("jest", "express")}, True),
        (BRINGS + "CMD npm start\n", {"package.json": SERVER, ".dockerignore": "/package.json\n"}, True),
        (BRINGS + SCRIPT, {"package.json": MIGRATES}, False),
        (BRINGS + SCRIPT, {"package.json": MIGRATES.replace(".ts", ".js")}, True),
        (BRINGS + "COPY a.sh /\nCMD /a.sh\n", {"package.json": SOME, "a.sh": "#!/bin/sh\nnpx jest\n"}, False),
        (BRINGS + "COPY a.sh /\nCMD /a.sh\n", {"package.json": SOME, "a.sh": "#!/bin/sh\nnode a\n"}, True),
        ("COPY --from=a /p .\nRUN npm ci\nCMD npm run migrate && node .\n", {}, False),
        ("COPY --from=a /p .\nRUN npm ci\nCMD npm start\n", {}, True),
        (BRINGS + "CMD npm start\n", {"../package.json": SERVER, "../.git/HEAD": ""}, False),
        (BRINGS, {"package.json": ROOTS}, True),
        (BRINGS, {"package.json": '{"devDependencies": {"eslint": "9"}, "dependencies": {}}'}, False),
        (BRINGS, {"package.json": '{"devDependencies": {"a": "9"}, "workspaces": ["a"]}'}, True),
        (BRINGS + "CMD npm start\n", {"package.json": NEST}, False),
        (BRINGS + "CMD npm run prod\n", {"package.json": NEST}, False),
        (BRINGS + "CMD npm run plain\n", {"package.json": NEST}, True),
        (BRINGS + "RUN npx tsc\n", {"package.json": SOME}, False),
        (BRINGS + "RUN npx nest build\n", {"package.json": SOME}, False),
        (BRINGS + "RUN ./node_modules/.bin/vite build\n", {"package.json": SOME}, False),
        (BRINGS + "RUN yarn build\n", {"package.json": SOME}, False),
        (BRINGS, {"package.json": NONE, "pnpm-workspace.yaml": "packages: [a]\n"}, True),
        ("WORKDIR /app\nCOPY . .\nRUN npm ci --omit=dev && npm ci\n", {"package.json": SOME}, True),
        (BRINGS, {"package.json": b"\xff" + NONE.encode()}, False),
        (BRINGS, {}, True),
        (BRINGS, {"../package.json": NONE}, True),
        (BRINGS, {"package.json": NONE, ".dockerignore": "*.md\nweb/\n"}, False),
        (BRINGS, {"package.json": NONE, ".dockerignore": "# all\n/package.json\n"}, True),
        (BRINGS, {"package.json": NONE, "Dockerfile.dockerignore": "*.json\n"}, True),
        ('ARG A\nRUN if [ -n "$A" ]; then npm ci --omit=dev; fi; npm ci\n', {}, True),
        ("RUN npm ci || npm install --omit=dev\n", {}, True),
        ("RUN if [ -f a ]; then npm ci --omit=dev; else npm ci; fi\n", {}, False),
        *((f"RUN {command}\n", {}, True) for command in _INSTALLS),
        *((f"RUN {command}\n", {}, False) for command in _TESTS),
        ("ENV BUNDLE_GEMFILE=/app/x.rb\nWORKDIR /app\nCOPY . .\nRUN bundle install\n", {"Gemfile": "gem 'a'\n"}, True),
        ("ENV COMPOSER=dev.json\nWORKDIR /app\nCOPY . .\nRUN composer install\n", {"composer.json": "{}"}, True),
        ("WORKDIR /app\nCOPY . .\nCOPY --from=a /p/package.json ./\nRUN npm ci\n", {"package.json": NONE}, True),
        ("WORKDIR /app\nCOPY . .\nCOPY --from=a /p/ /\nRUN npm ci\n", {"package.json": NONE}, True),
        ("WORKDIR /app\nCOPY . .\nCOPY --from=a /p /bin/\nRUN npm ci\n", {"package.json": NONE}, False),
        ("WORKDIR /app\nCOPY . .\nCOPY <<EOF package.json\n{}\nEOF\nRUN npm ci\n", {"package.json": NONE}, True),
        ("WORKDIR /app\nCOPY . .\nADD https://a.example/package.json .\nRUN npm ci\n", {"package.json": NONE}, True),
        ("WORKDIR /app\nCOPY . .\nADD a.tar.gz .\nRUN npm ci\n", {"package.json": NONE}, True),
        ("WORKDIR /app\nCOPY ../package.json ./\nRUN npm ci\n", {"package.json": SOME, "../package.json": NONE}, True),
        ("WORKDIR /app\nCOPY ../package.json ./\nRUN npm ci\n", {"package.json": NONE, "../package.json": SOME}, False),
        (
            "WORKDIR /app/web\nCOPY web/package.json .\nCOPY . /app\nRUN npm ci\n",
            {"package.json": SOME, "web/package.json": NONE},
            False,
        ),
        ("COPY . .\nRUN npm install\n", {"package.json": NONE}, False),
        ("COPY . /app\nWORKDIR /app/web\nRUN npm install\n", {"package.json": NONE, "web/package.json": SOME}, True),
        ("WORKDIR /app\nCOPY . .\nRUN cd web && npm install\n", {"package.json": NONE}, True),
        ("WORKDIR /app\nCOPY . .\nRUN npm --prefix web install\n", {"package.json": NONE}, True),
        (
            "WORKDIR /app\nCOPY web/package.json .\nRUN npm ci\n",
            {"package.json": SOME, "web/package.json": NONE},
            False,
        ),
        ("WORKDIR /app\nCOPY web .\nRUN npm ci\n", {"package.json": NONE, "web/package.json": SOME}, True),
        ("WORKDIR /app\nCOPY $WHERE .\nRUN npm ci\n", {"package.json": NONE}, True),
        ("WORKDIR /app\nCOPY ../package.json .\nRUN npm ci\n", {"../package.json": NONE}, True),
        ("WORKDIR /app\nCOPY Gemfile .\nRUN bundle install\n", {"Gemfile": "gem 'rack'\n"}, False),
        ("WORKDIR /app\nCOPY Gemfile .\nRUN bundle install\n", {"Gemfile": "group(:test) { gem 'x' }\n"}, True),
        ("WORKDIR /app\nCOPY . .\nRUN composer install\n", {"composer.json": '{"require": {}}'}, False),
        ("WORKDIR /app\nCOPY . .\nRUN composer install\n", {"composer.json": '{"require-dev": {"a": "1"}}'}, True),
        ("WORKDIR /app\nCOPY . .\nRUN uv sync\n", {"pyproject.toml": "[project]\nname = 'a'\n"}, False),
        ("WORKDIR /app\nCOPY . .\nRUN uv sync\n", {"pyproject.toml": "[dependency-groups]\ndev = ['x']\n"}, True),
        ("WORKDIR /app\nCOPY . .\nRUN poetry install\n", {"pyproject.toml": "[tool.poetry.dependencies]\n"}, False),
        ("WORKDIR /app\nCOPY . .\nRUN poetry install\n", {"pyproject.toml": "[tool.poetry.group.dev]\n"}, True),
    ],
)
def test_what_no_project_declares_is_not_said(
    run: Run, tmp_path: Path, lines: str, files: dict[str, str | bytes], told: bool
) -> None:
    folder = tmp_path / "service"
    (folder / "web").mkdir(parents=True)
    (tmp_path if "../.git/HEAD" in files else folder).joinpath(".git").mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "Dockerfile").write_text(f"FROM node:22-slim\n{lines}")
    said = run("check", "--select", "development-dependencies", "service").stdout
    assert (b"also installs development dependencies" in said) == told


@pytest.mark.parametrize(("command", "told"), [("bundle exec rspec", False), ("bundle exec puma", True)])
def test_an_image_in_which_a_service_runs_tests_needs_them(run: Run, tmp_path: Path, command: str, told: bool) -> None:
    (tmp_path / "Dockerfile").write_text("FROM ruby:3.4-slim\nRUN bundle install\nCMD bundle exec puma\n")
    (tmp_path / "compose.yaml").write_text(
        f"services: {{web: {{build: .}}, other: {{build: ., command: {command}}}}}\n"
    )
    said = run("check", "--no-config", "--select", "development-dependencies", ".").stdout
    assert (b"also installs development dependencies" in said) == told


def test_no_link_out_of_the_repository_is_followed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(NONE)
    (tmp_path / "service" / ".git").mkdir(parents=True)
    (tmp_path / "service" / "package.json").symlink_to(tmp_path / "package.json")
    (tmp_path / "service" / "Dockerfile").write_text(f"FROM node:22-slim\n{BRINGS}")
    said = run("check", "--select", "development-dependencies", "service").stdout
    assert b"also installs development dependencies" in said


@pytest.mark.parametrize(
    ("setting", "declared"), [("RUN yarn set version berry\n", ""), ("", '"packageManager": "yarn@4.1.0", ')]
)
def test_a_later_yarn_has_a_command_of_its_own(run: Run, tmp_path: Path, setting: str, declared: str) -> None:
    (tmp_path / "package.json").write_text(SOME.replace("{", "{" + declared, 1))
    (tmp_path / "Dockerfile").write_text(f"FROM node:22\n{setting}{BRINGS.replace('npm ci', 'yarn install')}")
    said = run("check", "--no-config", "--select", "development-dependencies", ".").stdout.decode()
    assert "use yarn workspaces focus --production, or a builder stage" in " ".join(said.split())

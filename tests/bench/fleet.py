"""How long a fleet takes where nothing is known and where nothing has changed, and its report: repositories of 20
files each, as clones on this machine.

.venv/bin/python -m tests.bench.fleet [COUNT]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCKERFILE = """FROM python:3.{number} AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libpq-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
FROM node:{number}-slim
COPY --from=build /app /app
USER node
CMD ["node", "/app/index.js"]
"""
COMPOSE = """services:
  web: {{build: ., ports: ["80:8080"]}}
  cache: {{image: "redis:{number}"}}
  database: {{image: "postgres:{number}-alpine", volumes: ["data:/var/lib/postgresql/data"]}}
volumes: {{data: {{}}}}
"""


FLEET = ("fleet", "clones", "--output-format", "json")
RUNS = (
    ("nothing known", FLEET),
    ("nothing changed", FLEET),
    ("nothing changed, again", FLEET),
    ("the report as a page", ("report", "--output", "fleet.html")),
)


def made(folder: Path, seed: int) -> None:
    """Make a repository of 20 files, 10 of which name images."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for number in range(5):
        service = folder / f"service{number}"
        service.mkdir()
        (service / "Dockerfile").write_text(DOCKERFILE.format(number=9 + (seed + number) % 6))
        (service / "compose.yaml").write_text(COMPOSE.format(number=14 + (seed + number) % 4))
        (service / "requirements.txt").write_text("flask\n")
        (service / "index.js").write_text(f"console.log({seed})\n")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", *author, "commit", "-qm", "all"], cwd=folder, check=True)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "clones").mkdir()
        for number in range(count):
            made(root / "clones" / f"r{number}", number)
        print(f"{count} repositories\n\n| | elapsed s | s of a processor |\n|---|---|---|", flush=True)
        for what, words in RUNS:
            begun, before = time.perf_counter(), os.times()
            command = [sys.executable, "-m", "echo_migrate", *words, "--store", "store"]
            subprocess.run(command, cwd=root, check=True, capture_output=True)
            elapsed, after = time.perf_counter() - begun, os.times()
            print(f"| {what} | {elapsed:.2f} | {sum(after[2:4]) - sum(before[2:4]):.2f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)

"""Scripts of the build context that a Dockerfile starts: read where their text is known, by their first line."""

from pathlib import Path

import pytest

from tests.conftest import Run

SHELL = "#!/bin/sh\nset -e\ntouch /app/ready\nexec node server.js\n"
BASE = "FROM gcr.io/distroless/nodejs22-debian13\n"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


def said(run: Run, tree: Path, text: str, rule: str, files: dict[str, str], path: str = "Dockerfile") -> str:
    (tree / ".git").mkdir()
    for name, body in {**files, path: text}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(body)
    options = ["--no-config", "--select", rule, "--fail-on", "never", "--output-format", "concise"]
    return run("check", *options, str(tree / path)).stdout.decode()


@pytest.mark.parametrize(
    ("lines", "files", "path"),
    [
        ('COPY docker-entrypoint /\nENTRYPOINT ["/docker-entrypoint"]\n', {"docker-entrypoint": SHELL}, "Dockerfile"),
        ('COPY bin /app/bin/\nENTRYPOINT ["/app/bin/start"]\n', {"bin/start": SHELL}, "Dockerfile"),
        ('COPY a/run /start\nENTRYPOINT ["/tini", "--", "/start"]\n', {"a/run": SHELL}, "docker/Dockerfile"),
    ],
)
def test_a_shell_script_needs_a_shell(run: Run, tmp_path: Path, lines: str, files: dict[str, str], path: str) -> None:
    assert "starts a script, which needs a shell" in said(run, tmp_path, BASE + lines, "shell-needed", files, path)


@pytest.mark.parametrize(
    ("lines", "files"),
    [
        ('COPY tool /tool\nENTRYPOINT ["/tool"]\n', {"tool": "\x7fELF\0"}),
        ('COPY run /run\nENTRYPOINT ["/run"]\n', {"run": "#!/usr/bin/env node\n1\n"}),
        ('COPY run /run\nENTRYPOINT ["/other"]\n', {"run": SHELL, "other": SHELL}),
        ('COPY ../run /run\nENTRYPOINT ["/run"]\n', {"other": SHELL}),
        ('COPY . /a\nCOPY --from=busybox /bin/run /a/run\nENTRYPOINT ["/a/run"]\n', {"run": SHELL}),
        ('COPY . /a\nCOPY --from=busybox /bin /a/\nENTRYPOINT ["/a/run"]\n', {"run": SHELL}),
        ('COPY . /a\nADD https://example.com/run /a/run\nENTRYPOINT ["/a/run"]\n', {"run": SHELL}),
        ('COPY . /a\nCOPY x/r* /a/run\nENTRYPOINT ["/a/run"]\n', {"run": SHELL}),
        ('COPY --exclude=run . /a\nENTRYPOINT ["/a/run"]\n', {"run": SHELL}),
        ('COPY . /a\nENTRYPOINT ["/a/run"]\n', {"run": SHELL, ".dockerignore": "run\n"}),
    ],
)
def test_no_shell_script(run: Run, tmp_path: Path, lines: str, files: dict[str, str]) -> None:
    (tmp_path / "run").write_text(SHELL)
    (tmp_path / "repository").mkdir()
    assert "shell-needed" not in said(run, tmp_path / "repository", BASE + lines, "shell-needed", files)


def test_an_interpreter_is_there(run: Run, tmp_path: Path) -> None:
    text = 'FROM gcr.io/distroless/static-debian13\nCOPY run /app/run\nENTRYPOINT ["/app/run"]\n'
    found = said(run, tmp_path, text, "missing-binary", {"run": "#!/usr/bin/env -S python3 -u\nprint(1)\n"})
    assert "ENTRYPOINT runs run, which needs python3" in found


def test_a_file_at_two_heights_is_not_known(run: Run, tmp_path: Path) -> None:
    files = {"entry": "#!/usr/bin/env node\n", "services/entry": SHELL}
    text = BASE + 'COPY entry /entry\nENTRYPOINT ["/entry"]\n'
    assert "shell-needed" not in said(run, tmp_path, text, "shell-needed", files, "services/api/Dockerfile")


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("cp -r /src/. /app", False),
        ("cd /app && mv /src/* .", False),
        ("sed -i s/sh/node/ /app/r*", False),
        ("chmod 755 /app/* && rm -rf /var/lib/apt/lists/*", True),
        ("cp -r /src /opt", True),
    ],
)
def test_a_command_may_write_a_file_that_it_does_not_name(run: Run, tmp_path: Path, step: str, told: bool) -> None:
    text = f'{BASE}COPY . /app\nRUN {step}\nENTRYPOINT ["/app/run"]\n'
    assert ("starts a script" in said(run, tmp_path, text, "shell-needed", {"run": SHELL})) is told


def test_a_service_does_not_tell_the_folder_of_its_dockerfile(run: Run, tmp_path: Path) -> None:
    files = {
        "run": SHELL,
        "app/run": "#!/usr/bin/env node\n",
        "app/Dockerfile": f"{BASE}COPY . /app\n",
    }
    text = 'services:\n  app:\n    build: app\n    entrypoint: ["/app/run"]\n'
    assert "shell-needed" not in said(run, tmp_path, text, "shell-needed", files, "compose.yaml")


READING = "#!/bin/sh\n. /etc/os-release\necho deb https://example.com/$ID > /etc/apt/sources.list.d/a.list\n"


@pytest.mark.parametrize(
    ("lines", "text", "told"),
    [
        ("COPY setup /tmp/\nRUN sh -ex /tmp/setup && rm /tmp/setup\n", READING, True),
        ("WORKDIR /tmp\nCOPY setup .\nRUN chmod +x setup && ./setup\n", READING, True),
        ("COPY . /src\nRUN cd /src && . ./setup\n", READING, True),
        (
            "COPY setup /\nRUN bash /setup 3\n",
            "#!/bin/bash\napt-get install -y a && playwright install b --with-deps\n",
            True,
        ),
        ("COPY setup /\nRUN /setup\n", "#!/bin/sh\nset -e\nX=$(lsb_release -cs)\n", True),
        ("COPY setup /\nRUN /setup\n", "#!/bin/sh\nif command -v lsb_release; then lsb_release -cs; fi\n", False),
        ("COPY setup /\nRUN /setup\n", "#!/bin/sh\n[ -z $X ] || exit 0\nlsb_release -cs\n", False),
        ("COPY setup /\nRUN /setup\n", "#!/bin/sh\n[ -x /a ] && lsb_release -cs\necho a\n", False),
        ("COPY setup /\nRUN /setup\n", "#!/bin/sh\nmain() { lsb_release -cs; }\nmain\n", False),
        ("COPY setup /\nRUN sh -c /other && echo /setup\n", READING, False),
        ("COPY setup /\nRUN sed -i s/ID/X/ /setup && /setup\n", READING, False),
        ("COPY setup /\nRUN sh /write /setup && sh /setup\n", READING, False),
        ("COPY setup /\nRUN /setup\n", "#!/bin/sh\n# . /etc/os-release has $ID\necho $ID\n", False),
    ],
)
def test_a_script_of_a_run_reads_the_distribution(run: Run, tmp_path: Path, lines: str, text: str, told: bool) -> None:
    found = said(run, tmp_path, f"FROM debian:13-slim\n{lines}", "os-release-differs", {"setup": text})
    assert ("RUN runs setup, which" in found and "(ID=echo)" in found) is told


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("if command -v lsb_release; then lsb_release -cs; fi\n", True),
        ("main() { . /etc/os-release; echo $ID; }\nmain\n", True),
        ("echo see playwright install --with-deps\n", False),
        ("if a; then echo playwright install --with-deps > /x; fi\n", True),
        ("if a; then echo playwright install --with-deps | sh; fi\n", True),
        ("if a; then U=https://get.docker.com; fi\ncurl $U | sh\n", True),
        ("if a; then cat > /x <<X\nplaywright install-deps\nX\nfi\n", True),
    ],
)
def test_a_script_that_may_read_the_distribution_is_no_safe_move(
    run: Run, tmp_path: Path, text: str, held: bool
) -> None:
    dockerfile = "FROM debian:13-slim\nRUN apt-get update && apt-get install -y curl\nCOPY setup /\nRUN /setup\n"
    found = said(run, tmp_path, dockerfile, "unhardened-image", {"setup": f"#!/bin/sh\n{text}"})
    assert ("setup may run a step that" in found) is held

"""What reading a text costs grows no faster than the text: counted in steps, and held by a limit of a processor's time.

A step is a line of Python that is run; what is spent outside of Python is held by the second test, in which a text of
each shape, far longer than real files are, has some seconds of a processor where the square of its length would take
minutes.
"""

import json
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from echo_migrate.dockerfile.container import Container
from echo_migrate.dockerfile.control_flow import must_succeed
from echo_migrate.engine.run import check_safely, fix_path
from echo_migrate.files import budget
from echo_migrate.files.source import Source, TooMuch, Traced
from echo_migrate.files.workspace import begin
from echo_migrate.formats import Request, _build_results, _charts, _kustomizations, ci, compose, dockerfile
from echo_migrate.formats._builds_nearby import builds_near
from echo_migrate.formats.compose import document
from echo_migrate.images import catalog
from echo_migrate.model.reasons import because
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from echo_migrate.shell.parser import read
from tests.conftest import Run
from tests.shapes import BUILDERS, LONG_BUILDS, SHAPES

MOST = 4.5
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True, unsafe=True, today="2026-11-01")


def steps(work: Callable[[], object]) -> int:
    """How many lines of the program's own are run by some work."""
    count = 0

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, event: str, _: Any) -> Any:
        return line if "echo_migrate" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_four_times_the_commands_take_four_times_the_steps_to_be_followed() -> None:
    counts = []
    for size in (4, 40, 160):
        text = "a\n[ -d x ]\nb && c\n" * size
        script = read(Traced.of(text, 0, len(text)))
        counts.append(steps(lambda script=script: [must_succeed(one, script) for one in script.commands]))  # type: ignore[misc]
    assert 0 < counts[2] <= MOST * counts[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_text_takes_at_most_four_and_a_half_times_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    monkeypatch.chdir(tmp_path)
    name, text = SHAPES[shape]
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    counts = []
    for size in (4, 40, 160):  # the first loads what is loaded once
        Path(name).write_text(text(size))
        counts.append(steps(lambda: fix_path(name, SETTINGS)))
    assert counts[2] <= MOST * counts[1]


@pytest.mark.parametrize("shape", BUILDERS)
def test_four_times_the_text_of_a_neighbour_takes_at_most_four_and_a_half_times_the_steps(
    tmp_path: Path, shape: str
) -> None:
    name, text = BUILDERS[shape]
    (tmp_path / ".git").mkdir()
    counts = []
    for size in (4, 40, 160):
        begin()
        (tmp_path / name).write_text(text(size))
        counts.append(steps(lambda: builds_near(str(tmp_path / "Dockerfile"))))
    assert 0 < counts[2] <= MOST * counts[1]


@pytest.mark.parametrize("shape", BUILDERS)
def test_a_long_text_of_a_neighbour_ends_soon(limited: Run, tmp_path: Path, shape: str) -> None:
    name, text = BUILDERS[shape]
    (tmp_path / ".git").mkdir()
    (tmp_path / name).write_text(text(LONG_BUILDS))
    for number in range(3):
        (tmp_path / f"Dockerfile.{number}").write_text("FROM python:3.12\n")
    found = json.loads(limited(15, "inventory", "--output-format", "json").stdout)["references"]
    assert [one["state"] for one in found if one["raw"] == "python:3.12"] == ["migrate"] * 3


DECLARED = {
    "uv.lock": "git\n" + "\n" * 300_000 + "[tool.uv.sources.a]\n" * 2_000 + "{git" + " " * 100_000,
    "Gemfile": "gem" + " git" * 50_000 + "\n" + " " * 100_000 + "git\n" + "    a (" * 20_000,
    "package-lock.json": '"resolved": "git' + " " * 100_000 + '"resolved": "git+a ' * 5_000 + "\n" * 100_000,
    "a.txt": "-r" + " " * 100_000 + "\n" * 100_000 + "git " * 20_000 + "-r\n" * 20_000,
}
INSTALLS = """FROM python:3.13
COPY . .
RUN uv sync
FROM ruby:3.4
COPY . .
RUN bundle install
FROM node:24
COPY . .
RUN npm ci --omit=dev
FROM python:3.13
COPY . .
RUN pip install -r a.txt
"""


def test_long_files_of_what_is_installed_end_soon(limited: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(INSTALLS)
    for name, text in DECLARED.items():
        (tmp_path / name).write_text(text)
    found = json.loads(limited(15, "inventory", "--output-format", "json", "Dockerfile").stdout)["references"]
    assert [one["raw"] for one in found] == ["python:3.13", "ruby:3.4", "node:24", "python:3.13"]


def test_a_manifest_of_many_mappings_with_a_long_text_is_read(limited: Run, tmp_path: Path) -> None:
    fields = "".join(f"    f{number}: {{type: string}}\n" for number in range(10_000))
    text = f"apiVersion: v1\nkind: A\nspec:\n  image: a{' {}' * 1_000_000}\n  fields:\n{fields}"
    (tmp_path / "a.yaml").write_text(text)
    assert b"No image references in 1 file" in limited(8, "check", "--no-config").stdout


@pytest.mark.parametrize("shape", SHAPES)
def test_a_long_text_ends_soon(limited: Run, tmp_path: Path, shape: str) -> None:
    name, text = SHAPES[shape]
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    each = (len(text(40)) - len(text(20))) / 20
    (tmp_path / name).write_text(text(int(50_000 / each)))
    done = limited(15, "fix", "--select", "all", "--unsafe-fixes", "--quiet", "--no-config", name)
    assert done.returncode in (0, 1, 2)
    assert b"fault of" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("seconds", "memory", "says"),
    [
        (9.9, 999_999_999, None),
        (10.1, 0, "it takes more than 10 seconds of a processor"),
        (0, 1_000_000_001, "it takes more than 1 GB of memory"),
    ],
)
def test_what_a_file_may_use(seconds: float, memory: int, says: str | None) -> None:
    assert budget.exceeded(seconds, memory) == says


def _for_ever(*_: object) -> object:
    while True:
        try:
            sum(range(1000))
        except Exception:  # a reader that keeps what it can: the budget is no such thing
            continue


def _ever_larger(*_: object) -> object:
    held = []
    while True:
        held.append(bytearray(1_000_000))


@pytest.mark.parametrize(
    ("work", "says"),
    [(_for_ever, "it takes more than 0.5 seconds"), (_ever_larger, "it takes more than 1 GB of memory")],
)
def test_a_file_that_uses_more_is_left_unread(monkeypatch: pytest.MonkeyPatch, work: Any, says: str) -> None:
    monkeypatch.setattr(dockerfile, "parse", work)
    monkeypatch.setattr(budget, "SECONDS", 0.5 if work is _for_ever else 60)
    text = "FROM python:3.12 AS build\nFROM build\nCOPY --from=node:22 a b\nFROM --platform=x scratch\n  from debian\n"
    result = check_safely(Source("Dockerfile", text), SETTINGS)
    assert result is not None
    assert [(one.rule, one.level) for one in result.findings] == [("unreadable-file", "error")]
    assert says in result.findings[0].message
    assert [(one.image.ref.value, one.state) for one in result.outcomes] == [
        ("python:3.12", "needs-person"),
        ("debian", "needs-person"),
    ]
    assert result.fixed is result.source


@pytest.mark.parametrize("fault", [RecursionError(), MemoryError()])
def test_what_python_has_no_room_for_is_no_fault_of_ours(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def parse(*_: object) -> object:
        raise fault

    monkeypatch.setattr(dockerfile, "parse", parse)
    result = check_safely(Source("Dockerfile", "FROM a\n"), SETTINGS)
    assert result is not None
    assert "fault" not in result.findings[0].message
    assert result.findings[0].message.startswith("this file was left unread: it ")


def test_a_file_that_is_left_unread_ends_no_run_and_is_counted(run: Run, tmp_path: Path) -> None:
    merges = "".join(f"x-{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n  k{i}: 1\n" for i in range(1, 1000))
    (tmp_path / "compose.yaml").write_text(f"x-0: &a0 {{k: 1}}\n{merges}services:\n  a:\n    image: node:22\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    done = run("fix", "--output-format", "concise")
    assert done.returncode == 2
    assert (
        b"compose.yaml:1:1: error[unreadable-file] this file was left unread: its aliases stand for more" in done.stdout
    )
    assert b"1 need review" in done.stdout
    assert (tmp_path / "Dockerfile").read_text() == "FROM reg.echohq.com/python:3.12\n"
    listed = run("inventory", "--output-format", "csv")
    assert listed.returncode == 2
    assert b"compose.yaml,3001,12,unread,node:22,node:22,,,needs-person,the file was left unread" in listed.stdout
    assert b"compose.yaml: this file was left unread" in listed.stderr


DOCKER = "import docker\nclient = docker.from_env()\n"
ENDLESS = {
    "patterns within patterns": (
        "a.py",
        f"{DOCKER}match a:\n case " + "{1: " * 16 + "b" + "}" * 16 + ":\n  client.containers.run('python:3.12')\n",
    ),
    "scripts within scripts": ("run.sh", "docker run a\n" + "`> :" * 7000),
    "directives": (
        "compose.yaml",
        "".join(f"%TAG !a{i}! x\n" for i in range(60_000)) + "---\nservices: {a: {image: b}}\n",
    ),
    "a long source": ("b.py", f"{DOCKER}client.containers.run('python:3.12')\n" + "x\n" * 2_000_000),
    "a name of many parts": ("Dockerfile", "FROM " + "a/" * 60_000 + "a\n"),
    "a row of strings": ("docker-bake.hcl", 'target "a" {\n' + '"a" ' * 40_000),
    "blanks in a chart's template": ("c/templates/a.yaml", "image: {{ a" + " " * 64_000 + "b }}x\n"),
    "findings in one line": (
        "docker-bake.json",
        '{"target": {'
        + ", ".join(f'"t{i}": {{"contexts": {{"a": "docker-image://python:3.12"}}}}' for i in range(3000))
        + "}}",
    ),
    "a long word in many substitutions": ("e.sh", "docker run " + "$(" * 400 + "\\\n" * 14_000 + ")" * 400 + "\n"),
    "the same in a recipe": ("Makefile", "a:\n\tdocker run a" + "$$(" * 240 + "\\\n\t" * 8_000 + ")" * 240 + "\n"),
    "pipes that no shell reads": ("a.sh", "docker run python:3.12\n" + "a|" * 14_900),
    "the same in a Dockerfile": ("Dockerfile", "FROM python:3.12\nRUN docker x; " + "a|" * 14_000 + "\n"),
    "words without an end": ("build.sh", "build-context\n" + "a" * 60_000 + "\n"),
    "a surrogate for a name": ("docker-bake.json", '{"target":{"a":{"dockerfile":"\\ud800","args":{"A":"x"}}}}'),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_once_did_not_end_ends_soon(limited: Run, tmp_path: Path, name: str) -> None:
    file, text = ENDLESS[name]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    (tmp_path / "c").mkdir(exist_ok=True)
    (tmp_path / "c" / "Chart.yaml").write_text("apiVersion: v2\nname: a\n")
    (tmp_path / "c" / "values.yaml").write_text("image: python:3.12\n")
    for words in (("check", "--select", "all", "--output-format", "sarif"), ("fix", "--unsafe-fixes", "--diff")):
        done = limited(20, *words, ".")
        assert done.returncode in (0, 1, 2)
        assert b"ran into a fault" not in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr


def _users(n: int, head: str, each: str) -> str:
    return head + "".join(each.format(i=i) for i in range(n))


SHARED: dict[str, tuple[str, Callable[[int], str]]] = {
    "containers": (
        "a.yaml",
        lambda n: _users(
            n,
            "apiVersion: v1\nkind: Pod\nspec: {containers: &c ["
            + ", ".join(f"{{image: a:{i}}}" for i in range(n))
            + "]}\nx:\n",
            "- {{containers: *c}}\n",
        ),
    ),
    "services": (
        ".github/workflows/a.yml",
        lambda n: _users(
            n,
            "on: push\njobs:\n  j: {services: &s {" + ", ".join(f"a{i}: 'a:{i}'" for i in range(n)) + "}}\n",
            "  j{i}: {{services: *s}}\n",
        ),
    ),
    "a matrix": (
        ".github/workflows/a.yml",
        lambda n: _users(
            n,
            "on: push\njobs:\n  j: {strategy: &s {matrix: {image: ["
            + ", ".join(f"'a:{i}'" for i in range(n))
            + "]}}}\n",
            "  j{i}: {{strategy: *s, container: '${{{{ matrix.image }}}}'}}\n",
        ),
    ),
    "volumes": (
        "compose.yaml",
        lambda n: _users(
            n,
            "services:\n  a: {image: 'a:1', volumes: &v [" + ", ".join(f"a:/b{i}" for i in range(n)) + "]}\n",
            "  a{i}: {{image: 'a:{i}', volumes: *v}}\n",
        ),
    ),
    "arguments": (
        "compose.yaml",
        lambda n: _users(
            n,
            "services:\n  a: {build: {args: &v {" + ", ".join(f"A{i}: b" for i in range(n)) + "}}}\n",
            "  a{i}: {{build: {{context: ., args: *v}}}}\n",
        ),
    ),
}


@pytest.mark.parametrize("what", SHARED)
def test_what_aliases_multiply_is_followed_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    file, text = SHARED[what]
    few, many = (check_safely(Source(file, text(n)), SETTINGS) for n in (40, 1000))
    assert few is not None
    assert many is not None
    assert not any(found.rule == "unreadable-file" for found in few.findings)
    assert [found.message for found in many.findings] == [
        "this file was left unread: its aliases stand for more than 50,000 values"
    ]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("compose.yaml", _users(400, "services:\n", "  s{i}: {{build: {{context: ., args: {{a: 'a:{i}'}}}}}}\n")),
        ("docker-bake.hcl", _users(400, "", 'target "t{i}" {{ args = {{ a = "a:{i}" }} }}\n')),
    ],
)
def test_a_dockerfile_is_read_for_so_many_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("ARG a\n" + "FROM $a\n" * 400)
    result = check_safely(Source(file, text), SETTINGS)
    assert result is not None
    assert [found.message for found in result.findings] == [
        "this file was left unread: the Dockerfiles that it gives arguments to have more than 10,000 instructions"
    ]


@pytest.mark.parametrize(
    ("entries", "containers", "read"), [(50, 50, True), (51, 50, False), (3_000, 1, False), (1, 2_500, True)]
)
def test_so_many_images_are_made_of_parameters(entries: int, containers: int, read: bool) -> None:
    given = _users(
        entries, "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  params:\n", "  - {{name: p, value: 'a:{i}'}}\n"
    )
    text = _users(containers, f"{given}  steps:\n", "  - {{name: s{i}, image: $(params.p)}}\n")
    result = check_safely(Source("task.yaml", text), SETTINGS._replace(rules=()))
    assert result is not None
    says = ["this file was left unread: its parameters stand for more than 2,500 images"]
    assert [found.message for found in result.findings] == ([] if read else says)


def test_a_reference_of_many_pieces_is_listed_and_not_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    many = 'ARG B="' + "$A" * 60 + '"\nARG C="' + "$B" * 60 + '"\n'
    (tmp_path / "Dockerfile").write_text(f"ARG A=x\n{many}" + "FROM $C\n" * 20)
    text = "services:\n  s:\n    build: {context: ., args: [A=a]}\n"
    result = check_safely(Source("compose.yaml", text), SETTINGS)
    assert result is not None
    images = [one.image for one in result.outcomes]
    assert len(images) == 20
    assert all(not image.ref.spans and len(image.depends_on) <= 64 for image in images)
    assert {image.not_editable for image in images} == {because("many-parts")}


NEIGHBOURS = {
    "a chart's template": ("c/values.yaml", "c/templates/a.yaml", "image: {{ .a }}x\n", _charts, "re"),
    "other values": ("c/values.yaml", "c/values-a.yaml", "image: a\n", _charts, "walk"),
    "a chart's dependencies": ("c/values.yaml", "c/Chart.yaml", "dependencies: [a]\n", _charts, "sequence"),
    "a kustomization": ("c/pod.yaml", "c/kustomization.yaml", "images: [{name: a}]\n", _kustomizations, "sequence"),
    "a compose file that gives contexts": (
        "c/Dockerfile",
        "c/compose.yaml",
        "services: {a: {build: {context: ., additional_contexts: {a: b}}}}\n",
        compose,
        "positions",
    ),
    "a script that builds": ("c/Dockerfile", "c/a.sh", "docker build -t a .\n", _build_results, "without_comments"),
    "a compose file": ("c/Dockerfile", "c/compose.yaml", "services: {a: {build: .}}\n", document, "positions"),
}
FILES = {
    "values.yaml": "image: {registry: docker.io, repository: python, tag: '3.12'}\n",
    "pod.yaml": "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'python:3.12'}]}\n",
    "Dockerfile": "FROM postgres:16\n",
}


@pytest.mark.parametrize("deep", [False, True], ids=["late", "deep"])
@pytest.mark.parametrize("what", NEIGHBOURS)
def test_a_neighbour_that_takes_too_long_is_read_once_and_is_a_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, deep: bool
) -> None:
    file, neighbour, text, module, name = NEIGHBOURS[what]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c" / "templates").mkdir(parents=True)
    (tmp_path / "c" / "Chart.yaml").write_text("name: a\n")
    (tmp_path / neighbour).write_text(text)
    asked = []

    def endless(*_: object) -> object:
        asked.append(1)
        if deep:
            raise RecursionError
        return _for_ever()

    monkeypatch.setattr(module, name, type("re", (), {"search": endless}) if name == "re" else endless)
    monkeypatch.setattr(budget, "BESIDE", 0.3)
    for _ in range(3):
        result = check_safely(Source(file, FILES[Path(file).name]), SETTINGS)
        assert result is not None
        assert not any(found.rule == "unreadable-file" for found in result.findings)
        doubtful = what != "a compose file"  # of what it builds nothing is known, as if it were not there
        unsafe = any(found.fix and not found.fix.safe for found in result.findings)
        assert (result.outcomes[0].state == "needs-person" or unsafe) == doubtful
    assert len(asked) == 1


def test_what_is_read_after_a_late_neighbour_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "BESIDE", 0.3)
    with budget.bounded():
        with pytest.raises(TooMuch), budget.beside():
            _for_ever()
        script = Traced.of("true && " * 200 + "true", 0, 1604)
        assert len(read(script).commands) == 201


def test_what_other_threads_read_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "BESIDE", 0)
    blocks = [budget.beside() for _ in range(2)]
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:  # which leave in the order they entered in
        for pool, block in zip((one, other), blocks, strict=True):
            pool.submit(block.__enter__).result()
        for pool, block in zip((one, other), blocks, strict=True):
            pool.submit(block.__exit__, None, None, None).result()
    with budget.bounded():
        signal.raise_signal(signal.SIGPROF)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docker-bake.json", '{"target":{"a":{"dockerfile":"\\udc00","contexts":{"x":"y"}}}}'),
        ("docker-bake.json", '{"target":{"a":{"context":"\\udfff","contexts":{"x":"y"}}}}'),
        ("ci/x.hcl", 'a "b" {\n contexts = { ["x"] = 1 }\n}\n'),
        ("docker-bake.hcl", 'target "a" { contexts = { ["x"] = "docker-image://python:3.12" } }\n'),
        ("docker-bake.hcl", 'target "a" { contexts = { {a="b"} = "docker-image://python:3.12" } }\n'),
    ],
)
def test_no_neighbour_keeps_a_dockerfile_from_being_read(run: Run, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "Dockerfile").write_text("FROM python:3.12\n")
    done = run("check", "--output-format", "concise")
    assert b"fault" not in done.stdout + done.stderr
    assert b"d/Dockerfile:1:6: warning[unhardened-image]" in done.stdout


def test_contexts_of_many_folders_cost_what_builds_a_dockerfile_nothing(limited: Run, tmp_path: Path) -> None:
    for number, context in enumerate(("a/" * 20_000, "a/../" * 800)):
        tree = tmp_path / str(number)
        services = "".join(f"  s{i}: {{build: *c}}\n" for i in range(500))
        (tree / ".git").mkdir(parents=True)
        (tree / "a").mkdir()
        (tree / "compose.yaml").write_text(f'x-c: &c "{context}"\nservices:\n{services}')
        for i in range(10):
            (tree / f"d{i}").mkdir()
            (tree / f"d{i}" / "Dockerfile").write_text("FROM postgres:16\nCOPY a /a\n")
        done = limited(10, "check", "-q", cwd=tree)
        assert b"left unread" not in done.stdout


def test_a_baseline_of_files_that_are_gone_is_read_in_one_pass(limited: Run, tmp_path: Path) -> None:
    gone = {str(i): {"": {str(i): 1}} for i in range(20_000)}
    (tmp_path / "b.json").write_text(json.dumps({"version": 1, "findings": gone}))
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    assert limited(5, "check", "--baseline", "b.json").returncode == 1


def test_a_file_that_kills_its_process_is_lost_alone(run: Run, tmp_path: Path) -> None:
    for i in range(300):
        (tmp_path / f"Dockerfile.{i:03}").write_text("FROM python:3.12\n")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(
        "import os\nfrom echo_migrate.formats import dockerfile\nreal = dockerfile.parse\n"
        "def parse(source, *words):\n"
        "    os.kill(os.getpid(), 9) if source.path.endswith(('.100', '.101', '.250')) else None\n"
        "    return real(source, *words)\n"
        "dockerfile.parse = parse\n"
    )
    done = run("check", "--jobs", "2", "-q", "--output-format", "concise", env={"PYTHONPATH": str(hooks)})
    assert done.returncode == 2
    lost = [line for line in done.stdout.decode().splitlines() if "its process was killed" in line]
    assert [line.partition(":")[0][-3:] for line in lost] == ["100", "101", "250"]
    assert done.stdout.count(b"warning[unhardened-image]") == 297


def test_a_long_name_is_matched_with_nothing(limited: Run) -> None:
    assert limited(20, "match", "a/" * 60_000 + "a").returncode == 1


def test_a_long_mapping_is_read(limited: Run, tmp_path: Path) -> None:
    rows = "".join(f"  a{i}: b\n" for i in range(8000)) + "".join(f"  c:{i}: b\n" for i in range(8000))
    (tmp_path / "rows.yaml").write_text(f"images:\n{rows}")
    (tmp_path / "Dockerfile").write_text("FROM a7:1\n")
    assert b"reg.echohq.com/b:1" in limited(20, "check", "--mapping", "rows.yaml").stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a" + ".a" * 32_000 + " = 1\n", "has a key of too many parts"),
        ("jobs = " + "9" * 5000 + "\n", "is not valid TOML"),
        ("jobs = 0x" + "f" * 5000 + "\n", "jobs is too large"),
        ('mapping = "a\\u0000"\n', "mapping has a NUL in it"),
        ('baseline = "a\\u0000"\n', "baseline has a NUL in it"),
        ("exclude = ['zzz']\n", ""),
    ],
)
def test_a_configuration_ends_in_an_error_at_once(limited: Run, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / ".echo-migrate.toml").write_text(text)
    deep = tmp_path.joinpath(*["d"] * 95)
    deep.mkdir(parents=True)
    (deep / "Dockerfile").write_text("FROM python:3.12\n")
    done = limited(20, "check", "-q")
    assert done.returncode == (2 if says else 1)
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_a_grammar_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SECONDS", 0.5)
    result = check_safely(Source("docker-bake.hcl", "[" + "\n" * 100_000), SETTINGS)
    assert result is not None
    assert "it takes more than 0.5 seconds" in result.findings[0].message
    result = check_safely(Source("docker-bake.hcl", 'target "a" {}\n'), SETTINGS)
    assert result is not None
    assert result.findings == ()


def test_four_times_the_jobs_of_the_same_templates_take_four_times_the_steps(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    names = [f"t{number}.yml" for number in range(12)]
    for name in names:
        (tmp_path / name).write_text("steps:\n" + f"- script: make {name}\n" * 12)
    job = "- job: a\n  container: {image: 'python:3.12', endpoint: r}\n  steps:\n"
    job += "".join(f"  - template: {name}\n" for name in names)
    counts = []
    for size in (1, 6, 24):
        begin()
        source = Source(str(tmp_path / "azure-pipelines.yml"), "jobs:\n" + job * size)
        counts.append(steps(partial(ci.parse, source, Request(frozenset([Container])))))
    assert counts[2] < MOST * counts[1]
    assert counts[1] < 3 * counts[0]  # the templates' scripts are read once, not once a job


def test_a_file_that_many_copies_bring_is_read_once(limited: Run, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(f'{{"dependencies": {{{" " * 190_000}}}}}')
    lines = "COPY . .\nRUN npm ci\n" * 600
    (tmp_path / "Dockerfile").write_text(f"FROM node:22-slim\nWORKDIR /app\n{lines}")
    said = limited(20, "check", "--select", "development-dependencies").stdout
    assert b"1 image reference in 1 file" in said
    assert b"development dependencies" not in said


def test_a_bake_file_of_many_steps_is_read_once(limited: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM acme/own:1\n")
    (tmp_path / "new.Dockerfile").write_text("FROM python:3.12\n")
    targets = "".join(f'target "t{i}" {{ context = "." }}\n' for i in range(2000))
    names = ", ".join(f'"t{i}"' for i in range(2000))
    (tmp_path / "docker-bake.hcl").write_text(f'group "default" {{ targets = [{names}] }}\n{targets}')
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    steps = "      - run: docker buildx bake -f docker-bake.hcl\n" * 300
    last = "      - run: docker build -f new.Dockerfile .\n"
    (tmp_path / ".github" / "workflows" / "a.yml").write_text(f"jobs:\n  a:\n    steps:\n{steps}{last}")
    said = limited(20, "check", "--output-format", "concise").stdout
    assert b"a.yml:304:14: warning[registry-login]" in said

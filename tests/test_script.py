"""Shell scripts: every row of the data, bash as an oracle, and what is never edited."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.dockerfile.container import Container
from echo_migrate.engine import fix
from echo_migrate.files.source import Edit, Source
from echo_migrate.formats import Request, _commands, github, recognised, script
from echo_migrate.images import catalog
from echo_migrate.images.target import no_value
from echo_migrate.model import Image, Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings
from echo_migrate.shell import container_commands
from echo_migrate.shell.parser import LONGEST
from tests.conftest import Run
from tests.pages import PAGES, Case, cases

CASES = [case for page in PAGES for case in cases(page) if case.path.endswith(".sh")]
SETTINGS = Settings(catalog.load(), tuple(RULES.values()), apply=True)
DATA = container_commands.data()
ROWS = [
    (program, name, row)
    for program, owner in DATA["programs"].items()
    for name, row in DATA["commands"][owner].items()
    if name
]
WORDS = st.from_regex(r"[A-Za-z0-9_./=,-]{1,8}", fullmatch=True)


def fix_source(text: str, unsafe: bool = False) -> Result:
    return fix.fix_source(Source("run.sh", text), script, SETTINGS._replace(unsafe=unsafe))


def images(text: str) -> list[str]:
    return [node.ref.value for node in script.parse(Source("run.sh", text)) if isinstance(node, Image)]


def services(text: str) -> list[Container]:
    nodes = script.parse(Source("run.sh", text), Request(frozenset([Container])))
    return [node for node in nodes if isinstance(node, Container)]


def accepted(text: str) -> bool:
    return subprocess.run(["bash", "-n"], input=text.encode(), capture_output=True, check=False).returncode == 0


def line(program: str, name: str, row: dict[str, Any], before: str = "") -> tuple[str, list[str]]:
    """A command line of a row with its options in front, and the images that it names."""
    options = " ".join([*row.get("flags", ()), *(f"{option} node:22" for option in row.get("valued", ()))])
    behind = {
        "first": ("python:3.12 node:22 --image=node:22", ["python:3.12"]),
        "every": ("python:3.12 ruby:3.3", ["python:3.12", "ruby:3.3"]),
        "pairs": ("deployment/node:22 a=python:3.12 b=ruby:3.3", ["python:3.12", "ruby:3.3"]),
        "scheme": ("docker://python:3.12 oci:node:22", ["python:3.12"]),
        "option": ("x {0}=python:3.12 -- {0}=node:22".format(row.get("named", ["--image"])[-1]), ["python:3.12"]),
        "argument": ("--build-arg BASE_IMAGE=python:3.12 --build-arg=V=node:22 .", ["python:3.12"]),
        None: ("node:22 node:22", []),
    }[row.get("image")]
    return f"{program} {before} {name} {options} {behind[0]}\n", behind[1]


@pytest.mark.parametrize(("program", "name", "row"), ROWS, ids=[f"{program} {name}" for program, name, _ in ROWS])
def test_each_command_names_images_where_its_row_says(program: str, name: str, row: dict[str, Any]) -> None:
    text, expected = line(program, name, row)
    assert images(text) == expected
    own = DATA["commands"][DATA["programs"][program]].get("", {})
    before = " ".join([*own.get("flags", ()), *(f"{option} run" for option in own.get("valued", ()))])
    assert images(line(program, name, row, before)[0]) == expected
    assert images(f"echo {text}: # {text}cat <<EOF\n{text}EOF\n") == []


def test_a_row_says_what_its_head_explains() -> None:
    kinds = {"first", "every", "pairs", "scheme", "option", "argument", None}
    for _, _, row in ROWS:
        assert set(row) <= {
            *("also", "valued", "flags", "image", "runs", "inspects", "makes", "named", "opens", "loads", "pulls")
        }
        assert row.get("pulls", "service") in ("cluster", "service", "cloud-run")
        assert row.get("image") in kinds
        assert not set(row.get("valued", ())) & set(row.get("flags", ()))
        options = [*row.get("valued", ()), *row.get("flags", ()), *row.get("named", ())]
        assert all(option.startswith("--") or len(option) == 2 for option in options)
        assert len(options) == len(set(options))
    assert set(DATA["programs"].values()) == set(DATA["commands"])
    for program, owner in DATA["programs"].items():
        assert all(_commands.calls(f"{program} {name} x") for name in DATA["commands"][owner] if name)
        assert not _commands.calls(f"un{program} run x")


def test_options_are_read_as_docker_reads_them() -> None:
    for options in (
        "-it --rm",
        "-dp 80:80 -p81:81",
        "-ite A=b -eA=b -e=A=b",
        "--network=host --gpus all",
        "--name x -u 0:0 -w /x -h host -m 1g -c 5",
        "--",
        "--rm --",
    ):
        assert images(f"docker run {options} python:3.12 node:22\n") == ["python:3.12"], options
    for options in ("--rn", "-Z", "-itZ", "--rm --nosuch", "-", '"$OPTIONS"[@]'):
        result = fix_source(f"docker run {options} python:3.12\n")
        assert result.fixed is result.source, options


@pytest.mark.parametrize(
    ("name", "local"), [("scratch", True), ("library/scratch", False), ("scratch:1", False), ("acme/scratch", False)]
)
def test_scratch_is_no_image(name: str, local: bool) -> None:
    text = f"c=$(buildah from --arch arm64 {name})\nbuildah commit $c app\n"
    found = [node for node in script.parse(Source("run.sh", text)) if isinstance(node, Image)]
    assert [(one.ref.value, bool(one.local)) for one in found] == [(name, local)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bash_takes_what_it_took(case: Case) -> None:
    assert shutil.which("bash")
    assert accepted(case.text) == accepted(case.fixed)


@given(
    st.lists(st.sampled_from(["a && ", "if b; then c; fi; ", "x=$(", "(", "{ ", "'q' \"$y\" | "]), max_size=4),
    st.lists(WORDS, max_size=4),
    st.sampled_from(["python:3.12", "'node:22'", '"ruby:3.3"', "nginx"]),
    st.lists(WORDS, max_size=3),
    st.sampled_from(["\n", "\r\n"]),
)
def test_the_words_of_a_run_stay_as_they_are(
    around: list[str], before: list[str], image: str, behind: list[str], newline: str
) -> None:
    """Whatever stands around, each word but the image is what a shell makes of it."""
    closing = {"x=$(": ")", "(": ")", "{ ": "; }"}
    tail = "".join(closing.get(piece, "") for piece in reversed(around))
    text = f"{''.join(around)}docker run {' '.join(before)} {image} {' '.join(behind)}{tail}{newline}".replace(
        "docker run  ", "docker run "
    )
    result = fix_source(text, unsafe=True)
    assert result.refused is None
    if result.fixed is not result.source:
        assert accepted(result.fixed.text.replace("\r", "")) == accepted(text.replace("\r", ""))
        assert result.fixed.text.replace("reg.echohq.com/", "") == text


@given(st.text("dockerun pl:-'\"$({})`;&|<>\n\\=#[]!*?~\u00e9\udcff\0 \t\r" + "1", max_size=60))
def test_any_text_ends_in_an_answer(text: str) -> None:
    source = Source("run.sh", f"docker run python:3.12 {text}\n{text} docker pull node:22\n")
    result = fix.fix_source(source, script, SETTINGS._replace(unsafe=True))
    assert result.refused is None
    assert result.fixed.text.replace("reg.echohq.com/", "") == source.text


@pytest.mark.parametrize(
    ("path", "text", "known"),
    [
        ("run.sh", "docker run x", True),
        ("lib.bash", "skopeo inspect x", True),
        ("run.sh", "dockerize run x", False),
        ("run.sh", "echo hello", False),
        ("run.py", "docker run x", False),
        ("run", "docker run x", False),
    ],
)
def test_recognised_by_a_word(path: str, text: str, known: bool) -> None:
    assert (recognised(path, text) is script) == known


@pytest.mark.parametrize(
    "text",
    [
        "docker run python:3.12\n" + "#" * LONGEST,
        "docker run " + "(" * 29_000,
        "docker run " + "-e A " * 5_900,
        "docker pull " + "a " * 14_900,
        "docker run a\n" * 2_300,
        "docker pull a:1\n" * 1_800,
        "A=a:1\ndocker run $A\n" * 1_400,
        "docker run ${" * 2_300,
        "docker run ${A:-" * 1_800,
        "A=1\n" * 7_000 + "docker run $A",
        "docker run a$A$B" + "$C" * 14_000,
        "docker build " + "-t a " * 5_000,
        "docker://" * 3_000,
    ],
)
def test_hostile_scripts_end_in_silence(text: str) -> None:
    result = fix_source(text, unsafe=True)
    assert result.fixed is result.source
    assert not any("fault" in finding.message for finding in result.findings)


def test_what_runs_is_a_service() -> None:
    text = (
        "docker run -u 5 -p 127.0.0.1:80:8080/tcp --mount type=volume,target=/data -v x:/y:ro --privileged "
        "--entrypoint sh python:3.12 -c 'echo 1'\n"
    )
    (service,) = services(text)
    assert [(launch.verb, launch.words) for launch in service.start_commands] == [
        ("entrypoint", ("sh",)),
        ("command", ("-c", "echo 1")),
    ]
    assert service.user
    assert (service.user.value, [port.value for port in service.ports]) == ("5", ["8080"])
    assert (sorted(service.mounts), service.privileges, service.open) == (["/data", "/y"], True, False)
    assert services("docker run python:3.12 $CMD\n")[0].start_commands[0].words is None
    assert services("docker run -d python:3.12\ndocker exec x y\n")[0].open
    assert services("docker pull python:3.12\n") == []


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ('docker run --rm node:"$V" node -v', 'node:"$V"'),
        ('docker run --rm "node:$V" node -v', "node:$V"),
        ("docker pull 'node':$V", "'node':$V"),
        ('docker pull "node:"22-alpine', '"node:"22-alpine'),
        ('kubectl run x --image=node:"$V" -- a', 'node:"$V"'),
        ('kubectl run x "--image=node:$V"', "node:$V"),
        ("docker pull 'node:22'", "node:22"),
    ],
)
def test_a_name_is_shown_whole(line: str, written: str) -> None:
    text = f"V=22\n{line}\n"
    (image,) = (node for node in script.parse(Source("run.sh", text)) if isinstance(node, Image))
    assert text[image.start : image.end] == written


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("python:3", "node:3", True),
        ("--rm", "-it", False),
        ("&&", "||", False),
        ("ls", "la", False),
        ("> log", "> lag", False),
        ("A=b", "A=c", False),
        ("done", "do", False),
        ("# x", "", True),
    ],
)
def test_only_an_image_may_change(old: str, new: str, kept: bool) -> None:
    text = "for x in 1; do A=b docker run --rm python:3.12 ls > log && true; done # x\n"
    place = text.index("python:3")
    refused = script.verify(
        Source("a.sh", text), Source("a.sh", text.replace(old, new, 1)), [Edit(place, place + 8, "node:3")]
    )
    assert (refused is None) == kept


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ('docker run "$X" true\n', [("$X", "no value for X in this file")]),
        ('docker run --rm "$1"\n', [("$1", "no value for $1 in this file")]),
        ("podman pull ${HUB}/${NAME}:1\n", [("${HUB}/${NAME}:1", "no value for HUB, NAME in this file")]),
        (
            'for C in nginx httpd; do\n  docker pull "$C"\ndone\n',
            [("$C", "set by variable C on line 1")],
        ),
        (
            'if a; then\n  X=node:20\nelse\n  X=node:22\nfi\ndocker run "${X}" a\n',
            [("${X}", "set by variable X on line 4")],
        ),
        ('X=${1:?usage}\ndocker run "$X"\n', [("$X", "no value for X in this file")]),
        ('X=""\nwhile a; do\n  X="$2"\ndone\ndocker run "$X" a\n', [("$X", "no value for X in this file")]),
        ('X=a:1\nX="${1#*=}"\ndocker run "$X" a\n', [("$X", "set by variable X on line 1")]),
        ('for X in "$@"; do\n  docker pull "$X"\ndone\n', [("$X", "no value for X in this file")]),
        ('a() {\n  local x="$1"\n  docker run "$x"\n}\na b:1\n', [("$x", "an argument of a function")]),
        ('a() {\n  docker run "$1"\n}\na b:1\n', [("$1", "an argument of a function")]),
        (
            'a() {\n  docker run "$X"\n}\nX=""\nX=a:1\na\nX=b:1\na\n',
            [("$X", "set by variable X on line 5")],
        ),
        ('docker build -t "$X" . && docker run "${X}" a\n', []),
        ('X=$1\ndocker build -t "$X" . && docker run "$1" a\n', []),
        ('docker inspect "$X"; docker build --build-arg BASE="$X" .; docker push "$X"\n', []),
        ('docker run $X\ndocker run "$(cat image)"\ndocker run "$@"\n', []),
    ],
)
def test_an_image_in_a_variable_without_one_value_is_listed(text: str, listed: list[tuple[str, str]]) -> None:
    """Not where it is built, looked at or given to a build, nor where the word may be options."""
    source = Source("a.sh", text)
    images = [node for node in script.parse(source) if isinstance(node, Image) and not node.local]
    assert [(one.ref.value, one.not_editable and one.not_editable.message) for one in images] == listed


def test_a_version_that_the_script_sets_is_not_said_to_have_no_value() -> None:
    said = [
        reason.message
        for text in (
            'V="8.0"\n. ./x\ndocker run a:$V\n',
            "if a; then V=7; fi\nV=8\ndocker run a:$V\n",
            "docker run a:$W\n",
        )
        for node in script.parse(Source("a.sh", text))
        if isinstance(node, Image) and (reason := no_value(node))
    ]
    assert said == ["variable V can be set elsewhere"] * 2 + ["no value for W in this file"]


def test_the_line_that_sets_a_variable_is_that_of_its_own_step() -> None:
    steps = ['IMAGE=$(./name a)\ndocker pull "$IMAGE"', 'IMAGE=$(./name b)\ndocker pull "$IMAGE"\nIMAGE=$(./name c)']
    steps += ['BASE=$(./name d)\ndocker pull "$BASE"', 'docker pull "$BASE"']
    text = "on: push\nenv:\n  BASE: node:22\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
    text += "".join(f"      - run: |\n          {step.replace(chr(10), chr(10) + ' ' * 10)}\n" for step in steps)
    images = [node for node in github.parse(Source("a.yml", text)) if isinstance(node, Image)]
    lines = [dict(one.not_editable.values)["line"] if one.not_editable else "" for one in images]
    assert lines == ["9", "12", "16", "3"]


SENT = {
    'content = file("${path.module}/files/a.sh")': "login-machine",
    'user_data = templatefile("../modules/files/a.sh", { x = 1 })': "login-machine",
    '  source = "files/a.sh"': "login-machine",
    'content = file("${path.module}/files/b.sh")': "",
    'description = "files/a.sh"': "",
}


@pytest.mark.parametrize("line", SENT)
def test_a_script_that_terraform_sends_to_a_machine_needs_a_login_there(inside: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "modules/files").mkdir(parents=True)
    (tmp_path / "modules/main.tf").write_text(f'resource "a" "b" {{\n{line}\n}}\n')
    (tmp_path / "modules/files/a.sh").write_text("docker run python:3.12\n")
    for options, wanted in (((), [SENT[line]] if SENT[line] else []), (("--logins", "terraform"), [])):
        (one,) = json.loads(inside("inventory", "--output-format", "json", *options).stdout)["references"]
        assert [reason["id"] for reason in one["reasons"]] == wanted

"""Laws that rest on one condition each: what a stage has of those below it, what a RUN did, what a move costs.

Those of every kind of file are in ``tests/fuzz/laws.py``.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_migrate.dockerfile.control_flow import can_be_appended_to, fails_the_run, must_succeed
from echo_migrate.dockerfile.images import images
from echo_migrate.dockerfile.layers import absolute, caches_cleared
from echo_migrate.dockerfile.parser import read
from echo_migrate.dockerfile.stages import Stage, stages
from echo_migrate.engine import fix
from echo_migrate.files.source import Source
from echo_migrate.formats import dockerfile
from echo_migrate.formats.compose import parse as parse_compose
from echo_migrate.images import catalog
from echo_migrate.images.facts import ImageFacts
from echo_migrate.images.migration import assess
from echo_migrate.images.settlement import settle
from echo_migrate.images.state import state_in_volume
from echo_migrate.model import Image, Migration, Result
from echo_migrate.model.reasons import because
from echo_migrate.rules import RULES
from echo_migrate.rules._readiness import EffectiveBase, _user_changes, started
from echo_migrate.rules._rule import Settings

ECHO = catalog.load()
SETTINGS = Settings(ECHO, tuple(RULES.values()), apply=True, today="2026-11-01")

_OWNERS = " (owner unknown, starts as root; new user unknown)"


def graph(text: str) -> list[Stage]:
    bases = [image.ref.value for image in images(read(text), {}, frozenset()) if image.where == "FROM"]
    return stages(text, read(text), bases)


def treated(text: str, path: str = "Dockerfile") -> Result:
    return fix.fix_source(Source(path, text), dockerfile, SETTINGS)


def test_the_name_of_a_release_is_a_number_for_debian_alone() -> None:
    moved = [
        assess(image, ECHO).target
        for image in images(read("FROM debian:bookworm\nFROM python:3-bookworm\n"), {}, frozenset())
    ]
    assert moved == ["reg.echohq.com/debian:12", "reg.echohq.com/python:3"]
    (named,) = images(read("FROM python:bookworm\n"), {}, frozenset())
    assert assess(named, ECHO).reasons == (because("no-version", tag="bookworm", name="python"),)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ({"user": "a", "uid": 70, "family": "alpine"}, {"user": "a", "uid": 70, "family": "alpine"}, True),
        ({"user": "a", "uid": 70, "family": "alpine"}, {"user": "a", "uid": 70, "family": "debian"}, False),
        ({"user": "a", "uid": 70, "family": "debian"}, {"user": "a", "uid": 71, "family": "debian"}, False),
        ({"user": "root", "uid": 0, "family": "debian"}, {"user": "root", "uid": 0, "family": "debian"}, False),
        (
            {"user": "root:root", "uid": 0, "family": "debian"},
            {"user": "root:root", "uid": 0, "family": "debian"},
            False,
        ),
    ],
)
def test_what_a_volume_keeps_is_of_one_user_and_one_distribution(
    monkeypatch: pytest.MonkeyPatch, before: dict[str, object], after: dict[str, object], same: bool
) -> None:
    bases = {"postgres:16": ImageFacts(**before), "new:16": ImageFacts(**after)}  # type: ignore[arg-type]
    monkeypatch.setattr("echo_migrate.images.state.facts_of", lambda value, _: bases[value])
    said = state_in_volume("postgres:16", "new:16", ["/var/lib/postgresql/data"], ECHO)
    assert [one.id for one in said] == ([] if same else ["volume"])


def test_what_stands_against_a_move_stays_when_its_text_is_shared() -> None:
    """The first image is held for a reason of its own, the second by sharing its text: each says its own."""
    text = "ARG V=python:3.12\nFROM $V\nFROM $V\n"
    found = images(read(text), {}, frozenset())
    moves = settle(
        [assess(image, ECHO) for image in found], blockers={found[0]: [because("blocked", rule="x", line="1")]}
    )
    assert moves[0].reasons == (because("blocked", rule="x", line="1"),)
    assert all(move.state == "needs-person" for move in moves)


@pytest.mark.parametrize(
    ("text", "ships"),
    [
        ("FROM a AS x\nFROM x AS y\nCOPY --from=x / /\nFROM y\n", ["layers", "layers", "layers"]),
        (
            "FROM a AS x\nFROM b AS y\nCOPY --from=x / /\nFROM x AS z\nCOPY --from=y / /\n",
            ["layers", "files", "layers"],
        ),
    ],
)
def test_what_ships_with_layers_and_as_files_ships_with_layers(text: str, ships: list[str]) -> None:
    assert [stage.ships for stage in graph(text)] == ships


def test_an_entrypoint_takes_away_the_command_of_the_stage_below() -> None:
    first, second, third = graph('FROM a AS x\nCMD ["run"]\nFROM x AS y\nENTRYPOINT ["go"]\nFROM y\nCMD ["on"]\n')
    assert first.start_command("cmd") is not None
    assert second.start_command("cmd") is None
    assert third.start_command("cmd") is not None


def test_a_stage_takes_from_those_above_it_alone() -> None:
    text = "FROM a AS x\nCOPY --from=1 /f /f\nCOPY --from=y /f /f\nFROM b AS y\nFROM x\n"
    assert [stage.used for stage in graph(text)] == [True, False, True]


@pytest.mark.parametrize(
    ("script", "clean"),
    [
        ("dnf install -y gcc && dnf clean all", True),
        ("dnf clean all && dnf install -y gcc", False),
        ("dnf install -y gcc && dnf clean all && dnf install -y make", True),
        ("rm -rf /var/cache/dnf && dnf install -y gcc", False),
    ],
)
def test_a_cleaning_holds_for_what_came_before_it(script: str, clean: bool) -> None:
    (stage,) = graph(f"FROM fedora:41\nRUN {script}\n")
    run = stage.runs[0]
    first = next(call for call in run.calls if call.action == "install")
    assert (caches_cleared(run)[first.manager.caches] >= first.command.start) is clean


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/x/y", "/x/y"),
        ("/x/$V", "/x/$V"),
        ("/x/${V}", "/x/$V"),
        ("/x/$(y)", None),
        ("/x/`y`", None),
        ("y", "/srv/y"),
        ("$V/y", None),
        ("~/y", None),
    ],
)
def test_what_a_command_makes_of_a_path_is_not_known(path: str, known: str | None) -> None:
    (stage,) = graph("FROM a\nWORKDIR /srv\nRUN true\n")
    assert absolute(path, stage.runs[0], stage.runs[0].commands[0]) == known


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ('FROM a AS x\nCMD ["run"]\nFROM b\nCOPY --from=x /f /f\n', [False, False]),  # nobody starts what is taken from
        ('FROM a AS x\nCMD ["run"]\nFROM b\n', [True, False]),
        ('FROM a AS x\nCMD ["run"]\nFROM x\n', [False, True]),
        ('FROM a\nCMD ["run"]\nCMD []\n', [False]),
    ],
)
def test_what_starts_is_what_stands_at_the_end_of_a_stage_that_is_one(text: str, starts: list[bool]) -> None:
    assert [bool(started(stage)) for stage in graph(text)] == starts


@pytest.mark.parametrize(("user", "says"), [("nonroot", []), ("app", ["runs as app instead of nonroot"])])
def test_a_move_to_the_same_user_changes_no_user(user: str, says: list[str]) -> None:
    (stage,) = graph("FROM a\nRUN true\n")
    effective = EffectiveBase(ImageFacts(user=user), "new", True, ImageFacts(user="nonroot"))
    assert [one.message for one in _user_changes(stage, effective)] == says


@pytest.mark.parametrize(
    ("script", "fine"),
    [
        ("apt-get install -y a", True),
        ("true && apt-get install -y a", True),
        ("true && exec apt-get install -y a", False),
        ("true; apt-get install -y a", False),
        ("set -e; true; apt-get install -y a", True),
        ("true && exit 0", False),
    ],
)
def test_behind_what_takes_the_shells_place_nothing_runs(script: str, fine: bool) -> None:
    (stage,) = graph(f"FROM a\nRUN {script}\n")
    assert can_be_appended_to(stage.runs[0]) is fine


@pytest.mark.parametrize(
    ("script", "fails", "must"),
    [
        ("a", True, True),
        ("a && b", True, True),
        ("a &", False, False),
        ("a && b &", False, False),
        ("b & a", False, False),
        ("a | b", False, False),
        ("b | a", False, False),
        ("a; b", False, False),
        ("set -e; a; b", True, True),
        ("set -e; a && b; c", False, False),
        ("a || exit 1", True, True),
        ("a || exit 0", False, False),
        ("a || true", False, False),
        ("b || a", True, False),
        ("(a)", False, False),
        ("if a; then b; fi", False, False),
        ("trap b EXIT; a", False, False),
        ("f() { b; }; a", False, False),
        ("a; [ -d x ]", False, False),
        ("a || [ -d x ]", False, False),
        ("a && [ -d x ]", True, True),
        ("a && [ -d x ]; b", False, False),
        ("a || unset X", False, False),
        ("a || > x", False, False),
        ("a || if [ -d x ]; then b; fi", False, False),
        ("set -e; a || if [ -d x ]; then b; fi", False, False),
        ("a || false", True, True),
        ("a || false; b", False, False),
        ("set -e; a || false; b", True, True),
        ("a || { exit 1; }", True, True),
        ("a || exit 1 | b", False, False),
        ("a || (exit 1); b", False, False),
        ("a || exit 256", False, False),
        ("a || exit $X", False, False),
        ("a || exit", True, True),
        ("b && a", True, True),
        ("[ -w . ] && a", True, True),
        ("set -e; [ -w . ] && a; b", True, False),
        ("set -e; b && a; b", True, False),
        ("set -e; b && a", True, True),
        ("exit 0; a", True, False),
        ("b || exit 1; a", True, True),
        ("b || exit; a", True, True),
        ("b && exit; a", True, False),
        ("if b; then exec c; fi; a", True, False),
        ("exec > x; a", True, True),
        ("exec c; a", True, False),
        ("xargs -r a", False, False),
        ("alias a=b; a", False, False),
        ("sh -c a", True, True),
        ("sh -c 'a &'", False, False),
        ("sh -c 'a() { b; }; a'", False, False),
        ("sh -c 'trap b EXIT; a'", False, False),
        ("sh -c 'a || true'", False, False),
        ("sh -c '(a)'", False, False),
        ("sh -c 'eval a'", False, False),
        ("sh -c 'a; exit 0'", False, False),
        ("sh -c 'exit 0; a'", True, False),
        ("sh -c 'exit 0'; a", True, True),
        ("sh -c 'a; b'", False, False),
        ("sh -ec 'a; b'", True, True),
        ("sh -ec 'set +e; a; b'", False, False),
        ("bash -ec 'shopt -uo errexit; a; b'", False, False),
        ("bash -nc a", False, False),
        ("su -c a", False, False),
        ("setsid sh -c a", False, False),
        ("b || sh -c a", True, False),
        ("[ -d x ] || bash -c a", True, False),
        ("b && sh -c a", True, True),
        ("set -e; b && sh -c a; b", True, False),
        ("sh -c a || true", False, False),
        ("sh -c a | b", False, False),
        ("sh -c a &", False, False),
        ("if b; then sh -c a; fi", False, False),
    ],
)
def test_the_failure_of_a_command_is_the_runs(script: str, fails: bool, must: bool) -> None:
    (stage,) = graph(f"FROM x\nRUN {script}\n")
    whole = stage.runs[0].script
    assert whole is not None
    command = [one for one in whole.commands if one.name == "a"][-1]
    assert (fails_the_run(command, whole), must_succeed(command, whole)) == (fails, must)


def test_what_would_be_left_behind_takes_the_whole_fix_back() -> None:
    """Each reference of the new text is as it was, reads as its target, and is not one that still would move."""
    (image,) = images(read("FROM python:3.12\n"), {}, frozenset())
    before = [Migration(image, "migrate", "python", "reg.echohq.com/python:3.12")]
    moved = image._replace(ref=image.ref._replace(value="reg.echohq.com/python:3.12"))
    other = image._replace(ref=image.ref._replace(value="node:22"))
    known = catalog.load()
    assert fix._astray(before, [Migration(moved, "hardened")], known) is None
    assert (
        fix._astray(before, [Migration(image, "migrate", "python", "x")], known) == "python:3.12 would be left behind"
    )
    assert fix._astray(before, [Migration(other, "local")], known) == "python:3.12 would become node:22"
    assert fix._astray(before, [], known) == "a reference would appear or vanish"


def test_a_program_may_be_there_with_a_version_in_its_name() -> None:
    base = ImageFacts(complete=True, programs=frozenset(("python", "sh")))
    assert [base.has(name) for name in ("python", "python3", "python3.12", "node")] == [True, None, None, False]


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("ENV D=/old\nENV D=/new E=$D\nWORKDIR $E\n", "/old"),
        ("ENV V=1\nARG V=2\nWORKDIR /$V\n", "/1"),
        ("ARG V=2\nENV V=1\nWORKDIR /$V\n", "/1"),
        ("ARG V=2\nARG W=$V V=3\nWORKDIR /$W/$V\n", "/2/3"),
        ("ENV V the rest\nWORKDIR /$V\n", "/the rest"),
        ("ENV V 'a b'\nWORKDIR /$V\n", "/a b"),
        ("ENV A=1\nENV A=2\nWORKDIR /$A\n", "/2"),
    ],
)
def test_the_variables_of_a_stage_are_those_that_a_build_has(text: str, folder: str) -> None:
    """Dockerfile reference, "Environment replacement": an instruction sees the values from before it, and ENV first."""
    (stage,) = graph(f"FROM a\n{text}RUN true\n")
    assert stage.runs[0].folder == folder


def test_what_env_has_set_below_no_argument_of_a_later_stage_changes() -> None:
    _, stage = graph("FROM a AS x\nENV V=1\nFROM x\nARG V=2\nWORKDIR /$V\nRUN true\n")
    assert stage.runs[0].folder == "/1"


def test_a_backtick_escapes_where_the_file_says_so() -> None:
    text = '# escape=`\nFROM a\nCOPY certs\\server.key C:\\app\\\nENV A=b` c D="x`"y"\nLABEL k=v` w\n'
    (stage,) = graph(text)
    copy = stage.copies[0]
    assert [word.value for word in copy.sources] == ["certs\\server.key"]
    pairs = [step.pairs() for step in stage.instructions if step.verb in ("env", "label")]
    assert [[(name.value, step.value if step else None) for name, step in found] for found in pairs] == [
        [("A", "b` c"), ("D", '"x`"y"')],
        [("k", "v` w")],
    ]
    said = [found.message for found in treated(text).findings if found.rule == "secret-in-image"]
    assert [one.partition(" ")[0] for one in said] == ["server.key"]


def test_what_stands_behind_a_list_is_no_part_of_an_exec_form() -> None:
    """BuildKit reads one value of JSON, and no more of the line."""
    text = 'FROM a\nRUN ["a", "b"] && c <<X\n'
    assert read(text).broken is None
    run = graph(text)[0].runs[0]
    assert not run.shell_form
    assert [[word.value for word in command.words] for command in run.commands] == [["a", "b"]]


@pytest.mark.parametrize("script", ["[ -d /y ] && cp /x /y", "test -d /y && cp /x /y"])
def test_what_is_no_json_is_shell_form(script: str) -> None:
    (stage,) = graph(f"FROM a\nRUN {script}\n")
    assert stage.runs[0].shell_form
    said = {found.rule for found in treated(f"FROM python:3.12\nRUN {script}\n").findings}
    assert said == {found.rule for found in treated("FROM python:3.12\nRUN test -d /y && cp /x /y\n").findings}


def test_an_owner_is_only_told_of_the_folder_that_an_image_has_its_data_in() -> None:
    digest = f"postgres@sha256:{'a' * 64}"
    uid, unknown = "owned by uid 999", "owner unknown"
    for value, mount, text, owner in (
        ("postgres:16", "/var/lib/postgresql/data", "", uid),
        (digest, "/var/lib/postgresql/data", "", unknown),
        (f"redis@sha256:{'a' * 64}", "/data", "", uid),
        ("postgres:latest", "/var/lib/postgresql", "", uid),
        ("redis:latest", "/data", "", uid),
        ("postgres:16", "/var/lib/storage", "", unknown),
        ("postgres:16", "/pgdata", "PGDATA: /pgdata/main\nvolumes: ['x:/pgdata']", uid),
    ):
        (said,) = state_in_volume(value, "reg.echohq.com/postgres:16", [mount], ECHO, text)
        shown = dict(said.values)["owners"].lstrip(" (").replace("owned and then used by unknown users", unknown)
        assert shown.startswith(owner), (value, mount)


def test_a_service_that_builds_on_state_moves_by_the_rule_of_one_that_runs_it() -> None:
    mounts = ["/data"]
    assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", mounts, ECHO) == [
        because("volume", keeps="may keep", path="/data", owners=_OWNERS)
    ]
    assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", ["/etc/x"], ECHO) == []
    assert state_in_volume("python:3.12", "reg.echohq.com/python:3.12", mounts, ECHO) == []
    for files, text in ((["/work/data.sql", "/opt/db.key"], ""), (["/work/db-init.sh", "/opt/redis.env"], "")):
        assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", files, ECHO, text) == []
    bound = "volumes: ['./ca.pem:/srv/ca.pem:ro']\nenv_file: x\ncommand: [--ca, /srv/ca.pem]"
    assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", ["/srv/ca.pem"], ECHO, bound) == []
    for where in (
        "PGDATA: /srv/pg.key\nvolumes: ['pg:/srv/pg.key']",
        "redis-server --dir /srv/pg.key\nvolumes: ['./vol:/srv/pg.key']",
        "mountPath: /srv/pg.key\nargs: [--dir=/srv/pg.key]",
        "mountPath: /srv/pg.key\nenvFrom: [x]",
        "PGDATA=/srv/pg.key/16\nVolume=pg:/srv/pg.key",
        None,
    ):
        assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", ["/srv/pg.key"], ECHO, where), where
    assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", ["/work/data.db"], ECHO, "")
    key = "/var/lib/postgresql/data/server.key"  # a file among the data keeps none
    assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", [key], ECHO, "") == []
    started, filled = ["/x", "/work/start.sh"], ["/x", "/docker-entrypoint-initdb.d/init.sh"]
    assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", started, ECHO, "/x"), "a script may say where"
    assert state_in_volume("postgres:16", "reg.echohq.com/postgres:16", filled, ECHO, "/x") == []
    nodes = parse_compose(Source("compose.yaml", "services: {a: {image: 'postgres:16', volumes: ['x:/data']}}\n"))
    (image,) = (node for node in nodes if isinstance(node, Image))
    assert because("volume", keeps="may keep", path="/data", owners=_OWNERS) in assess(image, ECHO).reasons


WORDS = st.sampled_from(["sh", "-c", "bash", "env", "exec", "--", "", 'a "b" && c', "a 'b'; $A", "a\\b", "a\nb", "é\t"])


@given(st.sampled_from(["RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK CMD"]), st.lists(WORDS, min_size=1, max_size=5))
def test_any_list_is_read_as_json_has_it(verb: str, words: list[str]) -> None:
    text = f"FROM python:3.12\n{verb} {json.dumps(words)}\n"
    (stage,) = graph(text)
    one = stage.runs[0].commands if verb == "RUN" else stage.start_commands[0].script.commands
    assert [word.value for word in one[0].words] == words[-len(one[0].words) :]  # behind env or exec
    assert treated(text).kind != "unread"


def test_a_program_whose_name_is_cut_by_a_quote_is_read() -> None:
    text = "FROM composer:2\nRUN composer install --optimize-autoloader && uv sy'nc --frozen\n"
    assert treated(text).refused is None

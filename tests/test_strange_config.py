"""Configurations that come with a tree: what they may name, what is shown of it, and who says what they chose."""

import os
import resource
import subprocess
import zipfile
from pathlib import Path

import pytest

from echo_migrate.files.data import MappingError
from echo_migrate.images.catalog import load
from tests.conftest import Run

TEXT = "FROM python:3.12\n"
MAPPING = "images:\n  acme/tool: tool\n"


@pytest.fixture
def run(inside: Run) -> Run:
    """Run the program in this process: none of these tests is about processes."""
    return inside


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "Dockerfile").write_text(TEXT)
    return root


def _fifo(path: Path) -> None:
    os.mkfifo(path)


SECRET = "root:*:20228:0:99999:7::"


@pytest.mark.parametrize("key", ["mapping", "baseline"])
@pytest.mark.parametrize(
    "value", ["../secret.yaml", "../../../../../../../../../../etc/passwd", "/dev/zero", "link.yaml"]
)
def test_a_tree_names_its_own_files_alone(run: Run, tree: Path, key: str, value: str) -> None:
    (tree.parent / "secret.yaml").write_text(f"{SECRET} x\n")
    os.symlink("../secret.yaml", tree / "link.yaml")
    (tree / ".echo-migrate.toml").write_text(f'{key} = "{value}"\n')
    for command in ("check", "fix", "inventory") if key == "mapping" else ("check",):
        done = run(command, cwd=tree, limits={resource.RLIMIT_CPU: 20})
        assert (done.returncode, done.stdout) == (2, b"")
        assert f".echo-migrate.toml:1: {key} must lie in the ".encode() in done.stderr
        assert b"root:" not in done.stderr
    assert (tree / "Dockerfile").read_text() == TEXT


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_fifo, b"is not a regular file"),
        (Path.mkdir, b"is not a regular file"),
        (lambda path: path.write_bytes(b"#" * 6_000_000), b"is larger than 5 MB"),
        (lambda path: path.write_text(f"{SECRET} x\n"), b"is no mapping file: its keys are "),
        (lambda path: path.write_text(f"- {SECRET}\n"), b"is no mapping file"),
        (lambda path: path.write_text(f"a: *{SECRET}\n"), b"is not valid YAML"),
        (lambda path: path.write_text(f"a: !{SECRET} b\n"), b"is not valid YAML"),
        (lambda path: path.write_text(f"registry: 'https://me:{SECRET}@x/y'\n"), b"registry: is not HOST"),
        (lambda path: path.write_text("a: &a {b: c}\nimages:\n  <<: *a\n"), b"merge keys (<<) are not read here"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), b"is not UTF-8"),
    ],
)
def test_what_is_no_mapping_is_not_read_and_not_shown(run: Run, tree: Path, make: object, says: bytes) -> None:
    make(tree / "rows.yaml")  # type: ignore[operator]
    (tree / ".echo-migrate.toml").write_text('mapping = "rows.yaml"\n')
    done = run("check", cwd=tree, limits={resource.RLIMIT_CPU: 20})
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr
    assert not any(piece in done.stderr for piece in (b"root:", b"20228", b"Traceback"))


def test_a_mapping_of_doubling_merges_ends_at_once(limited: Run, tree: Path) -> None:
    levels = "".join(f"k{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    (tree / "rows.yaml").write_text(f"k0: &a0 {{a: b}}\n{levels}images: {{}}\n")
    assert limited(20, "check", "--mapping", "rows.yaml", cwd=tree).returncode == 2


def test_a_path_on_the_command_line_is_the_users(run: Run, tree: Path) -> None:
    (tree.parent / "own.yaml").write_text(MAPPING)
    (tree / "Dockerfile").write_text("FROM acme/tool:1\n")
    assert b"reg.echohq.com/tool:1" in run("check", "--mapping", "../own.yaml", cwd=tree).stdout
    (tree.parent / "own.toml").write_text('mapping = "own.yaml"\n')
    assert b"reg.echohq.com/tool:1" in run("check", "--config", "../own.toml", cwd=tree).stdout


def test_a_configuration_in_a_repository_names_files_of_the_whole_of_it(run: Run, tree: Path) -> None:
    (tree / "rows.yaml").write_text(MAPPING)
    below = tree / "services" / "api"
    below.mkdir(parents=True)
    (below / "echo-migrate.toml").write_text('mapping = "../../rows.yaml"\n')
    (below / "Dockerfile").write_text("FROM acme/tool:1\n")
    assert b"reg.echohq.com/tool:1" in run("check", cwd=below).stdout


@pytest.mark.parametrize("name", [".echo-migrate.toml", "pyproject.toml"])
def test_a_configuration_behind_a_link_out_of_the_tree_is_refused(run: Run, tree: Path, name: str) -> None:
    (tree.parent / "far.toml").write_text('[tool.echo-migrate]\nregistry = "evil.example"\n')
    os.symlink("../far.toml", tree / name)
    done = run("check", cwd=tree)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{name}: is a link that leaves the repository".encode() in done.stderr
    (tree.parent / "far.toml").write_text("# echo-migrate\nprivate-key = 1\nprivate-key = 2\n")
    assert b"private-key" not in run("check", cwd=tree).stderr  # what lies elsewhere is not read, nor its faults told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("exclude = [" + "'x',\n" * 40_000 + "]\n", b"exclude is longer than 20,000 characters"),
        ("exclude = ['" + "x" * 20_000 + "']\n", b"exclude is longer than 20,000 characters"),
        ("exclude = [" + "'x',\n" * 201 + "]\n", b"exclude has more than 200 patterns"),
        ("mapping = 'n.yaml'\n", b"is not valid YAML"),
        ("jobs = 100000\n", b"jobs: 100000 is not in the range 0<=x<=64"),
        ("#" * 6_000_000, b".echo-migrate.toml: is larger than 5 MB"),
        ("registry = 'https://me:hidden@evil.example/x'\n", b"--registry: write HOST[:PORT][/PREFIX], without a login"),
    ],
)
def test_a_configuration_is_bounded(limited: Run, tree: Path, text: str, says: bytes) -> None:
    (tree / ".echo-migrate.toml").write_text(text)
    for number in ('!!int ""', '!!float ""', "!!bool x", "1:" * 200 + "1.5"):
        (tree / "n.yaml").write_text(f"a: {number}\n")
        done = limited(20, "check", cwd=tree)
        assert done.returncode == 2
        assert says in done.stderr
        assert b"Traceback" not in done.stderr
    assert b"hidden" not in done.stderr


def test_many_patterns_of_many_stars_cost_little(limited: Run, tree: Path) -> None:
    patterns = ", ".join(f"'{'*a' * 100}{i}'" for i in range(90))
    (tree / ".echo-migrate.toml").write_text(f"exclude = [{patterns}]\n")
    for number in range(200):
        folder = tree / ("a" * 100) / str(number)
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(TEXT)
    done = limited(30, "check", "--quiet", cwd=tree)
    assert done.stdout.count(b"Dockerfile") == 201


CHOSEN = "Configuration .echo-migrate.toml sets registry evil.example/x: images come from evil.example/x"


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("fix", "--diff"),
        ("inventory",),
        ("match", "node:22"),
        ("baseline",),
        ("lock", "--check"),
        ("verify",),
    ],
)
@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_it_is_said_which_configuration_chose_the_registry(
    run: Run, tree: Path, words: tuple[str, ...], quiet: tuple[str, ...]
) -> None:
    (tree / ".echo-migrate.toml").write_text("registry = 'evil.example/x'\n")
    done = run(*words, *quiet, cwd=tree)
    assert (done.stdout + done.stderr).decode().count(CHOSEN) == 1
    assert b"Configuration" not in run(*words, *quiet, "--registry", "mine.example", cwd=tree).stderr
    assert b"Configuration" not in run(*words, *quiet, "--no-config", cwd=tree).stderr


@pytest.mark.parametrize(
    "format", ["text", "json", "concise", "markdown", "github", "sarif", "gitlab", "rdjson", "junit"]
)
def test_every_output_says_it(run: Run, tree: Path, format: str) -> None:
    (tree / ".echo-migrate.toml").write_text("registry = 'evil.example/x'\n")
    done = run("check", "--output-format", format, cwd=tree)
    said = (done.stdout + done.stderr).decode()
    assert "Configuration" in said
    assert "evil.example/x" in said.replace("&#8203;", "")


def test_it_is_said_what_a_mapping_of_the_tree_does(run: Run, tree: Path) -> None:
    (tree / ".echo-migrate.toml").write_text("mapping = 'rows.yaml'\nprovider = 'docker'\n")
    (tree / "rows.yaml").write_text("registry: evil.example/y\nimages:\n  acme/tool: tool\n")
    said = run("check", cwd=tree).stdout.decode()
    assert f"sets provider docker, mapping {tree}/rows.yaml: images come from evil.example/y" in said


def test_it_is_said_where_the_summary_is_not(run: Run, tree: Path) -> None:
    text = "registry = 'evil.example/x'\nstatistics = true\nunsafe-fixes = true\n"
    (tree / ".echo-migrate.toml").write_text(text)
    said = CHOSEN.replace("evil.example/x: images", "evil.example/x, unsafe-fixes: images")
    for words in (("fix", "--check"), ("fix", "--diff"), ("fix", "--diff", "-q"), ("fix",)):
        assert said in run(*words, cwd=tree).stderr.decode()


@pytest.mark.parametrize("key", ["title", "login", "provider"])
def test_a_mapping_says_nothing_that_cannot_be_printed(run: Run, tree: Path, key: str) -> None:
    (tree / ".echo-migrate.toml").write_text("mapping = 'rows.yaml'\ncolor = 'always'\n")
    for text in ("a\\e[2J", "a\\n::error title=x::y", "a\\u202eb"):
        (tree / "rows.yaml").write_text(f'images: {{}}\n{key}: "{text}"\n')
        done = run("check", cwd=tree)
        assert done.returncode == 2
        assert f"rows.yaml:2: {key}: has characters that cannot be printed".encode() in done.stderr
    (tree / "rows.yaml").write_text(f"images: {{}}\n{key}: '<b>##[error]x</b>'\n")
    for format in ("text", "markdown", "concise", "github"):
        said = run("check", "--output-format", format, cwd=tree).stdout
        assert b"##[error]" not in said
        assert format != "markdown" or b"<b>" not in said


def test_a_baseline_replaces_nothing_else(run: Run, tree: Path) -> None:
    config = (tree / ".git" / "config").read_text()
    (tree / "notes").write_text("mine\n")
    for name, says in (
        (".git/config", b"baseline must lie in the folder"),
        ("notes", b"is no baseline, and is not over"),
    ):
        (tree / ".echo-migrate.toml").write_text(f"baseline = '{name}'\n")
        done = run("baseline", cwd=tree)
        assert done.returncode == 2
        assert says in done.stderr
    assert (tree / ".git" / "config").read_text() == config
    assert (tree / "notes").read_text() == "mine\n"


def test_the_message_of_a_faulty_row_stays_of_use(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("images:\n  a: b:1\n")
    with pytest.raises(MappingError, match=r"my.yaml:2: images: a: b:1 is no image name"):
        load(mapping=str(tmp_path / "my.yaml"))


def test_a_mapping_cannot_be_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "my.yaml", "w") as archive:
        archive.writestr("secret", "hidden")
    with pytest.raises(MappingError) as error:
        load(mapping=str(tmp_path / "my.yaml"))
    assert "hidden" not in str(error.value)

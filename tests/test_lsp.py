"""The language server, seen by a real client over standard input and output."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from echo_migrate import load_settings
from echo_migrate.cli import cli
from echo_migrate.engine.run import check_safely
from echo_migrate.files.patterns import matcher
from echo_migrate.files.source import Source, apply
from echo_migrate.lsp import actions, answers
from echo_migrate.lsp.analysis import Analysis, Configuration, Opened, analyse
from echo_migrate.lsp.positions import Positions
from tests.editor import Editor, applied
from tests.pages import PAGES, cases

UNHARDENED = "unhardened-image"
MOVE = f"{UNHARDENED}: use reg.echohq.com/node:22-slim"
IGNORE = f"{UNHARDENED}: ignore with a comment"
SAFE = "Apply all safe fixes in this file"
UNSAFE = "Apply all fixes in this file, unsafe ones too"


def repository(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / ".git").mkdir()
    return folder


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor with a repository open; each test has files of its own in it."""
    editor = Editor(repository(tmp_path_factory.mktemp("workspace")))
    yield editor
    assert editor.close() == 0
    assert [*editor.folder.glob("**/Dockerfile*")] == []


def edits_of(action: types.CodeAction) -> list[types.TextEdit]:
    assert action.edit
    assert action.edit.document_changes
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    return [edit for edit in change.edits if isinstance(edit, types.TextEdit)]


def version_of(action: types.CodeAction) -> int | None:
    assert action.edit
    assert action.edit.document_changes
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    return change.text_document.version


def analysis(text: str, path: str = "Dockerfile", provider: str = "echo", encoding: str = "utf-16") -> Analysis:
    configuration = Configuration(load_settings(provider, today="2026-11-27"), (), matcher(()))
    return analyse(Opened("file:///x", 7, "dockerfile", text), path, configuration, encoding)


# what is shown


def test_findings_are_those_of_a_check(editor: Editor) -> None:
    text = "FROM node:22-slim\nRUN apt-get update\nCMD npm start\n"
    editor.open("a/Dockerfile", text)
    found = editor.findings("a/Dockerfile")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "echo_migrate",
            "check",
            "--output-format",
            "concise",
            "--stdin-filename",
            "a/Dockerfile",
            "-",
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert [f"a/Dockerfile:{one.range.start.line + 1}:{one.range.start.character + 1}" for one in found] == [
        line.partition(" ")[0].rstrip(":") for line in done.stdout.splitlines() if line.startswith("a/")
    ]
    first = found[0]
    assert (first.code, first.source, first.severity) == (UNHARDENED, "echo-migrate", types.DiagnosticSeverity.Warning)
    assert first.code_description
    assert first.code_description.href.endswith(f"/rules/{UNHARDENED}/")


@pytest.mark.parametrize(
    ("name", "language", "text", "lines"),
    [
        ("b/compose.yaml", "yaml", "services:\n  a:\n    image: node:22-slim\n", [3]),
        ("b/main.tf", "terraform", 'resource "docker_image" "a" {\n  name = "node:22-slim"\n}\n', [2]),
        ("b/notes.txt", "plaintext", "FROM node:22-slim\n", []),
        ("untitled:Untitled-1", "dockerfile", "FROM node:22-slim\n", [1]),
        ("b/%41 b.Dockerfile", "dockerfile", "FROM scratch\nFROM node:22-slim\n", [2]),
    ],
)
def test_kinds_of_files(editor: Editor, name: str, language: str, text: str, lines: list[int]) -> None:
    editor.open(name, text, language)
    assert [line for line, rule in editor.rules(name) if rule == UNHARDENED] == lines
    editor.close_text(name)
    editor.until(lambda: not editor.published[editor.uri(name)].diagnostics)


def test_edits_while_a_check_runs(editor: Editor) -> None:
    """Many changes at once: what is told last is of the last text, and each answer is of the text as it then is."""
    slow = "FROM node:22-slim\n" + "RUN apt-get update && make && curl x | sh\n" * 200
    editor.open("c/Dockerfile", slow)
    for version in range(2, 40):
        editor.change("c/Dockerfile", version, slow + "RUN x\n" * version)
    editor.change("c/Dockerfile", 40, "FROM python:3.13-slim\n")
    assert "reg.echohq.com/python:3.13-slim" in editor.hover("c/Dockerfile", 0, 8)
    assert editor.rules("c/Dockerfile", 40) == [(1, UNHARDENED)]
    assert version_of(editor.actions("c/Dockerfile", 0, 8)[SAFE]) == 40
    assert editor.count[editor.uri("c/Dockerfile")] < 40
    editor.change("c/Dockerfile", 41, "FROM scratch\n")
    assert editor.rules("c/Dockerfile", 41) == []
    assert editor.actions("c/Dockerfile", 0, 0) == {}
    assert editor.lenses("c/Dockerfile") == []


def test_hover_lens_and_the_command_of_a_lens(editor: Editor) -> None:
    text = "FROM node:22-slim\nFROM node:20-alpine\nFROM acme.example/x:1\nFROM scratch\n"
    editor.open("d/Dockerfile", text)
    editor.rules("d/Dockerfile")
    lenses = editor.lenses("d/Dockerfile")
    titles = [lens.command.title for lens in lenses if lens.command]
    assert titles == [
        "-> reg.echohq.com/node:22-slim",
        "-> reg.echohq.com/node:20, 2 blockers",
        "private, or built here",
    ]
    shown = editor.hover("d/Dockerfile", 1, 7)
    assert shown.startswith("**`node:20-alpine`** → `reg.echohq.com/node:20`, needs review\n- ")
    assert "Node.js 20 reached end of life" in shown
    assert "Node.js 20 reached end of life" in shown
    assert editor.hover("d/Dockerfile", 3, 7) == ""
    command = lenses[0].command
    assert command
    for arguments in (command.arguments, [*command.arguments[:2], "other:1"], ["x"]):  # type: ignore[index]
        one = types.ExecuteCommandParams(command.command, list(arguments or []))
        editor.wait(editor.client.workspace_execute_command_async(one))
    editor.until(lambda: editor.applied)
    (edit,) = editor.applied
    assert applied(text, edits_of(types.CodeAction("", edit=edit))) == text.replace(
        "node:22-slim", "reg.echohq.com/node:22-slim"
    )


# what is offered


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fixes_and_comments(editor: Editor, newline: str) -> None:
    name = f"e{len(newline)}/Dockerfile"
    below = "    apt-get update; apt-get install -y --no-install-recommends make"
    text = newline.join(("FROM node:22-slim", "RUN set -e; \\", below, ""))
    editor.open(name, text)
    editor.rules(name)
    here = editor.actions(name, 0, 8)
    assert set(here) == {MOVE, IGNORE, SAFE, UNSAFE}
    assert here[MOVE].is_preferred
    moved = text.replace("node:22-slim", "reg.echohq.com/node:22-slim")
    assert applied(text, edits_of(here[MOVE])) == moved
    assert applied(text, edits_of(here[IGNORE])) == f"# echo-migrate: ignore[{UNHARDENED}]{newline}{text}"
    offered = editor.actions(name, 2, 10)
    title = "package-lists-left: ignore with a comment"
    silent = applied(text, edits_of(offered[title]))
    assert silent == text.replace(below, f"    # echo-migrate: ignore[package-lists-left]{newline}{below}")
    editor.change(name, 2, silent)
    assert "package-lists-left" not in [rule for _, rule in editor.rules(name, 2)]


def test_kinds_of_actions(editor: Editor) -> None:
    editor.open("f/Dockerfile", "FROM node:20-alpine\nFROM node:22-slim\n")
    editor.rules("f/Dockerfile")
    assert set(editor.actions("f/Dockerfile", 0, 7, ["source.fixAll"])) == {SAFE}
    assert set(editor.actions("f/Dockerfile", 0, 7, ["source"])) == {SAFE, UNSAFE}
    quick = editor.actions("f/Dockerfile", 0, 7, ["quickfix"])
    assert {SAFE, UNSAFE}.isdisjoint(quick)
    unsafe = quick[f"{UNHARDENED}: use reg.echohq.com/node:20 (unsafe)"]
    assert not unsafe.is_preferred
    assert editor.actions("f/Dockerfile", 0, 7, ["refactor"]) == {}


def test_a_comment_for_a_move_that_tells_an_end_too(editor: Editor) -> None:
    """What was merged into it is a finding of its own then."""
    editor.open("k/Dockerfile", "FROM rust:1.80\n")
    assert "end-of-life-base" not in [rule for _, rule in editor.rules("k/Dockerfile")]
    assert IGNORE in editor.actions("k/Dockerfile", 0, 8)


@pytest.mark.parametrize(
    ("name", "text", "line", "comment"),
    [
        ("g/compose.yaml", "services:\n  a:\n    image: node:22-slim\n", 2, "    # echo-migrate"),
        ("g/docker-bake.hcl", 'target "a" {\n  dockerfile-inline = "FROM node:22-slim"\n}\n', 1, None),
        ("g/run.sh", "#!/bin/sh\ndocker run node:22-slim\n", 1, "# echo-migrate"),
        ("g/.devcontainer/devcontainer.json", '{\n  "image": "node:22-slim"\n}\n', 1, "  // echo-migrate"),
        ("g/main.tf", 'resource "docker_image" "a" {\n  name = "node:22-slim"\n}\n', 1, "  # echo-migrate"),
    ],
)
def test_a_comment_fits_its_kind_of_file(editor: Editor, name: str, text: str, line: int, comment: str | None) -> None:
    editor.open(name, text, "x")
    rules = editor.rules(name)
    offered = editor.actions(name, line, text.split("\n")[line].index("node") + 2)
    written = [title for title in offered if title.endswith("ignore with a comment")]
    if comment is None or not rules:
        return
    silent = applied(text, edits_of(offered[written[0]]))
    assert silent.split("\n")[line].startswith(comment)


def test_units_of_columns(tmp_path: Path, editor: Editor) -> None:
    text = 'ARG A="😀é"\nFROM node:22-slim AS x\nLABEL a="😀" b="é"\nRUN echo 😀 && apt-get update\n'
    editor.open("h/Dockerfile", text)
    wide = next(one for one in editor.findings("h/Dockerfile") if one.code == "package-lists-left")
    assert (
        applied(text, edits_of(editor.actions("h/Dockerfile", 1, 6)[MOVE])).count("reg.echohq.com/node:22-slim AS x")
        == 1
    )
    for encoding, units in (("utf-8", 1), ("utf-32", 4)):
        other = Editor(repository(tmp_path / encoding), encodings=[encoding])
        assert other.server.position_encoding == encoding
        other.open("Dockerfile", text)
        found = next(one for one in other.findings("Dockerfile") if one.code == "package-lists-left")
        line = text.split("\n")[3]
        before = line.encode("utf-16-le")[: 2 * wide.range.start.character].decode("utf-16-le")
        assert found.range.start.character == len(before.encode(f"{encoding}-le" if units > 1 else encoding)) // units
        assert other.close() == 0


def test_completion(tmp_path: Path, editor: Editor) -> None:
    editor.open("i/Dockerfile", "FROM reg.echohq.com/pyth\nFROM nod\nRUN nod\n")
    named = [item.label for item in editor.completions("i/Dockerfile", 0, 24)]
    assert named == ["reg.echohq.com/python"]
    assert "reg.echohq.com/node" in [item.label for item in editor.completions("i/Dockerfile", 1, 8)]
    assert editor.completions("i/Dockerfile", 2, 7) == []
    folder = repository(tmp_path / "docker")
    (folder / ".echo-migrate.toml").write_text('provider = "docker"\n')
    other = Editor(folder)
    text = "FROM dhi.io/node:22-al\nCOPY --from=node:2 / /\n"
    other.open("Dockerfile", text)
    items = other.completions("Dockerfile", 0, 22)
    assert items[0].label == "22-alpine"
    assert all("22-al" in item.label for item in items)
    edit = items[0].text_edit
    assert isinstance(edit, types.TextEdit)
    assert applied(text, [edit]).startswith("FROM dhi.io/node:22-alpine\n")
    assert {"22", "24"} <= {item.label for item in other.completions("Dockerfile", 1, 18)}
    assert other.close() == 0


# the tree


def test_fifty_texts_and_a_tree_that_changes(tmp_path: Path) -> None:
    folder = repository(tmp_path / "tree")
    (folder / ".echo-migrate.toml").write_text('preset = "all"\n')
    editor = Editor(folder)
    names = [f"{number}/Dockerfile" for number in range(50)]
    for name in names:
        (folder / name).parent.mkdir()
        (folder / name).write_text("FROM scratch\n")
        editor.open(name, "FROM node:22-slim AS one\nFROM python:3.13-slim AS two\n")
    for name in names:
        assert (1, "unused-stage") in editor.rules(name)
    editor.until(lambda: editor.watching)
    (folder / "compose.yaml").write_text("services: {a: {build: {context: ./0, target: one}}}\n")
    (folder / "docker-bake.hcl").write_text('target "a" { contexts = { "reg.echohq.com/python" = "./x" } }\n')
    editor.files_changed("compose.yaml", "docker-bake.hcl")
    uris = [editor.uri(name) for name in names]
    editor.until(lambda: all(not _moves(editor, uri, "python") for uri in uris))
    editor.until(lambda: "unused-stage" not in {one.code for one in editor.published[uris[0]].diagnostics})
    assert "unused-stage" in {one.code for one in editor.published[uris[1]].diagnostics}
    (folder / "docker-bake.hcl").unlink()
    editor.save(names[0])
    editor.until(lambda: all(_moves(editor, uri, "python") for uri in uris))
    assert editor.close() == 0


def _moves(editor: Editor, uri: str, image: str) -> bool:
    return any(one.message.startswith(f"{image}:3.13-slim -> ") for one in editor.published[uri].diagnostics)


def test_an_editor_that_does_not_watch_files(tmp_path: Path) -> None:
    """What changed on disk during a pause is seen with the next keystroke."""
    folder = repository(tmp_path / "tree")
    editor = Editor(folder, watches=False)
    editor.open("Dockerfile", "FROM python:3.13-slim\n")
    editor.rules("Dockerfile")
    assert _moves(editor, editor.uri("Dockerfile"), "python")
    (folder / "renovate.json").write_text('{"packageRules": [{"matchPackageNames": ["python"]}]}\n')
    time.sleep(2.1)
    editor.change("Dockerfile", 2, "FROM python:3.13-slim\n\n")
    (found,) = editor.findings("Dockerfile", 2)
    assert "Renovate" in found.message
    assert not editor.watching
    assert editor.close() == 0


def test_the_configuration_file_is_that_of_the_folder(tmp_path: Path) -> None:
    folder = repository(tmp_path / "tree")
    settings = folder / ".echo-migrate.toml"
    settings.write_text('select = ["unhardened-image"]\nexclude = ["old"]\nprovider = "docker"\n')
    editor = Editor(folder)
    editor.open("Dockerfile", "FROM node:22-slim\nCMD npm start\n")
    editor.open("old/Dockerfile", "FROM node:22-slim\n")
    (found,) = editor.findings("Dockerfile")
    assert "dhi.io/node" in found.message
    assert editor.findings("old/Dockerfile") == []
    settings.write_text('selct = ["unhardened-image"]\n')
    editor.files_changed(".echo-migrate.toml")
    editor.until(lambda: editor.shown)
    assert "unknown key 'selct'" in editor.shown[0]
    assert len(editor.rules("Dockerfile", after=1)) == 2
    settings.unlink()
    editor.files_changed(".echo-migrate.toml")
    assert UNHARDENED in [rule for _, rule in editor.rules("old/Dockerfile", after=1)]
    assert len(editor.shown) == 1
    assert editor.close() == 0


# laws

TEXTS = st.text(st.sampled_from("aé😀\n\r\t \u2028\x0c#:"), max_size=40)


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.integers(0, 1), st.data())
def test_positions_lead_back_to_offsets(text: str, encoding: str, lead: int, data: st.DataObject) -> None:
    positions = Positions(text, encoding, lead)
    offset = data.draw(st.integers(0, len(text)))
    position = positions.position(offset)
    inside_a_line_end = text[offset - 1 : offset + 1] == "\r\n"
    assert inside_a_line_end or positions.offset(position) == offset
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    assert inside_a_line_end or position.line == before.count("\n")
    last = "\ufeff" * (lead and position.line == 0) + before.rpartition("\n")[2]
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    units = len(last.encode(encoding if size == 1 else f"{encoding}-le")) // size
    if lead and position.line == 0 and encoding == "utf-8":
        units -= 2  # told as one
    assert inside_a_line_end or position.character == units
    far = types.Position(data.draw(st.integers(0, 50)), data.draw(st.integers(0, 99)))
    assert 0 <= positions.offset(far) <= len(text)


@given(TEXTS, TEXTS)
def test_edits_between_two_texts(before: str, after: str) -> None:
    edits = actions.edits_between(before, after)
    assert apply(before, edits) == after
    assert all(before[edit.start : edit.end] != edit.text for edit in edits)


@pytest.mark.parametrize(
    "path", [page for page in PAGES if page.stem in ("unhardened_image", "shell_form_command")], ids=str
)
def test_whole_file_actions_write_what_a_fix_writes(path: Path) -> None:
    """And each single fix leaves a text that can be read as before."""
    for case in cases(path):
        found = analysis(case.text, case.path)
        everywhere = found.positions.range(0, len(case.text))
        offered = {action.title: action for action in actions.code_actions(found, everywhere, None)}
        if found.result is None or not found.result.findings:
            assert not offered
            continue
        fixed = check_safely(found.source, found.settings._replace(apply=True))
        assert fixed
        text = applied(case.text, edits_of(offered[SAFE])) if SAFE in offered else case.text
        assert text == fixed.fixed.text
        for action in offered.values():
            again = analysis(applied(case.text, edits_of(action)), case.path)
            assert again.result
            assert "unreadable-file" not in {one.rule for one in again.result.findings} - {
                one.rule for one in found.result.findings
            }


@pytest.mark.parametrize(
    "text",
    ["FROM `x`](javascript:1)**<b>:1\n", "FROM ${A:-<img src=x>}\n", "FROM a\u202eb:1\n", "FROM \ud83d:1\n"],
)
def test_what_a_file_has_is_shown_as_text(text: str) -> None:
    found = analysis(text)
    hover = answers.hover(found, types.Position(0, 6))
    for lens in answers.lenses(found):
        assert lens.command
        assert lens.command.title.isprintable()
    if hover is not None:
        assert isinstance(hover.contents, types.MarkupContent)
        shown = re.sub(r"(`+).*?\1", "", hover.contents.value)
        assert not re.search(r"(?<!\\)<\w|\]\((?!https:)|[\u202e\ud83d]", shown)


def test_a_text_that_cannot_be_read_is_told() -> None:
    found = analysis("FROM node:22\0\n")
    assert [one.code for one in answers.diagnostics(found)] == ["unreadable-file"]
    assert Source.of("x", b"").text == ""


def test_without_the_extra_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("echo_migrate.cli.lsp"), "find_spec", lambda name: None)
    done = CliRunner().invoke(cli, ["lsp"])
    assert done.exit_code == 2
    assert "needs the extra `lsp`: pip install 'echo-migrate[lsp]'" in done.output

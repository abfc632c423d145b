"""Trees whose git repository tries to have a program run: none is, by any command."""

import hashlib
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from echo_migrate.engine.discover import discover
from echo_migrate.files import git as asked
from tests.conftest import Run

TEXT = "FROM python:3.12\n"
COMMANDS = (
    ("check", "."),
    ("check", "--diff-base", "HEAD", "."),
    ("fix", "--diff", "."),
    ("inventory", "."),
    ("baseline", "--baseline", "baseline.json", "."),
)
SYSTEM_CALLS = "execve,execveat,socket,connect,sendto,sendmsg"


class Tree:
    """A repository with a Dockerfile, and a program that leaves a mark when it is run."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.mark = folder / "ran"
        self.program = folder / "evil.sh"
        self.program.write_text(f"#!/bin/sh\necho ran >>{self.mark}\n")
        self.program.chmod(0o755)
        self.root.mkdir()
        self.git("init", "-q", "-b", "main")
        (self.root / "Dockerfile").write_text(TEXT)
        (self.root / "in").mkdir()
        (self.root / "in" / "Dockerfile").write_text(TEXT)
        self.commit()

    def git(self, *words: str, folder: Path | None = None) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
        done = subprocess.run(["git", *identity, *words], cwd=folder or self.root, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "a")

    def config(self, *pairs: tuple[str, ...], file: str = "config") -> None:
        for name, value in pairs:
            self.git("config", "--file", str(self.root / ".git" / file), "--add", name, value)

    def touch(self) -> None:
        """Make git look at the contents of its files again."""
        for path in self.root.rglob("Dockerfile"):
            os.utime(path, (1, 1))

    def lose(self, name: str) -> None:
        """Take an object out of the repository, and make a remote promise it."""
        known = self.git("rev-parse", name)
        (self.root / ".git" / "objects" / known[:2] / known[2:]).unlink()
        self.config(("core.repositoryformatversion", "1"), ("extensions.partialClone", "origin"))
        self.config(("remote.origin.promisor", "true"))


def _fsmonitor(tree: Tree) -> None:
    tree.config(("core.fsmonitor", str(tree.program)))


def _hooks(tree: Tree) -> None:
    for name in ("post-index-change", "fsmonitor-watchman", "post-checkout", "reference-transaction", "pre-auto-gc"):
        shutil.copy(tree.program, tree.root / ".git" / "hooks" / name)
    tree.touch()


def _hooks_path(tree: Tree) -> None:
    shutil.copy(tree.program, tree.root / "post-index-change")
    tree.config(("core.hooksPath", str(tree.root)))
    tree.touch()


def _filters(tree: Tree, name: str = "evil") -> None:
    (tree.root / ".gitattributes").write_text(f"* filter={name}\n")
    for what in ("clean", "smudge", "process"):
        tree.config((f"filter.{name}.{what}", str(tree.program)))
    tree.config((f"filter.{name}.required", "true"))
    tree.touch()


def _filter_with_a_name_that_no_setting_can_have(tree: Tree) -> None:
    (tree.root / ".gitattributes").write_text("* filter=a=b\n")
    (tree.root / ".git" / "config").open("a").write(f'[filter "a=b"]\n\tclean = {tree.program}\n')
    tree.touch()


def _process_filter(tree: Tree) -> None:
    (tree.root / ".gitattributes").write_text("* filter=evil\n")
    tree.config(("filter.evil.process", str(tree.program)))
    tree.touch()


def _submodule(tree: Tree) -> None:
    below = tree.root / "sub"
    below.mkdir()
    tree.git("init", "-q", folder=below)
    (below / "Dockerfile").write_text(TEXT)
    (below / ".gitattributes").write_text("* filter=evil\n")
    tree.git("add", ".", folder=below)
    tree.git("commit", "-qm", "a", folder=below)
    (tree.root / ".gitmodules").write_text('[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n')
    tree.commit()
    tree.config(("submodule.recurse", "true"), ("diff.ignoreSubmodules", "none"), ("submodule.sub.ignore", "none"))
    tree.git("config", "filter.evil.clean", str(tree.program), folder=below)
    tree.git("config", "core.fsmonitor", str(tree.program), folder=below)
    tree.touch()


def _textconv(tree: Tree) -> None:
    (tree.root / ".gitattributes").write_text("* diff=evil\n")
    tree.config(("diff.evil.textconv", str(tree.program)), ("diff.evil.cachetextconv", "true"))
    (tree.root / "Dockerfile").write_text(TEXT * 2)


def _driver(tree: Tree) -> None:
    (tree.root / ".gitattributes").write_text("* diff=evil\n")
    tree.config(("diff.evil.command", str(tree.program)))
    (tree.root / "Dockerfile").write_text(TEXT * 2)


def _external_diff(tree: Tree) -> None:
    tree.config(("diff.external", str(tree.program)))
    (tree.root / "Dockerfile").write_text(TEXT * 2)


def _sparse_index(tree: Tree) -> None:
    tree.git("sparse-checkout", "init", "--cone", "--sparse-index")
    tree.git("sparse-checkout", "set", "elsewhere")
    tree.lose("HEAD:in")
    tree.config(("remote.origin.url", "/nowhere"), ("remote.origin.uploadpack", str(tree.program)))


def _missing(url: str, *more: tuple[str, str]) -> Callable[[Tree], None]:
    """A blob that HEAD has and the repository lacks, at a remote of some kind."""

    def make(tree: Tree) -> None:
        tree.lose("HEAD:in/Dockerfile")
        tree.config(("remote.origin.url", url.format(program=tree.program)))
        tree.config(*[tuple(part.format(program=tree.program) for part in pair) for pair in more])
        tree.config(("protocol.allow", "always"), ("protocol.ext.allow", "always"))
        (tree.root / "in" / "Dockerfile").write_text(TEXT * 2)

    return make


def _pager(tree: Tree) -> None:
    tree.config(
        ("core.pager", str(tree.program)), *[(f"pager.{name}", str(tree.program)) for name in ("diff", "config")]
    )


def _alternates(tree: Tree) -> None:
    tree.git("clone", "-q", "--bare", str(tree.root), str(tree.root.parent / "other"))
    (tree.root / ".git" / "objects" / "info" / "alternates").write_text(f"{tree.root.parent}/other/objects\n")
    tree.config(("core.alternateRefsCommand", str(tree.program)))


def _include(tree: Tree) -> None:
    (tree.root.parent / "far").write_text(
        f"[core]\n\tfsmonitor = {tree.program}\n[diff]\n\texternal = {tree.program}\n"
    )
    tree.config(("include.path", str(tree.root.parent / "far")))
    (tree.root / "Dockerfile").write_text(TEXT * 2)


def _worktree(tree: Tree) -> None:
    tree.config(("core.repositoryformatversion", "1"), ("extensions.worktreeConfig", "true"))
    tree.config(("core.fsmonitor", str(tree.program)), ("diff.external", str(tree.program)), file="config.worktree")
    tree.config(("filter.evil.clean", str(tree.program)), file="config.worktree")
    (tree.root / ".gitattributes").write_text("* filter=evil\n")
    tree.touch()


def _signatures(tree: Tree) -> None:
    tree.config(("gpg.program", str(tree.program)), ("log.showSignature", "true"), ("commit.gpgSign", "true"))


def _aliases(tree: Tree) -> None:
    tree.config(*[(f"alias.{name}", f"!{tree.program}") for name in ("ls-files", "diff", "rev-parse", "config")])


def _editors(tree: Tree) -> None:
    tree.config(("core.editor", str(tree.program)), ("sequence.editor", str(tree.program)))
    tree.config(("gc.auto", "1"), ("maintenance.auto", "true"), ("core.untrackedCache", "true"))


def _elsewhere(tree: Tree) -> None:
    """A repository within, which is bare, and whose configuration names this folder as its own."""
    tree.git("init", "-q", "--bare", "in/bare")
    with (tree.root / "in" / "bare" / "config").open("a") as file:
        file.write(f"[core]\n\tbare = false\n\tworktree = {tree.root}\n\tfsmonitor = {tree.program}\n")


def _submodule_that_became_a_file(tree: Tree) -> None:
    inner = tree.root.parent / "inner"
    (tree.root / ".git" / "modules").mkdir()
    tree.git("init", "-q", f"--separate-git-dir={tree.root}/.git/modules/sub", str(inner))
    (inner / "f.txt").write_text("a")
    tree.git("add", ".", folder=inner)
    tree.git("commit", "-qm", "a", folder=inner)
    known = tree.git("rev-parse", "HEAD", folder=inner)
    with (tree.root / ".git" / "modules" / "sub" / "config").open("a") as file:
        file.write(f'[core]\n\tbare = false\n[diff "evil"]\n\tcommand = {tree.program}\n\ttextconv = {tree.program}\n')
    (tree.root / ".git" / "modules" / "sub" / "info").mkdir(exist_ok=True)
    (tree.root / ".git" / "modules" / "sub" / "info" / "attributes").write_text("* diff=evil\n")
    (tree.root / ".gitmodules").write_text('[submodule "sub"]\n\tpath = sub\n\turl = ./x\n')
    tree.git("update-index", "--add", "--cacheinfo", f"160000,{known},sub")
    tree.git("add", ".gitmodules")
    tree.git("commit", "-qm", "b")
    tree.git("rm", "-q", "--cached", "sub")
    (tree.root / "sub").write_text("hi")
    tree.git("add", "-f", "sub", ".gitmodules")
    tree.config(("diff.submodule", "diff"))


WAYS: dict[str, Callable[[Tree], None]] = {
    "fsmonitor": _fsmonitor,
    "hooks": _hooks,
    "hooksPath": _hooks_path,
    "filters": _filters,
    "process filter": _process_filter,
    "a filter with = in its name": _filter_with_a_name_that_no_setting_can_have,
    "a submodule's configuration": _submodule,
    "a submodule that became a file": _submodule_that_became_a_file,
    "textconv": _textconv,
    "a diff driver": _driver,
    "external diff": _external_diff,
    "a sparse index and uploadpack": _sparse_index,
    "uploadpack": _missing("/nowhere", ("remote.origin.uploadpack", "{program}")),
    "sshCommand": _missing("ssh://a@b.invalid/c", ("core.sshCommand", "{program}")),
    "ext": _missing("ext::{program}"),
    "a remote helper": _missing("{program}", ("remote.origin.vcs", "ext")),
    "a helper without a name": _missing("x", ("remote.origin.vcs", ""), ("alias.remote-", "!{program}")),
    "a URL without a helper": _missing("::x", ("alias.remote-", "!{program}")),
    "a helper called none": _missing("none::x", ("alias.remote-none", "!{program}")),
    "a proxy": _missing("git://b.invalid/c", ("core.gitProxy", "{program}")),
    "credentials": _missing("http://127.0.0.1:1/x", ("credential.helper", "!{program}"), ("core.askPass", "{program}")),
    "another URL": _missing("https://b.invalid/c", ("url.ext::{program} .insteadOf", "https://b.invalid/")),
    "pager": _pager,
    "alternates": _alternates,
    "include": _include,
    "worktree configuration": _worktree,
    "signatures": _signatures,
    "aliases": _aliases,
    "editors and upkeep": _editors,
    "a bare repository within": _elsewhere,
}


IDLE = {"credentials", "pager", "alternates", "signatures", "aliases", "editors and upkeep", "a proxy"}
"""What only other commands, a terminal or an answering server would have run."""


@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_a_repository_names_is_run(run: Run, tmp_path: Path, way: str) -> None:
    tree = Tree(tmp_path)
    WAYS[way](tree)
    tree.mark.unlink(missing_ok=True)  # git itself may have run it when the tree was made
    bare = tree.root / "in" / "bare"
    for words in COMMANDS:
        for folder in (tree.root, *([bare] if bare.exists() else ())):
            done = run(*words, cwd=folder)
            assert done.returncode in (0, 1, 2)
            assert b"Traceback" not in done.stderr
    assert not tree.mark.exists()


@pytest.mark.parametrize("way", sorted(WAYS.keys() - IDLE))
def test_the_trees_would_have_it_run(tmp_path: Path, way: str) -> None:
    """The ways above work on a git that is asked as anybody asks it."""
    tree = Tree(tmp_path)
    WAYS[way](tree)
    tree.mark.unlink(missing_ok=True)
    places = [place for place in (tree.root, tree.root / "in" / "bare") if place.exists()]
    for words in ("status", "diff HEAD", "ls-files", "--paginate diff HEAD", "cat-file -p HEAD:in/Dockerfile"):
        for place in places:
            subprocess.run(
                ["git", *words.split()], cwd=place, capture_output=True, stdin=subprocess.DEVNULL, check=False
            )
    assert tree.mark.exists()


@pytest.mark.parametrize("way", [way for way in WAYS if way not in IDLE])
def test_nor_by_a_git_that_fetches_what_is_missing(run: Run, tmp_path: Path, way: str) -> None:
    """Before 2.45, and 2.39.4 of the older ones, git knows no word for not fetching: no protocol is left to it."""
    tree = Tree(tmp_path)
    WAYS[way](tree)
    tree.mark.unlink(missing_ok=True)
    older = tmp_path / "older"
    older.mkdir()
    (older / "git").write_text(f'#!/bin/sh\nunset GIT_NO_LAZY_FETCH\nexec {shutil.which("git")} "$@"\n')
    (older / "git").chmod(0o755)
    for words in COMMANDS[:2]:
        done = run(*words, cwd=tree.root, env={"PATH": f"{older}:{os.environ['PATH']}"})
        assert done.returncode in (0, 1, 2)
    assert not tree.mark.exists()


def test_where_filters_cannot_be_listed_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path)
    _filters(tree)
    monkeypatch.setattr(asked, "_LARGEST", 10)
    with pytest.raises(asked.UnsafeFilter, match="could not be read"):
        asked.unfiltered(str(tree.root))


def test_git_is_not_looked_for_in_the_tree(run: Run, tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    shutil.copy(tree.program, tree.root / "git")
    for words in COMMANDS:
        assert run(*words, cwd=tree.root, env={"PATH": f".:bin::{os.environ['PATH']}"}).returncode in (0, 1)
    assert not tree.mark.exists()


def test_variables_of_the_caller_start_nothing(run: Run, tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    (tree.root / "Dockerfile").write_text(TEXT * 2)
    names = ("EXTERNAL_DIFF", "PAGER", "SSH", "SSH_COMMAND", "PROXY_COMMAND", "ASKPASS", "EDITOR")
    environment = {f"GIT_{name}": str(tree.program) for name in names}
    environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor"}
    environment |= {"GIT_CONFIG_VALUE_0": str(tree.program), "GIT_DIR": str(tmp_path)}
    for words in COMMANDS:
        assert run(*words, cwd=tree.root, env=environment).returncode in (0, 1)
    assert not tree.mark.exists()


@pytest.mark.parametrize("way", ["a sparse index and uploadpack", "filters", "ext", "a submodule's configuration"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_the_system_sees_git_alone_and_no_network(
    traced: Callable[..., list[str]], tmp_path: Path, way: str, words: tuple[str, ...]
) -> None:
    tree = Tree(tmp_path)
    WAYS[way](tree)
    calls = traced(SYSTEM_CALLS, *words, cwd=tree.root)
    started = {call.split('"')[1].rpartition("/")[2] for call in calls if "execve(" in call and "= 0" in call}
    assert started == {"git"}
    assert not [call for call in calls if "exec" not in call]


def test_a_git_that_does_not_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    tree.config(("include.path", str(tmp_path / "pipe")))
    monkeypatch.setattr(asked, "_SECONDS", 1)
    monkeypatch.setattr(asked, "_SECONDS_TO_LIST", 1)
    monkeypatch.chdir(tree.root)
    assert asked.git(".", "rev-parse", "HEAD") is None
    found = discover(["."])
    assert found.files == ["Dockerfile", "in/Dockerfile"]
    assert found.notes == [".: git takes too long to list it, and what it ignores is read too"]


@pytest.mark.parametrize("elsewhere", ["", "link", "file"])
def test_no_index_is_written(run: Run, tmp_path: Path, elsewhere: str) -> None:
    tree = Tree(tmp_path)
    other = tmp_path / "other"
    tree.config(("hook.evil.event", "post-index-change"), ("hook.evil.command", f"{tree.program}; echo"))
    index = tree.root / ".git" / "index"
    if elsewhere == "link":
        index.rename(other)
        index.symlink_to(other)
    elif elsewhere == "file":
        (tree.root / ".git").rename(other)
        (tree.root / ".git").write_text(f"gitdir: {other}\n")
        index = other / "index"
    for path in tree.root.rglob("Dockerfile"):
        os.utime(path, (10**9, 10**9))  # so that git would look again, and note what it saw
    before = (index.resolve().read_bytes(), index.resolve().stat().st_mtime_ns, index.resolve().stat().st_ino)
    for words in (("check", "--diff-base", "HEAD"), ("check",), ("fix", "--diff"), ("inventory",)):
        assert run(*words, cwd=tree.root).returncode in (0, 1)
        after = (index.resolve().read_bytes(), index.resolve().stat().st_mtime_ns, index.resolve().stat().st_ino)
        assert after == before
    assert not tree.mark.exists()


def test_patterns_that_keep_git_for_long_are_said(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*["a"] * 40)
    deep.mkdir(parents=True)
    (deep / "Dockerfile").write_text(TEXT)
    Tree(tmp_path)
    (tmp_path / ".gitignore").write_text("**/a/" * 14 + "b\n")
    monkeypatch.setattr(asked, "_SECONDS_TO_LIST", 1)
    monkeypatch.chdir(tmp_path)
    found = discover(["."])
    assert f"{'a/' * 40}Dockerfile" in found.files
    assert not found.closed


def test_names_longer_than_a_path_are_said_and_not_looked_for(limited: Run, tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    entry = subprocess.run(
        ["git", "rev-parse", ":Dockerfile"], cwd=tree.root, capture_output=True, text=True, check=True
    ).stdout.strip()
    names = [b"Dockerfile", *(b"a/" * 30_000 + b"%03d/Dockerfile" % number for number in range(200))]
    # version 4 of an index says of each name how much of the one before it ends, and what comes then
    written, before = b"", b""
    for name in names:
        same = len(os.path.commonprefix([before, name]))  # noqa: RUF071 - of bytes, not of folders
        head = struct.pack(">10L", 0, 0, 0, 0, 0, 0, 0o100644, 0, 0, 17) + bytes.fromhex(entry)
        written += head + struct.pack(">H", min(len(name), 0xFFF)) + _offset(len(before) - same) + name[same:] + b"\0"
        before = name
    data = b"DIRC" + struct.pack(">LL", 4, len(names)) + written
    (tree.root / ".git" / "index").write_bytes(data + hashlib.sha1(data).digest())
    done = limited(10, "check", "--output-format", "concise", cwd=tree.root)
    assert done.returncode == 2
    assert b"a:1:1: error[unreadable-file] this folder could not be entered: file name too long" in done.stdout
    assert b"Dockerfile:1:" in done.stdout


def _offset(value: int) -> bytes:
    """A number as an index has it (git, Documentation/gitformat-pack.txt, offset encoding)."""
    found = [value & 127]
    while value := value >> 7:
        value -= 1
        found.append(128 | (value & 127))
    return bytes(reversed(found))


def test_more_than_can_be_read_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path)
    (tree.root / "large").write_text("x" * 100_000)
    tree.commit()
    assert asked.git(str(tree.root), "cat-file", "blob", "HEAD:large") == b"x" * 100_000
    monkeypatch.setattr(asked, "_LARGEST", 99_999)
    assert asked.git(str(tree.root), "cat-file", "blob", "HEAD:large") is None


@pytest.mark.parametrize("url", ["ext::touch ran", "/nowhere", "ssh://a@b/c", "-u:x", "git://b/c", "://x"])
def test_no_other_url_is_fetched_from(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path)
    monkeypatch.setattr(asked, "ask", lambda *_: pytest.fail("git was asked"))
    asked.fetch(str(tree.root), url, "1" * 40)


def test_a_url_that_the_repository_makes_another_starts_nothing(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.config((f"url.ext::{tree.program} .insteadOf", "https://b.invalid/"), ("protocol.allow", "always"))
    asked.fetch(str(tree.root), "https://b.invalid/c", "1" * 40)
    assert not tree.mark.exists()


@pytest.mark.parametrize("names", [("xx/outside/Dockerfile", "../outside/Dockerfile"), ("xlink/Dockerfile",) * 2])
def test_a_name_in_an_index_leads_nowhere_outside(run: Run, tmp_path: Path, names: tuple[str, str]) -> None:
    tree = Tree(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Dockerfile").write_text(TEXT)
    given, wanted = names
    (tree.root / given).parent.mkdir(parents=True)
    (tree.root / given).write_text(TEXT)
    tree.git("add", ".")
    shutil.rmtree(tree.root / given.split("/")[0])
    if given == wanted:
        os.symlink(outside, tree.root / given.split("/")[0])
    index = tree.root / ".git" / "index"
    data = index.read_bytes()[:-20].replace(given.encode(), wanted.encode())
    index.write_bytes(data + hashlib.sha1(data).digest())
    done = run("fix", ".", cwd=tree.root)
    assert (outside / "Dockerfile").read_text() == TEXT
    assert (tree.root / "Dockerfile").read_text() != TEXT
    said = b" ".join(done.stdout.split())
    assert b"is a symbolic link that leaves the tree" in said or b"outside" not in said

"""How the proofs of a run share a builder: what is done at once, what is asked once, and what is looked at again."""

import io
import json
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import IO

import pytest

from echo_migrate.files.source import Source
from echo_migrate.formats import compose
from echo_migrate.model import Finding, Result
from echo_migrate.proof.builders import Builder, Built, Docker, PassedOn, Podman, State
from echo_migrate.proof.compare import Observed, worse
from echo_migrate.proof.container import Running
from echo_migrate.proof.processes import Finished, Processes
from echo_migrate.proof.prove import Change
from tests.test_prove_compose import Recorder, bench, change

NO_SHELL = 'STEP 2/2: RUN x\nexec: "/bin/sh": stat /bin/sh: no such file or directory\nexit status 1\n'


def dockerfile(folder: Path, text: str = "FROM a\nRUN x\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / ".git").mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(text)
    return folder / "Dockerfile"


class Busy(Recorder):
    """A builder of which each container runs until two files were built, both before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.all_built, self.most = Lock(), Event(), 0
        self.now = 0

    def build(self, dockerfile: str, ignored: str, context: str, passed: PassedOn, folder: str) -> Built:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        built = super().build(dockerfile, ignored, context, passed, folder)
        with self.lock:
            self.now -= 1
            if len(self.builds) == 4:
                self.all_built.set()
        return built

    def inspect(self, id: str) -> dict[str, object]:
        return {"Id": id, "Config": {"Cmd": ["run"]}}

    def wait(self, container: str, seconds: float) -> None:
        assert self.all_built.wait(60)


@pytest.mark.parametrize("network", ["", "none", "host"])
def test_containers_run_while_the_next_file_is_built(network: str, tmp_path: Path) -> None:
    builder = Busy()
    one = bench(tmp_path, builder, network)
    changes = [change(dockerfile(tmp_path / name)) for name in ("a", "b")]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one.prove, changes))
    assert [proof.verdict for proof in found] == ["same", "same"]
    assert builder.most == 1


class Late(Recorder):
    """A builder whose containers stay up; those of one image print only once they are looked at again."""

    def __init__(self, late: str, again: str) -> None:
        super().__init__()
        self.late, self.again, self.starts = late, again, 0

    def build(self, dockerfile: str, ignored: str, context: str, passed: PassedOn, folder: str) -> Built:
        super().build(dockerfile, ignored, context, passed, folder)
        return Built("ab"[len(self.builds) - 1] * 64, 0, "")

    def inspect(self, id: str) -> dict[str, object]:
        return {"Id": id, "Config": {"Cmd": ["run"]}}

    def create(self, id: str, *_: object) -> tuple[str, str]:
        return id, ""

    def start(self, container: str) -> str:
        self.starts += 1
        return ""

    def state(self, container: str) -> State:
        return State(True, 0, "")

    def written(self, container: str) -> list[str]:
        return []

    def logs(self, container: str) -> tuple[str, str]:
        return ("ready\n" if container[0] != self.late else self.again if self.starts > 2 else ""), ""


@pytest.mark.parametrize("late", ["a", "b"])
@pytest.mark.parametrize(("again", "verdict"), [("ready\n", "same"), ("", "differs")])
def test_what_is_only_late_is_no_difference(late: str, again: str, verdict: str, tmp_path: Path) -> None:
    proof = bench(tmp_path, Late(late, again)).prove(change(dockerfile(tmp_path)))
    assert proof.verdict == verdict


class Writing(Late):
    """A builder whose containers stay up and write the same, of which the one of before is later than that of after."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__("", "")
        self.paths, self.read = paths, Event()
        self.listed: list[str] = []

    def export(self, container: str, read: Callable[[IO[bytes]], object], timeout: float) -> bool:
        if container[0] == "a":
            assert self.read.wait(60)
        self.read.set()
        return True

    def written(self, container: str) -> list[str]:
        self.listed.append(container[0])
        return self.paths


@pytest.mark.parametrize("network", ["", "host"])
@pytest.mark.parametrize(
    ("paths", "listed"), [([], ["a"]), (["/tmp", "/tmp/x"], ["a"]), (["/data", "/data/x"], ["a", "b"])]
)
def test_what_is_written_after_is_asked_for_if_something_was_before(
    paths: list[str], listed: list[str], network: str, tmp_path: Path
) -> None:
    """On the host's network too, where one container runs after the other: the first has to be that of before."""
    builder = Writing(paths)
    assert bench(tmp_path, builder, network).prove(change(dockerfile(tmp_path))).verdict == "same"
    assert builder.listed == listed


class Cut(Late):
    """A builder of which the export of one image ends before its end."""

    def export(self, container: str, read: Callable[[IO[bytes]], object], timeout: float) -> bool:
        read(io.BytesIO(archive({"var/lib/dpkg/status": b"Package: x\n"} if container[0] == "a" else {})))
        return container[0] == "a"


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def test_files_that_were_not_read_to_their_end_are_no_verdict(tmp_path: Path) -> None:
    proof = bench(tmp_path, Cut("", "")).prove(change(dockerfile(tmp_path)))
    assert (proof.verdict, proof.rows) == ("not-comparable", ())
    assert proof.reason == "the files of an image could not be read to their end"


class Failing(Recorder):
    """A builder that builds what is from one image, and not what is from the other."""

    def build(self, dockerfile: str, ignored: str, context: str, passed: PassedOn, folder: str) -> Built:
        works = "FROM a" in Path(dockerfile).read_text()
        return Built("f" * 64, 0, "") if works else Built("", 1, NO_SHELL)


def test_what_is_found_in_the_changed_file_predicts_that_it_fails(tmp_path: Path) -> None:
    what = change(dockerfile(tmp_path))
    finding = Finding(7, 12, "needs a shell", rule="shell-needed", level="error")
    moved = Result(what.after, (finding,), (), what.after, kind="dockerfile")
    proofs = [bench(tmp_path, Failing()).prove(one) for one in (what, what._replace(moved=moved))]
    assert [proof.verdict for proof in proofs] == ["broken", "broken"]
    assert [proof.cause for proof in proofs] == ["the image has no shell"] * 2
    assert [proof.predicted for proof in proofs] == ["", "shell-needed on line 2 (in the changed file)"]


class Asked(Builder):
    """A builder that has some images, and says so in its own words."""

    runs = True

    def __init__(self, said: str) -> None:
        super().__init__("docker", Processes(), "x")
        self.said, self.asked = said, 0

    def short(self, *words: str, whole: bool = False, things: int = 1) -> Finished:
        self.asked += 1
        names = words[words.index("--") + 1 :]
        output = "".join(
            f'{{"Id": "{name}!"}}' if "--format" not in words else f"{name}!\n" for name in names if name != "n:1"
        )
        return Finished(int("n:1" in names), output, self.said if "n:1" in names else "")


@pytest.mark.parametrize(
    ("said", "commands"),
    [
        ("Error: No such image: n:1\n", 1),
        ("Error response from daemon: No such image: n:1\n", 1),
        ("Error: inspecting object: n:1: image not known\n", 1),
        ("what nobody knows\n", 4),
    ],
)
def test_which_images_are_there_is_one_command(said: str, commands: int) -> None:
    builder = Asked(said)
    assert builder.ids(["a", "n:1", "b"]) == ["a!", "", "b!"]
    assert builder.asked == commands


def test_a_proof_is_of_the_images_that_were_there_when_it_was_built(tmp_path: Path) -> None:
    builder = Recorder()
    builder.ids = lambda names: [("f" if builder.builds else "e") * 64] * len(names)  # type: ignore[method-assign]
    one, what = bench(tmp_path, builder), change(dockerfile(tmp_path))
    one.expect([what])
    assert dict(one.prove(what).images) == {"a": "f" * 64, "b": "f" * 64}


def test_a_project_that_cannot_be_read_is_told_with_its_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(compose, "project_of", unreadable)
    one, what = bench(tmp_path, Recorder()), change(dockerfile(tmp_path))
    one.expect([what])
    assert one.prove(what).reason == "the context cannot be read: permission denied"


@pytest.mark.parametrize("which", [0, 1])
def test_what_failed_in_the_first_of_two_looks_counts(which: int) -> None:
    looks = [Running("up", health="ok", smoke=("ok", "ok")), Running("up", health="ok", smoke=("ok", "ok"))]
    looks[which] = Running("up", health="timeout", smoke=("ok", "status 500"))
    first, second = (Observed(True, running=one) for one in looks)
    found = worse(first, second).running
    assert found
    assert (found.health, found.smoke) == ("timeout", ("ok", "status 500"))
    after = Observed(True, running=Running("up", health="timeout", smoke=("ok", "status 500")))
    shown = worse(first, second, after).running
    assert shown
    assert (shown.health, shown.smoke) == ("ok", ("ok", "ok")), "what fails after the change alone"


@pytest.mark.parametrize("builder", [Docker, Podman])
def test_a_label_names_no_other_image(builder: type[Builder]) -> None:
    token, mine, other = f"{'0' * 16}.{'1' * 16}", "a" * 64, "b" * 64
    formats: list[str] = []

    def short(*words: str, whole: bool = False, things: int = 1) -> Finished:
        if "--format" not in words:
            return Finished(0, mine, "")
        formats.append(words[words.index("--format") + 1])
        label = json.dumps(f"x\n{token} {other}")
        return Finished(0, f'{label} {mine}\n"{token}" {mine}\n{token} {other}\n"{token}" --all\n"" {other}\n', "")

    one = builder("x", Processes(), "x")
    one.short = short  # type: ignore[method-assign]
    assert one.labelled() == ([(f"x\n{token} {other}", mine), (token, mine)],) * 2
    assert all(one.startswith("{{json (") for one in formats)


def test_the_images_of_a_run_are_asked_for_once(tmp_path: Path) -> None:
    builder = Recorder()
    builder.ids = lambda names: builder.asked.append(tuple(names)) or ["e" * 64] * len(names)  # type: ignore[method-assign, func-returns-value]
    one = bench(tmp_path, builder)
    changes = [change(dockerfile(tmp_path / name, f"FROM a\nFROM {name}\n")) for name in ("x", "y")]
    one.expect(changes)
    assert builder.asked == [("a", "b", "x", "y")]
    builder.asked.clear()
    for what in changes:
        assert dict(one.prove(what).images) == {"a": "e" * 64, "b": "e" * 64, what.before.path.split("/")[-2]: "e" * 64}
    assert [names for names in builder.asked if len(names) == 3] == [("a", "b", "x"), ("a", "b", "y")]
    assert isinstance(builder, Docker)


def test_of_two_stages_with_one_target_a_proof_is_of_the_one_that_moved(tmp_path: Path) -> None:
    text = "FROM a AS one\nFROM a\nFROM c\n"
    before = Source.read(str(dockerfile(tmp_path, text)))
    after = Source.of(before.path, text.replace("FROM a\n", "FROM bb\n").replace("c", "d").encode())
    what = Change(before, after, Result(before, (), (), after, kind="dockerfile"))
    assert bench(tmp_path, Recorder()).prove(what).places == ((19, 19), (26, 27))

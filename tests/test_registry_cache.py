"""The cache of registries' answers: what it holds back, what it never does, and that nothing breaks it."""

import base64
import hashlib
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from echo_migrate.registry.cache import ANONYMOUS, Cache, default_folder
from echo_migrate.registry.client import Client
from echo_migrate.registry.content import OCI_INDEX, OCI_MANIFEST
from echo_migrate.registry.errors import Denied, NotFound, Unreachable
from echo_migrate.registry.limits import Limits
from echo_migrate.registry.logins import Login
from tests.proxy import proxy
from tests.registries import Reply, Request, StandIn

pytestmark = pytest.mark.usefixtures("no_logins")
CONFIG = b'{"os":"linux"}'
LIMITS = Limits(backoff=0.0)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def made(number: int = 0) -> bytes:
    entry = {"mediaType": "x", "digest": digest(CONFIG), "size": len(CONFIG)}
    return json.dumps({"mediaType": OCI_MANIFEST, "config": entry, "layers": [], "number": number}).encode()


class Store:
    """A registry that has a manifest for each tag, tags with an ETag, and referrers; it heeds conditions."""

    def __init__(self) -> None:
        self.tags = {"1": made()}
        self.user = ""

    def __call__(self, request: Request) -> Reply:
        if self.user and request.authorization != f"Basic {base64.b64encode(self.user.encode()).decode()}":
            return Reply(401, b"", {"WWW-Authenticate": "Basic"})
        last = request.path.rpartition("/")[2]
        if request.path == "/v2/":
            return Reply()
        if last == digest(CONFIG):
            return Reply(200, CONFIG)
        if "/referrers/" in request.path:
            return Reply(200, b'{"manifests":[]}', {"Content-Type": OCI_INDEX})
        if last == "list":
            names = json.dumps({"tags": sorted(self.tags)}).encode()
            return self.on_condition(request, names, f'"{hashlib.sha256(names).hexdigest()}"', {})
        content = {**self.tags, **{digest(one): one for one in self.tags.values()}}.get(last)
        if content is None:
            return Reply(404)
        headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": digest(content)}
        return self.on_condition(request, content, f'"{digest(content)}"', headers)

    def on_condition(self, request: Request, content: bytes, etag: str, headers: dict[str, str]) -> Reply:
        if request.headers.get("if-none-match") == etag:
            return Reply(304, b"", headers)
        return Reply(200, content, {**headers, "Etag": etag})


def everything(client: Client, name: str) -> list[Any]:
    manifest = client.manifest(name, "1")
    assert manifest.config
    return [
        client.head(name, "1"),
        manifest,
        client.manifest(name, manifest.digest),
        client.blob(name, manifest.config.digest),
        client.tags(name),
        client.referrers(name, manifest.digest),
    ]


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    folder = str(tmp_path / "cache")
    with StandIn(Store()) as server:
        name = f"{server.host}/echo/x"
        with Client(Cache(folder)) as client:
            first = everything(client, name)
            asked = len(server.asked)
            assert everything(client, name) == first
            assert len(server.asked) == asked == 4
        for offline in (False, True):
            with Client(Cache(folder), offline=offline) as client:
                assert everything(client, name) == first
        assert len(server.requests) == asked + 1, "the registry is greeted by the first run alone"


def test_a_registry_to_which_there_is_no_way_is_not_tried_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection to it is made for a while, but nothing that was answered is forgotten, and --refresh tries."""

    def ask(silence: float = 60.0, refresh: bool = False) -> str:
        with Client(Cache(str(tmp_path)), limits=LIMITS, silence=silence, refresh=refresh) as client:
            for _ in range(2):
                with pytest.raises(Unreachable) as caught:
                    client.manifest("registry.example/app", "1")
            return f"{caught.value.message}; {caught.value.remedy}"

    with proxy({}) as way:
        monkeypatch.setenv("HTTPS_PROXY", way.address)
        assert "asked again" not in ask()
        first = len(way.asked)
        assert first >= 1
        assert ask().endswith("it is asked again after 60 s, or with --refresh")
        assert len(way.asked) == first
        ask(refresh=True)
        assert len(way.asked) == 2 * first
        ask(silence=0.0)
        assert len(way.asked) > 2 * first


def test_a_registry_of_this_machine_is_tried_each_time(tmp_path: Path) -> None:
    with StandIn(Store()) as registry:
        host = registry.host
    for _ in range(2):
        with (
            Client(Cache(str(tmp_path)), limits=LIMITS, silence=60.0) as client,
            pytest.raises(Unreachable, match="no connection"),
        ):
            client.manifest(f"{host}/app", "1")
    with Client(Cache(str(tmp_path)), limits=LIMITS, silence=60.0) as client:
        assert client.silent(host) is None


def test_without_a_cache_everything_is_asked() -> None:
    with StandIn(Store()) as server, Client() as client:
        for _ in range(2):
            everything(client, f"{server.host}/echo/x")
        assert len(server.asked) == 12


@pytest.mark.parametrize("more", [{"refresh": True}, {"age": -1.0}])
def test_what_may_have_changed_is_asked_again_and_content_is_not(tmp_path: Path, more: dict[str, Any]) -> None:
    folder, store = str(tmp_path / "cache"), Store()
    with StandIn(store) as server:
        name = f"{server.host}/echo/x"
        with Client(Cache(folder)) as client:
            first = everything(client, name)
        server.requests.clear()
        with Client(Cache(folder), **more) as client:
            assert everything(client, name) == first
        conditions = [one.headers["if-none-match"] for one in server.requests if "if-none-match" in one.headers]
        assert len(conditions) == 2, "of the tag, and of the list of tags"
        assert not any(digest(CONFIG) in path or "sha256" in path.partition("manifests")[2] for _, path in server.asked)
        store.tags |= {"1": made(1), "2": made(2)}
        with Client(Cache(folder), **more) as client:
            assert client.manifest(name, "1").digest == digest(made(1))
            assert client.head(name, "1").digest == digest(made(1))
            assert client.tags(name) == ["1", "2"]


def test_offline_nothing_is_asked(tmp_path: Path) -> None:
    with StandIn(Store()) as server, Client(Cache(str(tmp_path / "cache")), offline=True) as client:
        name = f"{server.host}/echo/x"
        for ask in (
            lambda: client.head(name, "1"),
            lambda: client.tags(name),
            lambda: client.blob(name, digest(CONFIG)),
        ):
            with pytest.raises(Unreachable, match=f"{name}: not in the cache") as raised:
                ask()
            assert "--offline" in raised.value.remedy
        assert server.requests == []


def test_what_is_missing_is_asked_again(tmp_path: Path) -> None:
    store = Store()
    with StandIn(store) as server:
        for _ in range(2):
            with Client(Cache(str(tmp_path / "cache"))) as client, pytest.raises(NotFound):
                client.head(f"{server.host}/echo/x", "2")
        store.tags["2"] = made(2)
        with Client(Cache(str(tmp_path / "cache"))) as client:
            assert client.head(f"{server.host}/echo/x", "2").digest == digest(made(2))


def test_no_answer_to_another_account_is_taken(tmp_path: Path, no_logins: Path) -> None:
    """Nor what another repository has given, though its digest be the same."""
    folder, store = str(tmp_path / "cache"), Store()

    def log_in(user: str) -> None:
        store.user = user
        entry = {server.host: {"auth": base64.b64encode(user.encode()).decode()}} if user else {}
        (no_logins / ".docker").mkdir(exist_ok=True)
        (no_logins / ".docker" / "config.json").write_text(json.dumps({"auths": entry}))

    with StandIn(store) as server:
        name = f"{server.host}/echo/x"
        accounts = set()
        for user in ("turing:first-secret", "turing:second-secret", "lovelace:first-secret", ""):
            log_in(user)
            server.requests.clear()
            with Client(Cache(folder)) as client:
                everything(client, name)
                assert len(server.asked) >= 4
                accounts.add(client.account(name))
            with Client(Cache(folder), offline=True) as client:
                everything(client, name)
        assert len(accounts) == 4
        assert ANONYMOUS in accounts
        store.user = "turing:first-secret"
        with Client(Cache(folder)) as client, pytest.raises(Denied):
            client.blob(f"{server.host}/echo/other", digest(CONFIG))
    texts = [path.read_bytes() + os.fsencode(path) for path in Path(folder).rglob("*") if path.is_file()]
    for secret in ("turing", "lovelace", "first-secret", base64.b64encode(b"turing:first-secret").decode().lower()):
        assert not any(secret.encode() in text.lower().replace(b"anonymous", b"") for text in texts), secret


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "salt"]


@pytest.mark.parametrize("how", ["empty", "cut", "changed", "garbage", "a folder", "a link", "a pipe", "another's"])
def test_corrupt_entries_count_as_absent(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "cache"
    with StandIn(Store()) as server:
        name = f"{server.host}/echo/x"
        with Client(Cache(str(folder))) as client:
            first = everything(client, name)
        every = files(folder)
        assert len(every) >= 6
        for path, other in zip(every, [*every[1:], every[0]], strict=True):
            corrupt(path, other, how)
        asked = len(server.asked)
        with Client(Cache(str(folder))) as client:
            assert everything(client, name) == first
        assert len(server.asked) > asked


def corrupt(path: Path, other: Path, how: str) -> None:
    data = path.read_bytes() if path.is_file() else b""
    path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how == "a link":
        path.symlink_to("/etc/passwd")
    elif how == "a pipe":
        os.mkfifo(path)
    elif how == "another's":
        path.write_bytes(other.read_bytes() if other.is_file() else b"")
    else:
        shorter = {"empty": b"", "cut": data[:-3], "changed": data[:-3] + b"xxx", "garbage": os.urandom(200)}
        path.write_bytes(shorter[how])


@pytest.mark.parametrize(
    "value",
    [
        '{"key":["a"],"at":1e300,"etag":"","value":1}',
        '{"key":["a"],"at":"x","etag":"","value":1}',
        '{"key":["b"],"at":1,"etag":"","value":1}',
        "[]",
        "7",
        "",
        '{"key":' + "[" * 100_000,
    ],
)
def test_entries_of_other_forms_count_as_absent(tmp_path: Path, value: str) -> None:
    cache = Cache(str(tmp_path))
    cache.keep_answer(("a",), 1)
    (path,) = (tmp_path / "registry-1" / "answers").iterdir()
    assert cache.answer("a")
    path.write_bytes(hashlib.sha256(value.encode()).hexdigest().encode() + b"\n" + value.encode())
    assert cache.answer("a") is None


def test_values_of_other_types_count_as_absent(tmp_path: Path) -> None:
    """As an older version may have left them under the same keys."""
    cache = Cache(str(tmp_path))
    with StandIn(Store()) as server:
        name = f"{server.host}/echo/x"
        place = (server.host, "echo/x", ANONYMOUS)
        for key in ("head", "manifest", "tags"):
            for value in (7, ["x", 1], ["x", "y", None], [1, 2, 3], None, {"a": 1}, "text"):
                cache.keep_answer((*place, key, "1") if key != "tags" else (*place, key), value)
                with Client(cache) as client:
                    assert client.head(name, "1").digest == digest(made())
                    assert client.manifest(name, "1").digest == digest(made())
                    assert client.tags(name) == ["1"]


def test_ages(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    cache.keep_answer(("a", "b"), {"x": 1}, '"tag"')
    found = cache.answer("a", "b")
    assert found
    assert (found.value, found.etag) == ({"x": 1}, '"tag"')
    assert found.age >= 0
    assert cache.answer("a\nb") is None, "keys are not joined"
    cache.keep_answer(("a\nb",), 2)
    assert cache.answer("a", "b") is None, "the file is the same, the key is not"


def test_content_is_verified(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    cache.keep_content(digest(b"x"), b"y")
    assert cache.content(digest(b"x")) is None
    cache.keep_content(digest(b"x"), b"x")
    assert cache.content(digest(b"x")) == b"x"
    long = f"sha512:{hashlib.sha512(b'x').hexdigest()}"
    cache.keep_content(long, b"x")
    assert cache.content(long) == b"x"
    assert cache.content("sha256:../../x") is None


def test_it_is_the_users_alone(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "new"))
    cache.keep_answer(("a",), 1)
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "new").rglob("*")} <= {"0o700", "0o600"}
    for mode in (0o777, 0o720):
        open_to_all = tmp_path / f"mode-{mode}" / "registry-1"
        open_to_all.mkdir(parents=True)
        open_to_all.chmod(mode)
        cache = Cache(str(open_to_all.parent))
        cache.keep_answer(("a",), 1)
        assert cache.answer("a") is None
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "registry-1").symlink_to(tmp_path / "new" / "registry-1")
    assert Cache(str(tmp_path / "link")).answer("a") is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (str(tmp_path / "file"), str(tmp_path / "file" / "x"), "/dev/null/x", "x\0y"):
        cache = Cache(folder)
        cache.keep_answer(("a",), 1)
        cache.keep_content(digest(b"x"), b"x")
        assert cache.answer("a") is None
        assert cache.content(digest(b"x")) is None
        assert cache.account("a.example", Login("a", "b")) != ANONYMOUS
        cache.prune()


def test_the_oldest_go_first(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path), most=2500)
    for number in range(5):
        cache.keep_content(digest(bytes([number]) * 800), bytes([number]) * 800)
    contents = sorted((tmp_path / "registry-1" / "content").iterdir())
    for path in contents:
        first = path.read_bytes()[-1]
        os.utime(path, (1000 + first, 1000 + first))
    left = tmp_path / "registry-1" / "content" / f".{'0' * 16}"
    left.write_bytes(b"half")
    fresh = tmp_path / "registry-1" / "answers" / f".{'1' * 16}"
    fresh.write_bytes(b"half")
    os.utime(left, (1, 1))
    cache.prune()
    assert [cache.content(digest(bytes([number]) * 800)) is not None for number in range(5)] == [False] * 3 + [True] * 2
    assert not left.exists()
    assert fresh.exists(), "another run is writing it"
    few = Cache(str(tmp_path), files=1)
    few.keep_answer(("a",), 1)
    few.prune()
    assert len([path for path in files(tmp_path) if path != fresh]) <= 1


def test_a_run_that_writes_nothing_removes_nothing(tmp_path: Path) -> None:
    Cache(str(tmp_path)).keep_content(digest(b"x"), b"x")
    reading = Cache(str(tmp_path), most=0)
    assert reading.content(digest(b"x")) == b"x"
    reading.prune()
    assert reading.content(digest(b"x")) == b"x"


def write_and_read(folder: str) -> int:
    """What one of several runs does at the same time as the others; how many of its readings were other than whole."""
    cache = Cache(folder, most=20_000)
    wrong = 0
    for number in range(40):
        cache.keep_answer(("a", str(number % 5)), ["value"] * 50)
        cache.keep_content(digest(b"x" * 500), b"x" * 500)
        found, kept = cache.answer("a", str(number % 5)), cache.content(digest(b"x" * 500))
        wrong += found is not None and found.value != ["value"] * 50
        wrong += kept not in (None, b"x" * 500)
        if number % 10 == 0:
            cache.prune()
    cache.account("a.example", Login("a", "b"))
    return wrong


def test_concurrent_runs(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3) as processes, ThreadPoolExecutor(3) as threads:
        folders = [str(tmp_path)] * 3
        assert [*processes.map(write_and_read, folders), *threads.map(write_and_read, folders)] == [0] * 6
    accounts = {Cache(str(tmp_path)).account("a.example", Login("a", "b")) for _ in range(3)}
    assert len(accounts) == 1, "all have the salt of the folder"
    assert not [path for path in files(tmp_path) if path.name.startswith(".")]


def test_the_time_of_an_entry_may_not_be_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, now = Cache(str(tmp_path)), time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now + 1000)
        cache.keep_answer(("a",), 1)
    assert cache.answer("a") is None


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"HOME": "/h"}, "/h/.cache/echo-migrate"),
        ("linux", {"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/echo-migrate"),
        ("linux", {"HOME": "/h", "XDG_CACHE_HOME": "c"}, "/h/.cache/echo-migrate"),
        ("darwin", {"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/h/Library/Caches/echo-migrate"),
        ("win32", {"HOME": "/h", "LOCALAPPDATA": "/local"}, "/local/echo-migrate"),
        ("win32", {"HOME": "/h"}, None),
    ],
)
def test_the_folder(
    platform: str, variables: dict[str, str], folder: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert default_folder() == folder

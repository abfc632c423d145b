"""What differs between the image before and after, and the verdict of that. The verdict comes from the builds and from
what ran, never from findings."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from echo_migrate.proof.container import Running, Smoke
from echo_migrate.proof.failure import Failure
from echo_migrate.proof.image import Config, Files, tops

Verdict = Literal["same", "differs", "broken", "not-comparable", "not-checked"]
VERDICTS: tuple[Verdict, ...] = ("same", "differs", "broken", "not-comparable", "not-checked")
"""The verdicts, best first."""

Weight = Literal["broken", "differs", "information"]

_CHANGING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{7,64}\b|\d+(?:\.\d+)*", re.IGNORECASE)
_MOST_SHOWN = 3
_MOST_OUTPUT = 20
_LONGEST = 160
_PASSING = re.compile(
    r"/(?:tmp|run|proc|sys|dev|var/run|var/tmp)(?:/|$)|/__pycache__(?:/|$)|/etc/(?:passwd|group|hosts)$"
)
"""Paths that a container may write and nobody misses; podman itself writes those in /etc."""

_ROOT = ("", "0", "root")


class Row(NamedTuple):
    """A difference, and how much it weighs."""

    name: str
    before: str
    after: str
    weight: Weight = "differs"


class Observed(NamedTuple):
    """A build, and what is known of its image. ``failure`` is set if there is none, or if it did not start; ``cut``
    tells that its files were not read to their end."""

    built: bool
    failure: Failure | None = None
    config: Config = Config()
    files: Files | None = None
    running: Running | None = None
    cut: bool = False


_UNBUILT = Observed(False)


def compare(before: Observed, after: Observed, smoke: Sequence[Smoke] = ()) -> tuple[Verdict, str, list[Row]]:
    """Return the verdict, why, and the differences."""
    for one, which in ((before, "before"), (after, "after")):
        pull = one.failure.cause.pull if not one.built and one.failure and one.failure.cause else ""
        if pull in ("login", "network", "unreachable") or (pull == "missing" and which == "before"):
            return "not-checked", _PULLS[pull], [_unbuilt(one.failure)]
    if not before.built:
        return "not-comparable", "the build fails before the change, too", [_unbuilt(before.failure)]
    if not after.built:
        return "broken", "the build fails", [Row("build", "ok", _failed(after.failure), "broken")]
    unmet = [one.running.message for one in (before, after) if one.running and one.running.start == "unmet"]
    rows = [*_of_config(before.config, after.config)]
    if unmet:
        return "not-comparable", unmet[0], rows
    rows += _of_running(before, after, smoke)
    if before.files and after.files:
        alike = {_user(one.config.user) for one in (before, after)} == {"root"}
        rows += _of_files(before.files, after.files, "information" if alike else "differs")
    order = {"broken": 0, "differs": 1, "information": 2}
    rows.sort(key=lambda row: order[row.weight])
    weights = {row.weight for row in rows}
    if "broken" in weights:
        return "broken", _because(row for row in rows if row.weight == "broken"), rows
    if (reason := _incomparable(before.running, smoke)) is not None:
        return "not-comparable", reason, rows
    if before.cut or after.cut:
        return "not-comparable", "the files of an image could not be read to their end", rows
    if "differs" in weights:
        return "differs", _because(row for row in rows if row.weight == "differs"), rows
    unstarted = after.running.message if after.running and after.running.start in ("not-run", "nothing") else ""
    return "same", unstarted and f"as built: {unstarted}", rows


_PULLS = {
    "login": "the registry wants a login",
    "unreachable": "the registry cannot be reached",
    "missing": "an image of the file is not there",
    "network": "the build cannot reach the network",
}


def _because(rows: Iterable[Row]) -> str:
    return ", ".join(dict.fromkeys(row.name for row in rows))


def _unbuilt(failure: Failure | None) -> Row:
    return Row("build", _failed(failure), "", "information")


def _failed(failure: Failure | None) -> str:
    if failure is None:
        return "fails"
    where = f"line {failure.line}: " if failure.line else ""
    return f"{where}{failure.message}"


def _incomparable(before: Running | None, smoke: Sequence[Smoke]) -> str | None:
    """Return why nothing can be said of how it runs, or None: it has to run before the change."""
    if before is None:
        return None
    if before.start == "failed":
        return "it does not start before the change, either"
    if before.code and before.start == "exited":
        return f"it ends with {before.code} before the change, too"
    failing = [one.title for one, said in zip(smoke, before.smoke, strict=False) if said != "ok"]
    return f"smoke test {failing[0]} fails before the change, too" if failing else None


def _of_config(before: Config, after: Config) -> Iterator[Row]:
    if _user(before.user) != _user(after.user):
        yield Row("user", before.user or "root", after.user or "root")
    pairs: list[tuple[str, Callable[[Config], object]]] = [
        ("entrypoint", lambda one: _listed(one.entrypoint)),
        ("command", lambda one: _listed(one.command)),
        ("workdir", lambda one: one.folder),
        ("ports", lambda one: ", ".join(one.ports)),
        ("volumes", lambda one: ", ".join(one.volumes)),
        ("healthcheck", lambda one: _listed(one.health)),
        ("stop signal", lambda one: one.stop_signal),
    ]
    for name, part in pairs:
        old, new = str(part(before)), str(part(after))
        if old != new:
            yield Row(name, old or "none", new or "none")
    yield from _of_environment(dict(before.environment), dict(after.environment))
    if before.size and after.size:
        yield Row("size", _megabytes(before.size), _megabytes(after.size), "information")
    if before.layers != after.layers:
        yield Row("layers", str(before.layers), str(after.layers), "information")


def _user(name: str) -> str:
    """Return a user without group 0, by which root's many names are one."""
    user, _, group = name.partition(":")
    return "root" if user in _ROOT and group in _ROOT else name


def _of_environment(before: dict[str, str], after: dict[str, str]) -> Iterator[Row]:
    """Yield the names of the variables that differ; of values only those of PATH, which holds no secret."""
    old, new = ([*dict.fromkeys(one.get("PATH", "").split(":"))] for one in (before, after))
    if set(old) - set(new):
        yield Row("PATH", ":".join(old), ":".join(new))
    gone = sorted(before.keys() - after.keys() - {"PATH"})
    if gone:
        yield Row("environment", _few(gone), "not set")
    both = sorted(before.keys() & after.keys() - {"PATH"})
    changed = [name for name in both if _plain(before[name]) != _plain(after[name])]
    if changed:
        yield Row("environment", _few(changed), "other values")
    if added := sorted(after.keys() - before.keys()):
        yield Row("environment", "", f"also {_few(added)}", "information")


def _of_running(first: Observed, second: Observed, smoke: Sequence[Smoke]) -> Iterator[Row]:
    before, after = first.running, second.running
    if before is None or after is None:
        return
    old, new = _started(before), _started(after)
    ran, runs = (one.start == "up" or (one.start == "exited" and one.code == 0) for one in (before, after))
    if old != new:
        told = f": {_short(second.failure.message)}" if second.failure and second.failure.message and not runs else ""
        yield Row("start", old, f"{new}{told}", "broken" if ran and not runs else "differs")
    if before.health and before.health != after.health and "ok" in (before.health, after.health):
        weight: Weight = "broken" if before.health == "ok" else "differs"
        yield Row("health", _checked(before.health), _checked(after.health), weight)
    for test, one, other in zip(smoke, before.smoke, after.smoke, strict=False):
        if (one == "ok") != (other == "ok"):
            yield Row(f"smoke test {test.title}", _short(one), _short(other), "broken" if one == "ok" else "differs")
    if runs or not ran:
        yield from _of_output(before, after)


def _of_output(before: Running, after: Running) -> Iterator[Row]:
    gone, added = _new(after.output, before.output), _new(before.output, after.output)
    if gone or added:
        yield Row("output", _few(gone, "\n") or "-", _few(added, "\n") or "-")
    if added := _new(before.errors, after.errors):
        yield Row("standard error", "", _few(added, "\n"))
    paths = {_plain(path) for path in after.written}
    lost = [path for path in lasting(before) if _plain(path) not in paths]
    if lost:
        yield Row("writes", _few(tops(lost)), "not written")


def lasting(running: Running | None) -> list[str]:
    """Return what a container wrote and somebody may miss: what does not lie where files pass, without the folders that
    it lies in."""
    written = running.written if running else ()
    parents = {parent for path in written for parent in _parents(path)}
    return [path for path in written if path not in parents and not _PASSING.search(path)]


def doubtful(before: Observed, after: Observed) -> bool:
    """Return whether two that stay up printed or wrote something else, of which one may only be late."""
    one, other = before.running, after.running
    return bool(one and other and one.start == other.start == "up" and any(_of_output(one, other)))


def worse(first: Observed, second: Observed, after: Observed = _UNBUILT) -> Observed:
    """Return the second of two looks at an image that stayed up in the first, with the files that only the first reads,
    and with what failed in one of the two. Of the image before, what fails ``after`` the change is what passed in one
    of them."""
    one, other, then = first.running, second.running, after.running or Running("up")
    second = second._replace(files=first.files, cut=first.cut)
    if one is None or other is None:
        return second
    health = _of_two(one.health, other.health, then.health not in ("", "ok"))
    failing = [said != "ok" for said in then.smoke] or [False] * len(other.smoke)
    smoke = tuple(map(_of_two, one.smoke, other.smoke, failing))
    return second._replace(failure=second.failure or first.failure, running=other._replace(health=health, smoke=smoke))


def _of_two(one: str, other: str, passing: bool) -> str:
    return next((said for said in (one, other) if (said in ("", "ok")) == passing), other)


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _new(before: str, after: str) -> list[str]:
    """Return the lines among the first that are new, numbers and hashes aside."""
    known = {_plain(line) for line in before.split("\n")}
    lines = [line.strip() for line in after.split("\n")[:_MOST_OUTPUT] if line.strip()]
    return [_short(line) for line in lines if _plain(line) not in known and _plain(f"{line}\r") not in known]


def _of_files(before: Files, after: Files, owner: Weight) -> Iterator[Row]:
    """Yield what differs in the files; who owns them is as important as ``owner`` says: to root it is of no matter."""
    if len(before.packages) != len(after.packages):
        yield Row("packages", str(len(before.packages)), str(len(after.packages)), "information")
    if added := sorted(after.privileged - before.privileged):
        yield Row("set-uid", "", _few([f"/{path}" for path in added]))
    if removed := sorted(before.privileged - after.privileged):
        yield Row("set-uid", _few([f"/{path}" for path in removed]), "-", "information")
    if added := tops(after.open - before.open):
        yield Row("writable by all", "", _few([f"/{path}" for path in added]))
    common = before.owners.keys() & after.owners.keys()
    other = tops(path for path in common if before.owners[path] != after.owners[path])
    if other:
        shown = [f"/{path} {before.owners[path][0]}:{before.owners[path][1]}" for path in other]
        then = [f"/{path} {after.owners[path][0]}:{after.owners[path][1]}" for path in other]
        yield Row("owner", _few(shown), _few(then), owner)


def _started(one: Running) -> str:
    if one.start == "exited":
        return f"ended with {one.code}"
    return {"up": "stays up", "failed": "does not start", "nothing": one.message, "not-run": one.message}.get(
        one.start, one.message
    )


def _checked(said: str) -> str:
    return "healthy" if said == "ok" else f"unhealthy: {_short(said)}"


def _plain(text: str) -> str:
    return _CHANGING.sub("#", text.strip())


def _listed(words: Sequence[str]) -> str:
    import json

    return json.dumps(list(words), ensure_ascii=False) if words else ""


def _few(names: Sequence[str], between: str = ", ") -> str:
    more = len(names) - _MOST_SHOWN
    return between.join(names[:_MOST_SHOWN]) + (f"{between}and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    line = lines[-1] if lines else ""
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"

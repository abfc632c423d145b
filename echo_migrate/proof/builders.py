"""Builders, by their own command lines: docker, podman and buildah."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, NamedTuple

from echo_migrate.proof.processes import Finished, Processes

NAMES = ("docker", "podman", "buildah")
STEPS = ("podman", "buildah")
"""The builders that run the steps of a build themselves: one that is ended leaves the container of a step, which has no
label, and one of which a step fails removes it."""

LABEL = "io.echo-migrate.prove"
"""The label of all images and containers that a proof makes; its value names the run."""

NETWORK = "echo-migrate-prove-"
"""How the names of networks begin that a proof makes; the token of the run follows."""

SHORT = 60.0
"""The seconds after which a command that is no build and no start counts as lost."""

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_ABSENT = re.compile(r"(?m)(?:[Nn]o such image: |inspecting object: )(\S+?)(?:: image not known)?$")


class NoBuilder(Exception):
    """No builder can be used; the message says why."""


class PassedOn(NamedTuple):
    """The options of a build that are handed to the builder as they are."""

    arguments: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    network: str = ""
    target: str = ""
    platform: str = ""
    pull: bool = False
    timeout: float = 1800

    def words(self) -> list[str]:
        """Return them as words of a command line."""
        pairs = [("--build-arg", one) for one in self.arguments]
        pairs += [("--secret", one) for one in self.secrets] + [("--ssh", one) for one in self.ssh]
        pairs += [("--target", self.target)] * bool(self.target) + [("--platform", self.platform)] * bool(self.platform)
        pairs += [("--network", self.network)] * bool(self.network)
        return [word for pair in pairs for word in pair] + ["--pull"] * self.pull


class Given(NamedTuple):
    """What a container is given beside its image: options of the builder and a command; with ``network``, the options
    have one."""

    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    network: bool = False


NOTHING = Given()


class Built(NamedTuple):
    """The result of a build: the id of the image, "" if it failed. ``code`` is None if it took too long."""

    id: str
    code: int | None
    log: str


class State(NamedTuple):
    """The state of a container. ``ports`` are those that are reached from outside, by port of the container."""

    running: bool
    code: int
    error: str
    host_network: bool = False
    ports: Mapping[int, int] = {}


class Builder:
    """A builder of images, which may also run them. What it makes is labelled with the run's ``token``."""

    runs = True
    """Whether it starts containers as they are started in production."""

    label_of = f'.Label "{LABEL}"'
    """How the list of containers gives the label."""

    def __init__(self, name: str, processes: Processes, token: str) -> None:
        self.name = name
        self.processes = processes
        self.token = token
        self.label = f"{LABEL}={token}"
        self.environment: dict[str, str] = {}
        self.made = False
        """Whether it was asked to make anything, which is then to be removed."""

    def short(self, *words: str, whole: bool = False, things: int = 1) -> Finished:
        """Run one of the builder's quick commands, on a number of things."""
        limit = SHORT * things
        return self.processes.call([self.name, *words], limit, whole=whole, environment=self.environment)

    def version(self) -> str:
        """Return the version of the builder. Raises ``NoBuilder`` if it does not work."""
        done = self.short("version", "--format", "{{.Client.Version}}")
        if done.code != 0:
            raise NoBuilder(_last_line(done.text) or f"{self.name} version failed")
        return f"{self.name} {done.output.strip()}"

    def build(self, dockerfile: str, ignored: str, context: str, passed: PassedOn, folder: str) -> Built:
        """Build an image. ``dockerfile`` is a path outside of the context, ``ignored`` that of the ignore file that is
        this Dockerfile's own, or "", and ``folder`` one for files of the build."""
        result = os.path.join(folder, "id")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(result)
        self.made = True
        words = [*self._build_words(ignored), "--file", dockerfile, "--iidfile", result, "--label", self.label]
        words += [*passed.words(), "--", context]
        steps = self.name in STEPS
        done = self.processes.call(words, passed.timeout, merged=True, steps=steps, environment=self.environment)
        return Built(_id(_content(result)) if done.code == 0 else "", done.code, done.output)

    def _build_words(self, ignored: str) -> list[str]:
        raise NotImplementedError

    def inspect(self, id: str) -> dict[str, Any]:
        """Return what the builder knows of an image; empty if there is no such image."""
        return _first(self.short("image", "inspect", "--", id))

    def ids(self, names: Sequence[str]) -> list[str]:
        """Return the ids of images, "" for each that is not there. It takes one command, unless what the builder says
        of those that are not there is not understood."""
        done = self.short("image", "inspect", "--format", "{{.Id}}", "--", *names) if names and self.runs else None
        if done:
            there = [name for name in names if name not in _ABSENT.findall(done.errors)]
            found = done.output.split()
            if len(found) == len(there):
                known = dict(zip(there, found, strict=True))
                return [known.get(name, "") for name in names]
        return [str(self.inspect(name).get("Id") or "") for name in names]

    def create(self, id: str, passed: PassedOn, ports: Sequence[int], given: "Given") -> tuple[str, str]:
        """Create a container; return its id, "" if that failed, and the builder's message."""
        words = ["create", "--label", self.label, "--no-healthcheck", "--pull", "never", *given.options]
        words += ["--network", passed.network] if passed.network and not given.network else []
        words += ["--platform", passed.platform] if passed.platform else []
        for port in ports:
            words += ["--publish", f"127.0.0.1::{port}"]
        done = self.short(*words, "--", id, *given.command, whole=True)
        return (_id(done.output.strip().rpartition("\n")[2]) if done.code == 0 else ""), done.errors

    def pull(self, image: str, timeout: float) -> None:
        """Pull an image, if that is possible."""
        self.processes.call([self.name, "pull", "--", image], timeout, environment=self.environment)

    def add_network(self) -> tuple[str, str]:
        """Create a network; return its name, "" if that failed, and the builder's message."""
        name = f"{NETWORK}{self.token}.{os.urandom(4).hex()}"
        done = self.short("network", "create", "--label", self.label, name, whole=True)
        return (name if done.code == 0 else ""), _last_line(done.errors)

    def networks(self) -> list[tuple[str, str]]:
        """Return the networks of all runs, each as the token of its run and its name."""
        listed = self.short("network", "ls", "--filter", f"name={NETWORK}", "--format", "{{.Name}}", whole=True)
        names = [line.strip() for line in listed.output.split("\n") if line.startswith(NETWORK)]
        return [(name.removeprefix(NETWORK).rpartition(".")[0], name) for name in names]

    def remove_network(self, name: str) -> None:
        """Remove a network."""
        self.short("network", "rm", name, whole=True)

    def start(self, container: str) -> str:
        """Start a container; return why it did not, or ""."""
        done = self.short("start", container)
        return "" if done.code == 0 else done.text

    def state(self, container: str) -> State:
        """Return the state of a container."""
        found = _first(self.short("container", "inspect", container))
        state = found.get("State") or {}
        given = (found.get("NetworkSettings") or {}).get("Ports") or {}
        ports = {}
        for name, places in given.items():
            with contextlib.suppress(ValueError, KeyError, IndexError, TypeError):
                ports[int(name.partition("/")[0])] = int(places[0]["HostPort"])
        host = (found.get("HostConfig") or {}).get("NetworkMode") == "host"
        error = str(state.get("Error") or ("out of memory" if state.get("OOMKilled") else ""))
        return State(bool(state.get("Running")), int(state.get("ExitCode") or 0), error, host, ports)

    def wait(self, container: str, seconds: float) -> None:
        """Wait until a container ends, at most for some seconds."""
        self.processes.call([self.name, "wait", container], seconds, environment=self.environment)

    def logs(self, container: str) -> tuple[str, str]:
        """Return the standard output and the standard error of a container."""
        done = self.short("logs", container)
        return done.output, done.errors

    def execute(self, container: str, words: Sequence[str], timeout: float) -> Finished:
        """Run a command in a container that runs."""
        return self.processes.call([self.name, "exec", container, *words], timeout, environment=self.environment)

    def written(self, container: str) -> list[str]:
        """Return the paths that were added or changed in a container since its start."""
        done = self.short("diff", container)
        return [line[2:] for line in done.output.split("\n") if line[:2] in ("A ", "C ")]

    def export(self, container: str, read: Callable[[IO[bytes]], object], timeout: float) -> bool:
        """Have the files of a container read, as a tar archive. Returns whether it was read to its end."""
        words = [self.name, "export", container]
        return self.processes.call(words, timeout, read=read, environment=self.environment).code == 0

    def copy(self, container: str, path: str, read: Callable[[IO[bytes]], object]) -> None:
        """Have a folder of a container read, as a tar archive."""
        words = [self.name, "cp", f"{container}:{path}", "-"]
        self.processes.call(words, SHORT, read=read, environment=self.environment)

    def remove_containers(self, *containers: str) -> None:
        """Remove containers, and what runs in them."""
        self.short("rm", "--force", "--volumes", *containers, whole=True, things=len(containers))

    def remove_images(self, *ids: str) -> None:
        """Remove images; one that has got a name of its own since is kept."""
        self.short("rmi", *ids, whole=True, things=len(ids))

    def labelled(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the containers and the images of all runs, each as the token of its run and its id."""
        format = f"{{{{json ({self.label_of})}}}} {{{{.ID}}}}"
        containers = self.short(
            "ps", "--all", "--no-trunc", "--filter", f"label={LABEL}", "--format", format, whole=True
        )
        words = ("images", "--no-trunc", "--quiet", "--filter", f"label={LABEL}")
        ids = list(dict.fromkeys(self.short(*words, whole=True).output.split()))
        return _pairs(containers.output), self._tokens(ids)

    def _tokens(self, ids: list[str]) -> list[tuple[str, str]]:
        """Return images, each with the token of the run that made it before; those that are gone by now are left
        out."""
        format = f'{{{{json (index .Config.Labels "{LABEL}")}}}} {{{{.Id}}}}'
        words = ("image", "inspect", "--format", format)
        return _pairs(self.short(*words, *ids, whole=True).output) if ids else []


class Docker(Builder):
    """Docker, with BuildKit where there is one."""

    def version(self) -> str:
        """Return the version of the builder. Raises ``NoBuilder`` if it does not work, or no daemon answers."""
        done = self.short("version", "--format", "{{.Client.Version}} {{.Server.Version}}")
        if done.code != 0:
            raise NoBuilder(_last_line(done.text) or "docker version failed")
        self.environment = {"DOCKER_CLI_HINTS": "false"}
        self.kind = "legacy builder"
        if self.short("buildx", "version").code == 0:
            self.kind = "buildx"
        elif os.environ.get("DOCKER_BUILDKIT", "") not in ("0", "false"):
            self.environment["DOCKER_BUILDKIT"] = "1"  # a client of before 23.0 has it built in, a later one has not
            if "--progress" in self.short("build", "--help").output:
                self.kind = "BuildKit"
            else:
                self.environment["DOCKER_BUILDKIT"] = "0"
        return f"docker {done.output.split()[-1]} ({self.kind})"

    def _build_words(self, ignored: str) -> list[str]:
        # BuildKit takes the ignore file beside a Dockerfile; the older builder knows none
        if self.kind == "legacy builder":
            return ["docker", "build", "--force-rm"]
        return ["docker", *(("buildx", "build", "--load") if self.kind == "buildx" else ("build",)), "--progress=plain"]


class Podman(Builder):
    """Podman."""

    label_of = f'index .Labels "{LABEL}"'

    def _build_words(self, ignored: str) -> list[str]:
        # HEALTHCHECK and SHELL are kept in Docker's format alone
        return ["podman", "build", "--format=docker", *(("--ignorefile", ignored) if ignored else ())]

    def remove_containers(self, *containers: str) -> None:
        """Remove containers, and what runs in them."""
        words = ("rm", "--force", "--time", "0", "--volumes")
        self.short(*words, *containers, whole=True, things=len(containers))


class Buildah(Builder):
    """Buildah, which builds images and starts nothing."""

    runs = False

    def version(self) -> str:
        """Return the version of the builder. Raises ``NoBuilder`` if it does not work."""
        done = self.short("version", "--json")
        with contextlib.suppress(ValueError, AttributeError):
            return f"buildah {json.loads(done.output).get('version', '')}"
        raise NoBuilder(_last_line(done.text) or "buildah version failed")

    def _build_words(self, ignored: str) -> list[str]:
        # as above; without layers, each build runs everything anew, and with them, a step that fails is not removed
        words = ["buildah", "build", "--format=docker", "--layers", "--force-rm"]
        return [*words, *(("--ignorefile", ignored) if ignored else ())]

    def inspect(self, id: str) -> dict[str, Any]:
        """Return what the builder knows of an image, in the form that docker gives it; empty if there is none."""
        found = _first(self.short("inspect", "--type", "image", "--", id))
        docker = found.get("Docker") or {}
        if not docker:
            return {}
        layers = (docker.get("rootfs") or {}).get("diff_ids") or []
        config = docker.get("config") or {}
        return {"Id": found.get("FromImageID"), "Config": config, "RootFS": {"Layers": layers}, "Size": 0}

    def create(self, id: str, passed: PassedOn, ports: Sequence[int], given: "Given") -> tuple[str, str]:
        """Return that no container is created."""
        return "", "buildah starts no containers"

    def networks(self) -> list[tuple[str, str]]:
        """Return no networks."""
        return []

    def labelled(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return no containers, and the images of all runs, each as the token of its run and its id."""
        words = ("images", "--no-trunc", "--quiet", "--filter", f"label={LABEL}")
        ids = dict.fromkeys(self.short(*words, whole=True).output.split())
        return [], [(self._token(id), id) for id in ids]

    def _token(self, id: str) -> str:
        found = _first(self.short("inspect", "--type", "image", id, whole=True))
        labels = ((found.get("Docker") or {}).get("config") or {}).get("Labels") or {}
        return str(labels.get(LABEL, ""))


_KINDS = {"docker": Docker, "podman": Podman, "buildah": Buildah}


def chosen(name: str, processes: Processes, token: str) -> tuple[Builder, str]:
    """Return the builder of a name, or the first that works for "auto", with its version. Raises ``NoBuilder``."""
    reasons = []
    for one in NAMES if name == "auto" else (name,):
        if not shutil.which(one):
            reasons.append(f"{one} is not installed")
            continue
        builder = _KINDS[one](one, processes, token)
        try:
            return builder, builder.version()
        except NoBuilder as error:
            reasons.append(f"{one}: {error}")
    raise NoBuilder("; ".join(reasons))


def _pairs(output: str) -> list[tuple[str, str]]:
    """Return lines of a label, as JSON, and an id as pairs. A label is text of whoever built the image: as it is, it
    could have lines that name others."""
    found: list[tuple[str, str]] = []
    for line in output.split("\n"):
        label, _, id = line.strip().rpartition(" ")
        with contextlib.suppress(ValueError):
            token = json.loads(label)
            if isinstance(token, str) and token and _ID.fullmatch(id):
                found.append((token, id))
    return found


def _first(done: Finished) -> dict[str, Any]:
    """Return the object that a command printed, or the first of a list of them; empty if there is none."""
    with contextlib.suppress(ValueError):
        found = json.loads(done.output)
        found = found[0] if isinstance(found, list) and found else found
        return found if isinstance(found, dict) else {}
    return {}


def _content(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.read(200).strip()
    return ""


def _id(text: str) -> str:
    match = _ID.fullmatch(text)
    return match[1] if match else ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[-1] if lines else ""

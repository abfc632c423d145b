"""What registries answered about images, and the questions that a run has for them.

Offline nothing is known, and nothing is asked. Online, and from a lock, an answer takes the place of what lists say.
"""

from typing import NamedTuple, Protocol

from echo_migrate.model import Status


class Config(NamedTuple):
    """The configuration of an image (github.com/opencontainers/image-spec, config.md), and what was found in its layers
    where they were read. ``user`` is "" for root, ``ports`` are as written (80/tcp), ``size`` is in bytes, compressed.
    """

    user: str = ""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    folder: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    created: str = ""
    size: int = 0
    contents: "Contents | None" = None


class Contents(NamedTuple):
    """What the layers of an image have: names of programs in the folders of its PATH, the names of installed packages,
    users with their uids, os-release, and the package URLs of the packages."""

    programs: frozenset[str]
    packages: frozenset[str]
    users: tuple[tuple[str, int], ...]
    os_release: tuple[tuple[str, str], ...]
    shell_at: str = ""
    purls: tuple[str, ...] = ()


class Answer(NamedTuple):
    """The answer for one image. ``digest`` is that of its index, ``platforms`` those of the index as ``linux/amd64``,
    ``created`` an ISO date ("" if not known or not credible), ``said`` what to do where it is not available.
    ``version`` is that of its program if the image states it, ``verified`` what of it was verified."""

    status: Status
    digest: str = ""
    platforms: tuple[str, ...] = ()
    created: str = ""
    said: str = ""
    version: str = ""
    verified: tuple[str, ...] = ()


class Kept(Protocol):
    """Answers of earlier runs."""

    def answer(self, full: str) -> Answer | None:
        """Return the answer for an image, None if none is kept."""

    def configuration(self, full: str) -> Config | None:
        """Return the configuration of an image, None if it is not to be had. Raises ``KeyError`` if none is kept."""


class Answers:
    """The answers of a run by full name, and the questions that had none: these are noted, to be asked next. ``used``
    are the images that were asked for, ``open`` counts the times that there was no answer.

    A full name is ``registry/repository:tag`` or ``registry/repository@digest``, with the registry written out.
    ``pin`` says that targets are to be pinned by digest, ``locked`` that the answers are those of a lock file. What is
    ``kept`` from earlier runs is taken at once, so that it is no question.
    """

    def __init__(self, pin: bool = False, locked: bool = False, kept: Kept | None = None) -> None:
        self.pin = pin
        self.locked = locked
        self.kept = kept
        self.images: dict[str, Answer] = {}
        self.tags: dict[str, frozenset[str] | None] = {}
        self.configs: dict[str, Config | None] = {}
        self.used: dict[str, None] = {}
        self.open = 0
        self.asked_images: dict[str, None] = {}
        self.asked_tags: dict[str, None] = {}
        self.asked_configs: dict[str, None] = {}

    def image(self, name: str) -> Answer | None:
        """Return the answer for an image, None if there is none yet."""
        self.used[name] = None
        if name not in self.images:
            if self.kept and (known := self.kept.answer(name)):
                self.images[name] = known
            else:
                self.asked_images[name] = None
                self.open += 1
        return self.images.get(name)

    def tags_of(self, repository: str) -> frozenset[str] | None:
        """Return the tags of a repository, None if they are not known."""
        if repository not in self.tags:
            self.asked_tags[repository] = None
            self.open += 1
        return self.tags.get(repository)

    def config(self, name: str) -> Config | None:
        """Return the configuration of an image, None if it is not known."""
        if name not in self.configs:
            try:
                if not self.kept:
                    raise KeyError(name)
                self.configs[name] = self.kept.configuration(name)
            except KeyError:
                self.asked_configs[name] = None
                self.open += 1
        return self.configs.get(name)

    def status(self, name: str) -> Status | None:
        """Return the status of an image, None if it is not known yet."""
        answer = self.image(name)
        return answer.status if answer else None

    def next(self) -> "Answers":
        """Return the same answers, with no question noted."""
        new = Answers(self.pin, self.locked, self.kept)
        new.images, new.tags, new.configs, new.used = self.images, self.tags, self.configs, self.used
        return new

"""A user's mapping file: read and validated, and its contents not shown in messages."""

import re
from typing import Any

from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.data import MappingError, parse_yaml
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.spelling import near
from echo_migrate.images.reference import parse

TAG_LISTS = "tag_lists"
"""The key of the tags that a registry listed, by image: in files of ``catalog pull`` alone."""

KEYS = (
    *(
        "provider",
        "title",
        "registry",
        "login",
        "family",
        "variants",
        "tags",
        "drop_in",
        "source",
        "date",
        "since",
        "fips",
    ),
    *("seen", "offered", "images", TAG_LISTS),
)


TAGS = ("unconfirmed", "listed", "unknown")
"""What is known of a provider's tags: assumed to be those of upstream; all listed; nothing."""


_KINDS: dict[str, tuple[type, str]] = {
    "images": (dict, "a table"),
    "seen": (list, "a list"),
    "variants": (list, "a list"),
    "drop_in": (bool, "true or false"),
    TAG_LISTS: (dict, "a table"),
}


def read_mapping(path: str) -> dict[str, Any]:
    """Read and validate a user's mapping file. Raises ``MappingError``.

    Messages do not quote a file that is not a mapping file, as it may be any file.
    """
    text, data = _user_data(path)
    keys = [key for key in data if isinstance(key, str)] if isinstance(data, dict) else []
    if not isinstance(data, dict) or (data and not set(keys) & set(KEYS)):
        meant = next(((key, remedy) for key in keys[:20] if (remedy := near(key, KEYS))), None)
        where, remedy = (_line(text, meant[0]), meant[1]) if meant else ("", f"its keys are {', '.join(KEYS)}")
        raise MappingError(f"{path}{where}: is no mapping file: {remedy}")
    for key, value in data.items():
        where = f"{path}{_line(text, key)}"
        if key not in KEYS:
            remedy = near(str(key), KEYS) or f"known are {', '.join(KEYS)}"
            raise MappingError(f"{where}: unknown key{f' {key!r}' if 'images' in data else ''}: {remedy}")
        kind, words = _KINDS.get(key, (str, "a text"))
        if key != "date" and not isinstance(value, kind):
            raise MappingError(f"{where}: {key}: must be {words}")
        if key == "tags" and value not in TAGS:
            raise MappingError(f"{where}: tags: must be one of {', '.join(TAGS)}")
        if kind is str and isinstance(value, str) and not value.isprintable():
            raise MappingError(f"{where}: {key}: has characters that cannot be printed")
        if kind is list and not all(isinstance(item, str) for item in value):
            raise MappingError(f"{where}: {key}: must be a list of texts")
    for name, tags in data.get(TAG_LISTS, {}).items():
        if not isinstance(name, str) or not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            where = f"{path}{_line(text, name)}"
            raise MappingError(f"{where}: {TAG_LISTS}: {name}: must be a list of texts (quote numbers)")
    for name, image in data.get("images", {}).items():
        if _is_row(name, image):
            continue
        where = f"{path}{_line(text, name)}: images: {name}:"
        if not isinstance(name, str) or not isinstance(image, str | None):
            raise MappingError(f"{where} write text on both sides (quote numbers)")
        if (":!" in name) != (image is None):
            raise MappingError(f"{where} only a key with ! has no image, and it has none")
        if image is not None:
            check_reference(
                f"host.example/{image}", f"{where} {image} is no image name: write one without registry, tag and digest"
            )
    if "registry" in data:
        check_reference(f"{data['registry']}/image", f"{path}: registry: is not HOST[:PORT][/PREFIX]")
    return data


def _is_row(name: Any, image: Any) -> bool:
    """Return whether a pair is a valid row; if not, the caller determines and reports the error."""
    if not isinstance(name, str) or not isinstance(image, str | None) or (":!" in name) != (image is None):
        return False
    try:
        check_reference(f"host.example/{image}", "")
    except MappingError:
        return image is None
    return True


def _user_data(path: str) -> tuple[str, Any]:
    """Return the text and the data of a user's YAML file. Raises ``MappingError``."""

    from echo_migrate.files.yaml import NotYaml
    from echo_migrate.files.yaml import bounded as nested

    try:
        text = contents(path).decode()
        nested(text)
        if "<<" in text:  # PyYAML's constructor copies merged mappings at every level
            raise MappingError(f"{path}{_line(text, '<<')}: merge keys (<<) are not read here")
        with bounded():
            return text, parse_yaml(text)
    except UnicodeDecodeError:
        raise MappingError(f"{path}: is not UTF-8") from None
    except (Unreadable, NotYaml) as error:
        raise MappingError(f"{path}: {error}") from None
    except MappingError:
        raise
    except Spent as error:
        raise MappingError(f"{path}: {error}") from None
    except Exception as error:  # PyYAML raises arbitrary exceptions for invalid tags and numbers
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = str(getattr(error, "problem", None) or "")
        shown = f": {problem}" if problem and "'" not in problem and '"' not in problem else ""
        raise MappingError(f"{path}{where}: is not valid YAML{shown}") from None


def _line(text: str, key: object) -> str:
    """Return the line of a key as ``:12``, or "" if it is not found."""
    found = re.search(rf"(?m)^[ \t]*[\"']?{re.escape(str(key))}", text)
    return f":{text.count(chr(10), 0, found.start()) + 1}" if found else ""


def check_reference(name: str, message: str) -> None:
    try:
        reference = parse(name)
    except ValueError:
        raise MappingError(message) from None
    if not reference.registry or reference.tag is not None or reference.digest is not None or "$" in name:
        raise MappingError(message)

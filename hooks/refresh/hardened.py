"""Make the facts of Docker Hardened Images from the definitions of their catalog."""

import re
from typing import Any

from source import WIDTH, parse, scalar

SHELLS = {"bash", "busybox", "busybox-binsh", "dash"}
MANAGERS = {"apk-tools": "apk", "apt": "apt-get"}
EXCLUDED = {"curl", "gawk", "gcc", "git", "make", "patch", "tar", "unzip", "wget"}
"""What a definition may exclude (``!curl``) so that the program of this name is certainly not there."""
_BUILD = "ar as c++ cc g++ gcc ld make patch strip"
_BUSYBOX = """addgroup adduser bunzip2 bzip2 deluser free killall less nc netstat nslookup patch pgrep ping pkill ps
    telnet top unzip uptime watch wget xz"""
_ALIKE = """autoconf automake cmake curl dumb-init file git gosu jq less make nano openssl patch pkg-config rsync
    su-exec sudo tini unzip vim wget xz zip"""
_OTHERS = f"""adduser: addgroup adduser deluser; binutils: ar as ld strip; build-base: {_BUILD};
    build-essential: {_BUILD}; busybox: {_BUSYBOX};
    bzip2: bunzip2 bzip2; g++: c++ g++; gcc: cc gcc; gnupg: gpg; gpg: gpg; iproute2: ip; iputils-ping: ping;
    mercurial: hg; netcat-openbsd: nc; openssh-client: ssh; openssh-client-default: ssh; pkgconf: pkg-config;
    procps: free pgrep pkill ps top uptime watch; subversion: svn; xz-utils: xz"""
PROGRAMS = {name: [name] for name in _ALIKE.split()} | {
    package.strip(): programs.split() for package, programs in (one.split(":") for one in _OTHERS.split(";"))
}
"""What can be run where a package is installed: of its programs those that Dockerfiles call."""


def hardened_images(data: dict[str, Any], files: dict[str, str], lines: list[str]) -> str:
    """Return the text of the facts of each image: definitions of the same facts are one row, with the programs that all
    of them have, and those that all of them lack."""
    images: dict[str, dict[str, list[tuple[list[str], set[str], set[str]]]]] = {}
    seen: set[tuple[str, str]] = set()
    for path in sorted(path for path, text in files.items() if re.search(r"(?m)^tags:", text)):
        definition = parse(path, files[path])
        image = definition.get("image", "").partition("/")[2]
        tags = [tag for tag in definition["tags"] if (image, tag) not in seen]
        lines += [f"! {image} {tag}: {path} has it too, not taken" for tag in definition["tags"] if tag not in tags]
        seen |= {(image, tag) for tag in tags}
        if image and tags:
            facts, has, lacks = _facts(path.split("/")[2].partition("-")[0], definition)
            images.setdefault(image, {}).setdefault(facts, []).append((tags, has, lacks))
    text = ""
    for image in sorted(images):
        rows = []
        for facts, parts in images[image].items():
            tags = sorted(tag for part in parts for tag in part[0])
            has = set.intersection(*(part[1] for part in parts))
            lacks = set.intersection(*(part[2] for part in parts)) - has
            rows.append((tags, facts + _list("programs", sorted(has)) + _list("lacks", sorted(lacks))))
        text += f"{scalar(image)}:\n"
        text += "".join(f"  - {_list('tags', tags).lstrip()}{rest}" for tags, rest in sorted(rows))
    return text


def _facts(family: str, definition: dict[str, Any]) -> tuple[str, set[str], set[str]]:
    """Return the text of what a definition states, apart from programs; those it has, and those it excludes."""
    contents, accounts = (definition.get(key) or {} for key in ("contents", "accounts"))
    packages = [one.partition("=")[0] for one in contents.get("packages") or []]
    built = [re.match(r"dhi\.io/pkg-([a-z-]+?):", one.get("name", "")) for one in contents.get("artifacts") or []]
    user = accounts.get("run-as") or ""
    numbers = {"root": "0"} | {one.get("name"): one.get("uid") or "" for one in accounts.get("users") or []}
    number = numbers.get(user, "")
    ports = [port.removesuffix("/tcp") for port in definition.get("ports") or []]
    certificates = any(one.startswith("ca-certificates") for one in packages)
    shell = not SHELLS.isdisjoint(packages)
    manager = next((MANAGERS[one] for one in packages if one in MANAGERS), "")
    end = (definition.get("dates") or {}).get("end-of-life")
    text = f"    family: {scalar(family)}\n    manager: {scalar(manager)}\n    shell: {'true' if shell else 'false'}\n"
    text += (f"    user: {scalar(user)}\n" if user else "") + (f"    uid: {number}\n" if number.isdecimal() else "")
    text += _list("entrypoint", definition.get("entrypoint") or [], always=True)
    text += _list("cmd", definition.get("cmd") or [], always=True) + _list("ports", ports)
    text += _list("packages", ["ca-certificates"] * certificates) + (f"    eol: {scalar(end)}\n" if end else "")
    if not shell:
        return text, set(), set()
    names = [*packages, *(match[1] for match in built if match)]
    has = {program for name in names for program in PROGRAMS.get(name, ())}
    return text, has, {name[1:] for name in packages if name[0] == "!"} & EXCLUDED


def _list(key: str, values: list[str], always: bool = False) -> str:
    """Return a list of a row, folded if it is too long for a line; nothing if it is empty and not ``always`` stated."""
    items = [f"{scalar(value)}, " for value in values[:-1]] + [scalar(value) for value in values[-1:]]
    line = f"    {key}: [{''.join(items)}]"
    if len(line) <= WIDTH or not items:
        return f"{line}\n" if items or always else ""
    folded = [" " * 8]
    for item in items:
        if len((folded[-1] + item).rstrip()) >= WIDTH:
            folded.append(" " * 8)
        folded[-1] += item
    return f"    {key}: [\n" + "".join(f"{line.rstrip()}\n" for line in folded) + "      ]\n"

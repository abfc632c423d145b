"""Commands that run another command, as their manual pages have it, and the user that they run it as."""

from collections.abc import Iterator, Sequence
from typing import Literal

Account = Literal["", "root", "unsure"]
"""Whose logins a command reads: those of the user who runs its script, of root, or of one of them or of others."""

LOGIN_PLACES = frozenset(("DOCKER_CONFIG", "HOME", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"))
"""Variables that say where logins are kept."""

_OTHER_USERS = frozenset(("chroot", "doas", "gosu", "runuser", "setpriv", "su", "su-exec", "unshare"))
"""What may run a command as another user, or elsewhere; which HOME doas leaves depends on its version."""

WRAPPERS: dict[str, tuple[str, int]] = {
    "sudo": ("CDRTUghprtu", 0),
    "doas": ("Cu", 0),
    "env": ("CSu", 0),
    "xargs": ("EILPadns", 0),
    "timeout": ("ks", 1),
    "nice": ("n", 0),
    "ionice": ("cn", 0),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "time": ("fo", 0),
    "exec": ("a", 0),
    "command": ("", 0),
    "builtin": ("", 0),
    "eatmydata": ("", 0),
    "chroot": ("", 1),
    "gosu": ("", 1),
    "su-exec": ("", 1),
    "stdbuf": ("eio", 0),
    "retry": ("dtu", 0),
    "cross-env": ("", 0),
    "dbus-run-session": ("", 0),
    "fakeroot": ("bils", 0),
    "flock": ("Ew", 1),
    "parallel": ("CEIJLNPSadijns", 0),
    "prlimit": ("", 0),
    "setpriv": ("", 0),
    "strace": ("EPSXabeopsu", 0),
    "taskset": ("", 1),
    "unbuffer": ("", 0),
    "unshare": ("GRSw", 0),
    "xvfb-run": ("efnpsw", 0),
}
"""Commands that run the command given in their arguments: the short options that take a value, and the number of
positional arguments before that command (from the manual pages; sudo 1.9, GNU coreutils 9, findutils 4.9, util-linux
2.41)."""

LONG_VALUED = frozenset(
    (
        *("--adjustment", "--arg-file", "--chdir", "--close-from", "--delimiter", "--group", "--host", "--jobs"),
        *("--kill-after", "--max-args", "--max-chars", "--max-procs", "--signal", "--unset", "--user"),
    )
)
"""Their long options whose value is the next word, if none stands behind ``=``."""


def account_by(wrapper: str, words: Sequence[str]) -> Account:
    """Return whose logins a command reads that a wrapper runs, given the words between the two. ``sudo`` sets HOME to
    that of root (sudoers(5), env_reset), but ``-E`` keeps it where always_set_home is off: nobody's are certain."""
    if wrapper != "sudo":
        return "unsure" if wrapper in _OTHER_USERS else ""
    sure = all(value in ("root", "#0") if name in ("u", "user") else not value for name, value in _chosen(words))
    return "root" if sure else "unsure"


def account_with(outer: Account, inner: Account) -> Account:
    """Return whose logins a command reads, given what runs it and what that is run by."""
    return inner if not outer or inner == "unsure" else outer


def _chosen(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options of sudo that choose the user, or the variables which that one gets, with their values."""
    words = [word.strip("'\"") for word in words]
    for at, word in enumerate(words):
        behind = words[at + 1] if at + 1 < len(words) else ""
        name, equals, value = word[2:].partition("=")
        if word[:2] == "--" and name in ("user", "group"):
            yield name, value if equals else behind
        elif word[:2] == "--" and name == "preserve-env":
            yield name, "" if equals and LOGIN_PLACES.isdisjoint(value.split(",")) else "kept"
        elif word[:1] == "-" and word[:2] != "--":
            flags, letter, value = _cluster(word[1:])
            yield "E", "kept" if "E" in flags else ""
            if letter in ("u", "g"):
                yield letter, value or behind


def _cluster(letters: str) -> tuple[str, str, str]:
    """Return the flags of ``-nEuroot``, and the letter behind them that takes a value, with the value."""
    at = next((at for at, letter in enumerate(letters) if letter in WRAPPERS["sudo"][0]), len(letters))
    return letters[:at], letters[at : at + 1], letters[at + 1 :]

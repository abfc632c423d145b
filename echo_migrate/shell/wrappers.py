"""Commands that run another command, as their manual pages have it."""

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

"""Stand-ins for base images, made to the facts in ``mappings/images``: no vendor's image is used.

An image has the user, shell, package manager, entrypoint, command and ports that the data states for its name. Python
is the machine's own. Other interpreters are scripts that read what to do from comments of the program (``standin: serve
8000``, ``standin: write /data/x``, ``standin: print hello``), and package managers are scripts that need root, as the
real ones do, know some packages, and write into the real databases. A proof with them shows that an edit fits the
facts, and how the comparison works; it does not show that a vendor's image is as the data says.
"""

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from echo_migrate.images.catalog import load
from echo_migrate.images.facts import ImageFacts, facts_of

PYTHON = "/usr/bin/python3"
HIDDEN = "/usr/lib/standin/python3"
"""Where each image has the interpreter of the scripts; it is on no PATH."""

_LEFT_OUT = re.compile(
    r"/(?:asyncio|config-3[^/]*|ctypes|curses|dbm|distutils|dist-packages|ensurepip|idlelib|lib-dynload|lib2to3|msilib|"
    r"multiprocessing|__pycache__|pydoc_data|site-packages|sqlite3|test|unittest|wsgiref|xml|xmlrpc|zoneinfo)(?:/|$)"
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENTS = {
    "python": {"PYTHON_VERSION": "3.13.9"},
    "node": {"NODE_VERSION": "22.21.0"},
    "nginx": {"NGINX_VERSION": "1.30.4"},
    "ruby": {"RUBY_VERSION": "3.4.7", "GEM_HOME": "/usr/local/bundle"},
    "eclipse-temurin": {"JAVA_HOME": "/opt/java/openjdk"},
}
_INTERPRETER = r'''#!{hidden} -I
"""Obeys the comments of a program."""
import http.server, os, re, sys, time
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
if words[:1] in (["--version"], ["-v"], ["-V"]):
    sys.exit(print(name, "stand-in"))
if name == "nginx":
    files = ["/etc/nginx/conf.d/default.conf"]
    open("/var/log/nginx/error.log", "a").close()
    if "-t" in words:
        sys.exit(print("configuration file test is successful", file=sys.stderr))
else:
    files = [word for word in words if not word.startswith("-")][:1]
if not files:
    sys.exit(0)
try:
    text = open(files[0], errors="replace").read()
    if text.startswith("\x7fELF"):
        sys.exit("SyntaxError: Invalid or unexpected token")
except FileNotFoundError:
    wanted = os.path.abspath(files[0])
    print("Error: Cannot find module '%s'" % wanted if name == "node" else
          "Error: Could not find or load main class %s" % files[0] if name == "java" else
          "%s: No such file or directory -- %s (LoadError)" % (name, files[0]), file=sys.stderr)
    sys.exit(1)
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok from stand-in")
    def log_message(self, *words):
        pass
for verb, rest in re.findall(r"standin: (\w+) ?([^\n]*)", text):
    if verb == "print":
        print(rest, flush=True)
    elif verb == "write":
        os.makedirs(os.path.dirname(rest), exist_ok=True)
        open(rest, "a").write("x")
    elif verb == "serve":
        http.server.HTTPServer(("127.0.0.1", int(rest)), Handler).serve_forever()
    elif verb == "sleep":
        time.sleep(float(rest))
'''
_PIP = r"""#!{hidden} -I
import os, sys
words = [word for word in sys.argv[2:] if not word.startswith("-")]
if "-r" in sys.argv:
    words = [line.strip() for word in words for line in open(word)]
prefix = os.path.dirname(os.path.dirname(os.path.abspath(sys.argv[0])))
place = prefix + "/lib/python3.11/" + ("site-packages" if os.path.exists(prefix + "/pyvenv.cfg") else "dist-packages")
for word in words:
    name = word.partition("=")[0]
    os.makedirs(place + "/" + name, exist_ok=True)
    open(place + "/" + name + "/__init__.py", "w").close()
    path = prefix + "/bin/" + name
    with open(path, "w") as file:
        file.write("#!{hidden} -I\nimport time\nprint('serving', flush=True)\ntime.sleep(1000)\n")
    os.chmod(path, 0o755)
print("Successfully installed", *words)
"""
_NPM = r"""#!{hidden} -I
import os, sys
os.makedirs("node_modules/express", exist_ok=True)
open("node_modules/express/index.js", "w").close()
if sys.argv[1:2] == ["run"]:
    os.makedirs("dist", exist_ok=True)
    open("dist/index.html", "w").write("<p>built</p>")
elif sys.argv[1:2] == ["start"]:
    os.execvp("node", ["node", "server.js"])
print("added 1 package")
"""
_GO = r"""#!{hidden} -I
import os, sys
target = sys.argv[sys.argv.index("-o") + 1]
with open(target, "w") as file:
    file.write("#!{hidden} -I\nimport time\nprint('go program', flush=True)\ntime.sleep(1000)\n")
os.chmod(target, 0o755)
"""
_APT = r"""#!/bin/sh
[ "$1" = clean ] && exit 0
if [ "$(id -u)" != 0 ]; then
  echo "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)" >&2
  echo "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?" >&2
  exit 100
fi
while [ "${1#-}" != "$1" ]; do shift; done
[ "$1" = install ] || exit 0
shift
for name in "$@"; do
  case $name in
    -*) continue ;;
    curl|wget) cp /usr/lib/standin/fetch /usr/bin/$name ;;
    build-essential|ca-certificates|cron|git|libpq5|libpq-dev|tini|tzdata) ;;
    *) echo "E: Unable to locate package $name" >&2; exit 100 ;;
  esac
  printf 'Package: %s\nStatus: install ok installed\nVersion: 1\n\n' $name >> /var/lib/dpkg/status
done
"""
_APK = r"""#!/bin/sh
[ "$(id -u)" = 0 ] || { echo "ERROR: Unable to lock database: Permission denied" >&2; exit 99; }
[ "$1" = add ] || exit 0
shift
for name in "$@"; do
  case $name in
    -*) continue ;;
    curl|wget|git|libpq|build-base) printf 'P:%s\nV:1\n\n' $name >> /lib/apk/db/installed ;;
    *) printf 'ERROR: unable to select packages:\n  %s (no such package):\n' $name >&2; exit 1 ;;
  esac
done
"""
_GROUPADD = r"""#!/bin/sh
for last; do :; done
number=$(($(wc -l < /etc/group) + 900))
echo "$last:x:$number:" >> /etc/group
"""
_USERADD = r"""#!/bin/sh
group='' number=$(($(wc -l < /etc/passwd) + 900))
while [ $# -gt 1 ]; do
  case $1 in
    -g) group=$(grep "^$2:" /etc/group | cut -d: -f3); shift ;;
    -u) number=$2; shift ;;
    -d | -s) shift ;;
  esac
  shift
done
echo "$1:x:$number:${group:-$number}::/:/bin/sh" >> /etc/passwd
"""
_FETCH = '#!/bin/sh\nfor last; do :; done\nexec /bin/busybox wget -q -O - "$last"\n'
_NODE_ENTRYPOINT = r"""#!/bin/sh
set -e
if [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ] || [ ! -x "${1}" -a -f "${1}" ]; then
  set -- node "$@"
fi
exec "$@"
"""
_ENTRYPOINT = '#!/bin/sh\nexec "$@"\n'
_APPLETS = (
    *("[", "awk", "basename", "cat", "chgrp", "chmod", "chown", "cp", "cut", "date", "dirname"),
    *("echo", "env", "false", "find", "grep", "head", "hostname", "id", "install", "ln", "ls", "mkdir", "mktemp", "mv"),
    *("printf", "ps", "pwd", "rm", "rmdir", "sed", "sh", "sleep", "sort", "stat", "su", "tail", "tar", "tee", "test"),
    *("touch", "tr", "true", "uname", "wc", "which", "whoami", "xargs"),
)


class _Root:
    """The files of an image, as a tar archive."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        self.archive = tarfile.TarFile(fileobj=self.buffer, mode="w")
        self.names: set[str] = set()

    def folder(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        self._parents(path)
        self._add(path, tarfile.DIRTYPE, mode, owner)

    def file(self, path: str, data: bytes | str, mode: int = 0o644, owner: int = 0) -> None:
        self._parents(path)
        self._add(path, tarfile.REGTYPE, mode, owner, data.encode() if isinstance(data, str) else data)

    def link(self, path: str, target: str) -> None:
        self._parents(path)
        self._add(path, tarfile.SYMTYPE, 0o777, 0, target=target)

    def copy(self, path: str, at: str = "") -> None:
        self.file(at or path, Path(path).read_bytes(), 0o755 if os.access(path, os.X_OK) else 0o644)

    def _parents(self, path: str) -> None:
        parent = os.path.dirname(path)
        if parent not in ("", "/") and parent not in self.names:
            self.folder(parent)

    def _add(self, path: str, kind: bytes, mode: int, owner: int, data: bytes = b"", target: str = "") -> None:
        if path in self.names:
            return
        self.names.add(path)
        member = tarfile.TarInfo(path.lstrip("/"))
        member.type, member.mode, member.uid, member.gid = kind, mode, owner, owner
        member.size, member.linkname = len(data), target
        self.archive.addfile(member, io.BytesIO(data))

    def bytes(self) -> bytes:
        self.archive.close()
        return self.buffer.getvalue()


def make(
    reference: str, upstream: str, like: str, provider: str, environment: Mapping[str, str], user: str = ""
) -> None:
    """Make the stand-in for a reference of an upstream name. A drop-in image has the facts of what it is ``like``, but
    for its ``user``, if one is given."""
    catalog = load(provider)
    found = facts_of(reference, catalog)
    if catalog.drop_in and reference.startswith(catalog.registry):
        found = facts_of(like, catalog)
        found = found._replace(user=user, uid=65532) if user else found
    shell = found.shell is not False
    root = _Root()
    _system(root, found, shell)
    if shell:
        _tools(root, found, full="slim" not in like and upstream != "debian")
    _language(root, upstream, shell)
    entrypoint, command = _start(found, upstream, shell)
    for word in entrypoint[:1]:
        place = word if word.startswith("/") else f"/usr/local/bin/{word}"
        if place.endswith(".sh"):
            root.file(place, _NODE_ENTRYPOINT if upstream == "node" else _ENTRYPOINT, 0o755)
    user = found.user if found.user not in (None, "root") else ""
    changes = [f"ENV PATH={'/opt/java/openjdk/bin:' if upstream == 'eclipse-temurin' else ''}{_PATH}"]
    changes += [f"ENV {name}={value}" for name, value in _ENVIRONMENTS.get(upstream, {}).items()]
    changes += [f"USER {user}"] if user else []
    changes += [f"ENTRYPOINT {json.dumps(entrypoint)}"] if entrypoint else []
    changes += [f"CMD {json.dumps(command)}"] if command else []
    changes += [f"EXPOSE {port}" for port in found.ports]
    words = ["docker", "import", *(word for change in changes for word in ("--change", change)), "-", reference]
    subprocess.run(words, input=root.bytes(), env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)


def _system(root: _Root, found: ImageFacts, shell: bool) -> None:
    uid = found.uid or 65532
    names = {"root": 0, "nobody": 65534, "node": 1000, "nginx": 101, "nonroot": 65532}
    if found.user and not found.user.isdigit():
        names[found.user] = uid if found.user != "root" else 0
    root.file("/etc/passwd", "".join(f"{name}:x:{id}:{id}::/:/bin/sh\n" for name, id in names.items()))
    root.file("/etc/group", "".join(f"{name}:x:{id}:\n" for name, id in names.items()))
    root.file("/etc/os-release", f"ID={found.family or 'debian'}\n")
    root.folder("/tmp", 0o1777)
    root.folder("/home/node", owner=1000)
    root.folder("/var/log/nginx", owner=0 if found.user in (None, "root") else uid)
    status = [f"Package: base{number}\nStatus: install ok installed\n" for number in range(9 if shell else 3)]
    if found.family == "wolfi":
        root.file("/lib/apk/db/installed", "P:base\nV:1\n\n")
    else:
        root.file("/var/lib/dpkg/status", "\n".join(status) + "\n")
    for path in libraries(PYTHON):
        root.copy(path)
    root.copy(os.path.realpath(PYTHON), HIDDEN)
    library = os.path.realpath(PYTHON).replace("/bin/", "/lib/")
    for folder, _, names_there in sorted(os.walk(library)):
        if not _LEFT_OUT.search(f"{folder}/"):
            for name in sorted(names_there):
                if not _LEFT_OUT.search(f"{folder}/{name}") and name not in ("sitecustomize.py", "EXTERNALLY-MANAGED"):
                    root.copy(f"{folder}/{name}")


def _tools(root: _Root, found: ImageFacts, full: bool) -> None:
    root.copy("/bin/busybox", "/bin/busybox")
    root.file("/usr/lib/standin/fetch", _FETCH, 0o755)
    for name in _APPLETS:
        root.link(f"/bin/{name}", "/bin/busybox")
    root.link("/usr/bin/env", "/bin/busybox")
    root.file("/bin/bash", '#!/bin/sh\nexec /bin/sh "$@"\n', 0o755)
    if found.manager == "apt-get" or (found.manager is None and found.family in (None, "debian", "ubuntu")):
        root.file("/usr/bin/apt-get", _APT, 0o755)
        root.file("/usr/sbin/groupadd", _GROUPADD, 0o755)
        root.file("/usr/sbin/useradd", _USERADD, 0o755)
        root.file("/usr/bin/su-exec", _ENTRYPOINT, 0o4755)
    elif found.manager == "apk":
        root.file("/sbin/apk", _APK, 0o755)
    if full:
        for name in ("curl", "wget"):
            root.file(f"/usr/bin/{name}", _FETCH, 0o755)


def _language(root: _Root, upstream: str, shell: bool) -> None:
    def script(path: str, text: str) -> None:
        root.file(path, text.replace("{hidden}", HIDDEN), 0o755)

    if upstream == "python":
        for name in ("/usr/local/bin/python", "/usr/local/bin/python3", "/usr/bin/python", "/usr/bin/python3"):
            root.link(name, HIDDEN)
        if shell:
            script("/usr/local/bin/pip", _PIP)
            ensure = "import os, shutil, sys\nshutil.copy('/usr/local/bin/pip', sys.prefix + '/bin/pip')\n"
            root.file("/usr/lib/python3.11/ensurepip/__init__.py", "")
            root.file("/usr/lib/python3.11/ensurepip/__main__.py", ensure)
    elif upstream == "node":
        script("/usr/local/bin/node", _INTERPRETER)
        script("/usr/bin/node", _INTERPRETER)
        if shell:
            script("/usr/local/bin/npm", _NPM)
    elif upstream == "eclipse-temurin":
        script("/opt/java/openjdk/bin/java", _INTERPRETER)
        script("/usr/bin/java", _INTERPRETER)
    elif upstream == "ruby":
        script("/usr/local/bin/ruby", _INTERPRETER)
        if shell:
            script("/usr/local/bin/bundle", _NPM)
    elif upstream == "golang":
        script("/usr/local/bin/go", _GO)
    elif upstream == "nginx":
        script("/usr/sbin/nginx", _INTERPRETER)
        root.file("/etc/nginx/conf.d/default.conf", "# standin: serve 8080\nserver { listen 8080; }\n")


def _start(found: ImageFacts, upstream: str, shell: bool) -> tuple[list[str], list[str]]:
    defaults: dict[str, tuple[list[str], list[str]]] = {
        "python": ([], ["python3"]),
        "node": (["docker-entrypoint.sh"], ["node"]),
        "nginx": (["/docker-entrypoint.sh"], ["nginx", "-g", "daemon off;"]),
    }
    entrypoint, command = defaults.get(upstream, ([], ["bash"])) if shell else ([], [])
    stated = [*found.entrypoint] if found.entrypoint is not None else entrypoint
    return stated, ([*found.cmd] if found.cmd is not None else command)


def libraries(program: str) -> Iterable[str]:
    """Return the libraries that a program loads, and its loader."""
    done = subprocess.run(["ldd", os.path.realpath(program)], capture_output=True, text=True, check=True)
    return sorted(set(re.findall(r"(/\S+) \(0x", done.stdout)))

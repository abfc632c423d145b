"""How long 500 references take that are confirmed at a registry on this machine, cold and from the cache.

    .venv/bin/python tests/bench/registry.py [COUNT]

Each reference has an image of its own, of two platforms; that of upstream is at a registry to which there is no way.
Python keeps byte code between the runs, as it does where the program is installed.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.registries import Image, docker_registry

RUNS = 5


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "registry").mkdir()
        (folder / "tree").mkdir()
        with docker_registry(folder / "registry") as registry:
            tags = [f"3.13.{number}" for number in range(count)]
            for tag in tags:
                image = Image({}, {"Labels": {"tag": tag}})
                registry.push_index("python", tag, image, image._replace(platform="linux/arm64"))
            (folder / "tree" / "Dockerfile").write_text("".join(f"FROM python:{tag}\n" for tag in tags))
            for what, more in (("offline", ()), ("cold", ("--online",)), ("cached", ("--online",))):
                took, worked = [], []
                for number in range(RUNS):
                    cache = folder / (f"cache{number}" if what == "cold" else "cache0")
                    words = ["-m", "echo_migrate", "inventory", ".", "--quiet", "--registry", registry.host, *more]
                    env = os.environ | {"XDG_CACHE_HOME": str(cache), "HTTPS_PROXY": "http://127.0.0.1:9"}
                    env |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
                    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
                    subprocess.run(
                        [sys.executable, *words], cwd=folder / "tree", env=env, check=True, capture_output=True
                    )
                    took.append(time.perf_counter() - begun)
                    after = resource.getrusage(resource.RUSAGE_CHILDREN)
                    worked.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
                print(f"{what:<8} {statistics.median(took):6.2f} s, {statistics.median(worked):.2f} s of a processor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)

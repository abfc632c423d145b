"""Git over HTTP, as a forge serves it: by git's own program."""

import base64
import os
import subprocess
from pathlib import Path
from urllib.parse import urlencode

from tests.registries import Answer, Reply, Request


def smart_http(folder: Path, login: str = "") -> Answer:
    """Serve the repositories below a folder, to who sends the login if there is one."""
    wanted = f"Basic {base64.b64encode(login.encode()).decode()}"

    def answer(request: Request) -> Reply:
        if login and request.authorization != wanted:
            return Reply(401, headers={"WWW-Authenticate": "Basic"})
        environment = {"GIT_PROJECT_ROOT": str(folder), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "bot"}
        environment |= {"PATH_INFO": request.path, "REQUEST_METHOD": request.method, "PATH": os.environ["PATH"]}
        environment |= {"QUERY_STRING": urlencode(request.query, doseq=True), "CONTENT_LENGTH": str(len(request.body))}
        environment |= {"CONTENT_TYPE": request.headers.get("content-type", "")}
        named = {"HTTP_GIT_PROTOCOL": "git-protocol", "HTTP_CONTENT_ENCODING": "content-encoding"}
        environment |= {name: request.headers[key] for name, key in named.items() if key in request.headers}
        words = ["git", "http-backend"]
        done = subprocess.run(words, input=request.body, env=environment, capture_output=True, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return Reply(int(headers.pop("Status", "200").split()[0]), body, headers)

    return answer

"""How the process of ``tests.warm`` is asked. What is imported here, each command of a job in tests imports anew."""

import pickle
import socket
import struct
from typing import NamedTuple

NUMBER = struct.Struct("!q")


class Request(NamedTuple):
    """What a child is to be: its words, folder, environment, and limits (a resource and its number each).

    ``module`` is another than the command line that is run as one runs a module.
    """

    words: list[str]
    cwd: str
    environment: dict[str, str]
    limits: list[tuple[int, int]]
    module: str = ""


def ask(address: str, request: Request, files: list[int]) -> int:
    """Have a request answered with the files for standard input, output and error, and return the child's exit code."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(600)  # for what hangs: how long anything takes is no test's to say
        connection.connect(address)
        data = pickle.dumps(request)
        socket.send_fds(connection, [NUMBER.pack(len(data))], files)
        connection.sendall(data)
        (code,) = NUMBER.unpack(received(connection, NUMBER.size))
        return int(code)


def received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError("the process that has the program loaded is gone")
        data += piece
    return data

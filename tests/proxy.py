"""A proxy by which registries of this machine answer under the names of others."""

import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple


class Proxy(NamedTuple):
    """A proxy that runs: its address, and the hosts that it was asked for."""

    address: str
    asked: list[str]


@contextmanager
def proxy(ports: Mapping[str, int]) -> Iterator[Proxy]:
    """Run a proxy that leads to ports of this machine by the names of other hosts. To those without a port it refuses
    the way."""
    asked: list[str] = []

    class Tunnel(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            host = self.rfile.readline().split()[1].decode().partition(":")[0]
            asked.append(host)
            while self.rfile.readline().strip():
                pass
            if host not in ports:
                self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", ports[host])) as there:
                back = threading.Thread(target=_pour, args=(there, self.connection), daemon=True)
                back.start()
                _pour(self.connection, there)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield Proxy(f"http://127.0.0.1:{server.server_address[1]}", asked)
        server.shutdown()


def _pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # one of them has gone
        pass

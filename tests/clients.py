"""Clients of a service in this process, as a program on this machine would reach it."""

from fastapi.testclient import TestClient

HOST = "127.0.0.1"
LOCAL = f"http://{HOST}"


class LocalClient(TestClient):
    """A client whose requests and sockets name this machine as their host, as the service demands."""

    def websocket_connect(self, url, *args, headers=None, **more):
        """Open a socket."""
        return super().websocket_connect(url, *args, headers={"host": HOST} | (headers or {}), **more)


def local_client(app, **more):
    """Return a client of an application."""
    return LocalClient(app, base_url=LOCAL, **more)

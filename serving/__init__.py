"""The service: one Router behind HTTP, and the console. `create_app` returns the application for some `Settings`."""

from serving.app import create_app
from serving.settings import Settings

__all__ = ["Settings", "create_app"]

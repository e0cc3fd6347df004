"""One Router behind HTTP, and the console: `create_app` makes the application that `Settings` describe."""

from serving.app import create_app
from serving.settings import Settings

__all__ = ["Settings", "create_app"]

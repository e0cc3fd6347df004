"""The pages: the call page, the evaluation dashboard, the supervisor's board and the sign-in page."""

from serving.console.pages import add_console

__all__ = ["add_console"]

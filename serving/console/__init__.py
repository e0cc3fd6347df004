"""The pages: the clinician's console, the evaluator's room and the door to both."""

from serving.console.call_page import add_pages
from serving.console.dashboard import add_evaluator

__all__ = ["add_evaluator", "add_pages"]

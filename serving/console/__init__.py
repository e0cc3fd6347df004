"""The pages: the clinician's console, the evaluator's room and the door to both."""

from serving.console.evaluator import add_evaluator
from serving.console.pages import add_pages

__all__ = ["add_evaluator", "add_pages"]

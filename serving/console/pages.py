"""The pages of the console, added to the application."""

from fastapi import FastAPI

from serving.console.board import add_board
from serving.console.call_page import add_call_page
from serving.console.calls_api import add_calls
from serving.console.dashboard import add_dashboard
from serving.console.incidents import add_incidents
from serving.console.labelling import add_labelling
from serving.console.sign_in import add_sign_in
from serving.services import Services


def add_console(app: FastAPI, services: Services) -> None:
    """Add every page with its routes."""
    add_call_page(app, services)
    add_calls(app, services)
    add_incidents(app, services)
    add_sign_in(app, services)
    add_dashboard(app, services)
    add_board(app, services)
    add_labelling(app, services)

"""Decisions in the standards of other systems: a note of an EIDO for CAD, a FHIR referral for care navigation."""

from models.interchange.eido_note import eido_of
from models.interchange.fhir import service_request

__all__ = ["eido_of", "service_request"]

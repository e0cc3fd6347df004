"""Incidents of a CAD system: linked, noted, decided by the same service as every call, and answered back to it."""

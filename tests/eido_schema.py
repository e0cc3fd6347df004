"""The standard's own schema of an EIDO, where it is at hand beside the checkout."""

import jsonschema
import yaml
from command import ROOT
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

STANDARD = ROOT.parent / "shared" / "formats" / "eido"


def schema_errors(document):
    """Return what the standard's own schema finds wrong with a document."""
    api = yaml.safe_load((STANDARD / "openapi.yaml").read_text(encoding="utf-8"))
    niem = ("ncPersonType", "ncOrganizationType", "ncVehicleType", "jCommercialVehicleType", "ncItemType")
    free = {"components": {"schemas": {name: {} for name in niem}}}  # these files are not at hand: they allow anything

    def retrieve(_uri):
        """Return a file of NIEM components."""
        return Resource.from_contents(free, default_specification=DRAFT4)

    registry = Registry(retrieve=retrieve).with_resource("eido", Resource.from_contents(api, default_specification=DRAFT4))
    wanted = {"$ref": "eido#/components/schemas/EmergencyIncidentDataObjectType"}
    return [error.message for error in jsonschema.Draft4Validator(wanted, registry=registry).iter_errors(document)]

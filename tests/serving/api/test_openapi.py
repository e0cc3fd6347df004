"""Whatever the documented interface allows to be sent, the service never fails."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledgers import prepared, sqlite_url
from servers import free_port, started, uvicorn

ROUTES = (
    ("/v1/decisions", "POST"),
    ("/v1/stream", "POST"),
    ("/v1/incidents/{incident_id}", "PUT"),
    ("/v1/incidents/{incident_id}/notes", "POST"),
    ("/v1/incidents/{incident_id}/decisions", "GET"),
    ("/v1/pushes/dead", "GET"),
    ("/v1/pushes/{push_id}/resend", "POST"),
    ("/v1/callers", "POST"),
    ("/v1/decisions/{decision_id}/feedback", "POST"),
    ("/v1/decisions/{decision_id}/outcome", "POST"),
    ("/v1/decisions/{decision_id}", "GET"),
    ("/v1/ledger", "GET"),
    ("/v1/ledger/verify", "GET"),
    ("/v1/health/live", "GET"),
    ("/v1/health/ready", "GET"),
    ("/v1/model", "GET"),
    ("/v1/model/reload", "POST"),
    ("/metrics", "GET"),
)


@pytest.fixture(scope="module")
def api(tmp_path_factory, runs):
    """Return the OpenAPI document of a running service with a ledger."""
    folder, port = tmp_path_factory.mktemp("openapi"), free_port()
    place = {
        "HEARTLINE_BUNDLE": str(runs / "champion"),
        "HEARTLINE_CACHE": str(folder / "good"),
        "HEARTLINE_LEDGER": prepared(sqlite_url(folder), folder / "anchor"),
        "HEARTLINE_ANCHOR": str(folder / "anchor"),
    }
    with started(uvicorn("serving.app:create_app", port, "--factory"), port=port, environment=place):
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")


def test_every_route_is_attacked(api):
    """The list below is the document's."""
    found = {(result.ok().path, result.ok().method.upper()) for result in api.get_all_operations()}
    assert found == set(ROUTES)


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_no_request_makes_it_fail(api, path, method):
    """No 5xx, whatever the fields hold, whether the document allows it or not."""
    operation = api[path][method]
    cases = st.one_of(
        operation.as_strategy(generation_mode=mode)
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    )

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(cases)
    def attack(case):
        assert case.call().status_code < 500

    attack()

"""Access by key, token and cookie."""

import json
import socket
import time

import jwt
import pytest
from clients import local_client
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from service_helpers import CALL
from starlette.websockets import WebSocketDisconnect

from models.common import api_keys
from models.errors import InvalidConfig
from serving.app import create_app
from serving.settings import Settings


class TestAccess:
    """Access of each role."""

    @pytest.fixture
    def guarded(self, settings, tmp_path):
        """Return a service with keys, and a key of each role."""
        path = tmp_path / "keys.json"
        secrets = {role: api_keys.create(path, name=role, roles=[role]) for role in api_keys.ROLES}
        app = create_app(Settings(**settings, keys=str(path)), log=False)
        with local_client(app, raise_server_exceptions=False) as client:
            yield client, secrets, path

    def test_without_a_key_nobody_is_let_in_but_to_health(self, guarded):
        """401 names the scheme; health answers all."""
        client, _, _ = guarded
        answer = client.post("/v1/decisions", json=CALL)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.post("/v1/decisions", json=CALL, headers={"X-API-Key": "hl_wrong"}).status_code == 401
        assert client.get("/v1/health/live").status_code == client.get("/v1/health/ready").status_code == 200

    @pytest.mark.parametrize(
        ("method", "path", "roles"),
        [
            ("POST", "/v1/decisions", {"call_taker", "clinician"}),
            ("POST", "/v1/decisions/x/feedback", {"call_taker", "clinician"}),
            ("POST", "/v1/decisions/x/outcome", {"clinician", "administrator"}),
            ("GET", "/v1/decisions/x", {"clinician", "evaluator"}),
            ("PUT", "/v1/incidents/x", {"call_taker", "clinician"}),
            ("POST", "/v1/incidents/x/notes", {"call_taker", "clinician"}),
            ("GET", "/v1/incidents/x/decisions", {"call_taker", "clinician", "evaluator"}),
            ("GET", "/v1/pushes/dead", {"administrator"}),
            ("POST", "/v1/pushes/ab/resend", {"administrator"}),
            ("GET", "/v1/ledger", {"clinician", "evaluator"}),
            ("GET", "/v1/ledger/verify", {"evaluator"}),
            ("GET", "/v1/model", set(api_keys.ROLES)),
            ("POST", "/v1/model/reload", {"administrator"}),
            ("GET", "/metrics", {"evaluator", "administrator"}),
        ],
    )
    def test_each_route_lets_in_its_roles_and_no_other(self, guarded, method, path, roles):
        """The table of routes and roles."""
        client, secrets, _ = guarded
        for role, (_, secret) in secrets.items():
            answer = client.request(method, path, headers={"Authorization": f"Bearer {secret}"}, json={})
            assert (answer.status_code != 403) == (role in roles), (role, answer.status_code)

    def test_the_ledger_names_the_key_and_never_the_secret(self, guarded, settings):
        """Its id and name, so that a person can be asked."""
        client, secrets, _ = guarded
        key, secret = secrets["clinician"]
        headers = {"X-API-Key": secret}
        made = client.post("/v1/decisions", json=CALL, headers=headers).json()
        (entry,) = client.get(f"/v1/decisions/{made['decision_id']}", headers=headers).json()
        assert entry["content"]["actor"] == f"key:{key.key_id}:clinician"
        assert not any(
            secret.encode() in path.read_bytes() for path in settings["bundle"].parent.glob("*") if path.is_file()
        )

    def test_a_revoked_key_ends_without_a_restart(self, guarded, monkeypatch):
        """The file is read again within seconds."""
        client, secrets, path = guarded
        key, secret = secrets["clinician"]
        headers = {"X-API-Key": secret}
        assert client.get("/v1/model", headers=headers).status_code == 200
        api_keys.revoke(path, key.key_id)
        monkeypatch.setattr("serving.security.authentication._REREAD_SECONDS", 0.0)
        assert client.get("/v1/model", headers=headers).status_code == 401

    def test_a_stream_needs_a_key_too(self, guarded):
        """Without one the connection is refused; with one of the role it opens."""
        client, secrets, _ = guarded
        for headers in ({}, {"X-API-Key": secrets["evaluator"][1]}):
            with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/stream", headers=headers):
                pass
        with client.websocket_connect("/v1/stream", headers={"X-API-Key": secrets["call_taker"][1]}) as socket:
            assert socket.receive_json()["type"] == "session"

    def test_signed_tokens_are_checked(self, settings, tmp_path):
        """Signature, end, audience and roles; another's key, an old token and `none` are refused."""
        ours, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ours.public_key())) | {"kid": "k1", "alg": "ES256"}
        (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
        app = create_app(Settings(**settings, jwks=str(tmp_path / "jwks.json"), audience="heartline"), log=False)
        claims = {"sub": "ada", "exp": time.time() + 60, "aud": "heartline", "roles": ["call_taker", "king"]}

        def status(key, algorithm="ES256", **more):
            token = jwt.encode(claims | more, key, algorithm=algorithm, headers={"kid": "k1"})
            headers = {"Authorization": f"Bearer {token}"}
            return client.post("/v1/decisions", json=CALL, headers=headers).status_code

        with local_client(app, raise_server_exceptions=False) as client:
            assert status(ours) == 200
            assert status(other) == 401
            assert status(ours, exp=time.time() - 60) == 401
            assert status(ours, aud="elsewhere") == 401
            assert status(ours, roles=["evaluator"]) == 403
            assert status(ours, roles="call_taker") == 403
            assert status(None, algorithm="none") == 401

    def test_too_many_requests_are_told_to_wait(self, settings):
        """Twice the rate at once, and then 429."""
        with local_client(create_app(Settings(**settings, rate=5), log=False)) as client:
            codes = [client.get("/v1/model").status_code for _ in range(14)]
        assert codes[:10] == [200] * 10
        assert 429 in codes[10:]

    def test_headers_keep_a_browser_careful(self, service):
        """On answers and on refusals alike; no other site may read."""
        for answer in (service.post("/v1/decisions", json=CALL), service.get("/nowhere")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in answer.headers
        preflight = service.options(
            "/v1/decisions", headers={"Origin": "https://x", "Access-Control-Request-Method": "POST"}
        )
        assert preflight.status_code == 403


class TestSessions:
    """Access of a console session ends when it should."""

    @pytest.fixture
    def signed_in(self, settings, tmp_path, monkeypatch):
        """Return a client that has signed in as a clinician and an evaluator, with its key's id and the file of keys."""
        monkeypatch.setattr("serving.security.authentication._REREAD_SECONDS", -1.0)
        path = tmp_path / "keys.json"
        key, secret = api_keys.create(path, name="ann", roles=["clinician", "evaluator"])
        app = create_app(Settings(**settings, keys=str(path)), log=False)
        with local_client(app, raise_server_exceptions=False) as client:
            client.post("/sign-in", data={"secret": secret}, follow_redirects=False)
            assert client.get("/v1/ledger").status_code == 200
            yield client, key, path

    def test_signing_out_ends_the_session_for_whoever_holds_its_cookie(self, signed_in):
        """A copied cookie is worth nothing after it."""
        client, _, _ = signed_in
        cookie = client.cookies["heartline"]
        client.post("/sign-out", follow_redirects=False)
        assert client.get("/v1/ledger", headers={"Cookie": f"heartline={cookie}"}).status_code == 401

    def test_a_role_that_a_key_lost_its_session_lost_too(self, signed_in):
        """The cookie's own list of roles does not outlive the key's."""
        client, key, path = signed_in
        stored = json.loads(path.read_text())
        path.write_text(json.dumps([each | {"roles": ["call_taker"]} for each in stored]))
        assert client.get("/v1/ledger").status_code == 403
        api_keys.revoke(path, key.key_id)
        assert client.get("/v1/ledger").status_code == 401

    def test_a_half_written_file_of_keys_takes_nothing_away(self, signed_in):
        """The last good keys count until the file can be read."""
        client, _, path = signed_in
        path.write_text(path.read_text()[:50])
        assert client.get("/v1/ledger").status_code == 200

    @pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/preferences"])
    @pytest.mark.parametrize(
        "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    )
    def test_another_sites_form_is_refused(self, signed_in, path, headers):
        """Nobody is signed in or out by a link."""
        client, _, _ = signed_in
        answer = client.post(path, data={"secret": "hl_x"}, headers=headers, follow_redirects=False)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")


class TestForeignHosts:
    """DNS rebinding: a page that makes its own name point here reaches nothing."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "evil.example"},
            {"Host": "evil.example", "Origin": "http://evil.example"},
            {"Origin": "http://evil.example"},
        ],
    )
    def test_no_route_answers_another_name(self, service, headers):
        """Not decisions, not the ledger, not health, not the pages."""
        for path in ("/", "/v1/health/live", "/v1/ledger", "/metrics", "/openapi.json"):
            answer = service.get(path, headers=headers)
            assert answer.status_code in {400, 403}
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-frame-options"] == "DENY"
        assert service.post("/v1/decisions", json=CALL, headers=headers).status_code in {400, 403}

    @pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}])
    def test_no_stream_opens_for_another_name(self, service, headers):
        """A WebSocket with a foreign Host or Origin is refused."""
        with pytest.raises(WebSocketDisconnect), service.websocket_connect("/v1/stream", headers=headers):
            pass


class TestTokens:
    """A provider's keys and its tokens."""

    def test_tokens_without_an_audience_are_not_taken(self, settings, tmp_path):
        """Another application's token would pass."""
        (tmp_path / "jwks.json").write_text('{"keys": []}')
        with pytest.raises(InvalidConfig, match="HEARTLINE_AUDIENCE"):
            create_app(Settings(**settings, jwks=str(tmp_path / "jwks.json")), log=False)

    def test_a_provider_that_hangs_delays_nobody(self, settings):
        """The keys are fetched by a thread; until they come no token is valid, and health answers at once."""
        with socket.create_server(("127.0.0.1", 0)) as hanging:
            url = f"http://127.0.0.1:{hanging.getsockname()[1]}/jwks"
            app = create_app(Settings(**settings, jwks=url, audience="heartline"), log=False)
            token = jwt.encode({"sub": "a", "exp": time.time() + 60, "aud": "heartline"}, "x" * 32, headers={"kid": "k"})
            with local_client(app) as client:
                began = time.perf_counter()
                assert client.post("/v1/decisions", json=CALL, headers={"X-API-Key": token}).status_code == 401
                assert client.get("/v1/health/live").status_code == 200
                assert time.perf_counter() - began < 2

    def test_a_key_of_another_kind_than_the_token_says_is_no_fault_of_ours(self, settings, tmp_path):
        """ES256 with the id of an RSA key is 401."""
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key.public_key())) | {"kid": "k1"}
        (tmp_path / "jwks.json").write_text(json.dumps({"keys": [public]}))
        app = create_app(Settings(**settings, jwks=str(tmp_path / "jwks.json"), audience="heartline"), log=False)
        claims = {"sub": "ada", "exp": time.time() + 60, "aud": "heartline", "roles": ["call_taker"]}
        token = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": "k1"})
        with local_client(app, raise_server_exceptions=False) as client:
            assert client.post("/v1/decisions", json=CALL, headers={"X-API-Key": token}).status_code == 401

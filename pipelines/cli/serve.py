"""The commands that start the service and manage its API keys."""

import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from models.common import api_keys
from models.errors import InvalidConfig
from models.ledger import Ledger, NoteEncryption, key_file_of
from models.programs.files import ProgramFiles
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, RunsOption, takes_deployed_program

SERVE_EXAMPLE = "Example: heartline serve --port 8000"
keys_app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")
KeysOption = Annotated[Path, typer.Option("--keys", help="File of keys; the service reads it as HEARTLINE_KEYS.")]
KEYS = Path("mlruns/keys.json")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@takes_deployed_program
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; other machines are served only with keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    certificate: Annotated[Path | None, typer.Option("--tls-certificate", help="PEM file of the certificate.")] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="PEM file of its key.")] = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Serve decisions over HTTP."""
    import uvicorn  # noqa: PLC0415  of the extra `serve`, which `heartline keys` does not need

    if host not in _LOOPBACK and not (os.environ.get("HEARTLINE_KEYS") or os.environ.get("HEARTLINE_JWKS")):
        remedy = "set HEARTLINE_KEYS (heartline keys create) or HEARTLINE_JWKS"
        raise InvalidConfig("other machines are not served without authentication", value=host, remedy=remedy)
    if host not in _LOOPBACK and "HEARTLINE_ALLOWED_HOSTS" not in os.environ:
        remedy = "set HEARTLINE_ALLOWED_HOSTS to the host names in the service's URLs, separated by commas"
        raise InvalidConfig("other machines are not served without allowed host names", value=host, remedy=remedy)
    if os.geteuid() == 0:
        terminal.say("Heartline runs as root: run it as a user of its own")
    if (certificate is None) != (key is None):
        raise InvalidConfig("a certificate and its key go together", remedy="give --tls-certificate and --tls-key")
    variables = {
        "HEARTLINE_BUNDLE": runs / "champion",
        "HEARTLINE_CHALLENGER": runs / "challenger",
        "HEARTLINE_CACHE": runs / "last-good",
        "HEARTLINE_LEDGER": f"sqlite:///{runs / 'ledger.db'}",
        "HEARTLINE_ANCHOR": runs / "ledger.anchor",
    }
    for name, value in variables.items():
        os.environ.setdefault(name, str(value))
    for name, path in asdict(program).items():  # already the environment's where no option was given
        if path is not None:
            os.environ[f"HEARTLINE_{name.upper()}"] = str(path)
    if workers > 1:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="heartline-metrics-"))
    _create_ledger(os.environ["HEARTLINE_LEDGER"], os.environ["HEARTLINE_ANCHOR"])
    scheme = "https" if certificate else "http"
    terminal.say(f"Heartline serves on {scheme}://{host}:{port}/ (Ctrl+C stops it)")
    uvicorn.run(
        "serving.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ws_max_size=256 * 1024,
        http="serving.security.connections:GuardedProtocol",
        timeout_worker_healthcheck=60,  # a worker that is still importing on a busy machine is not dead
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,  # seconds to answer open requests after SIGTERM
        limit_concurrency=2000,
    )


def _create_ledger(url: str, anchor: str) -> None:
    """Create the ledger at the first start, and print that; do nothing where the ledger or its anchor exists."""
    if url == "none" or Ledger.exists(url, anchor):
        return
    encryption = NoteEncryption.from_environment(key_file_of(url), create=True)
    Ledger.create(url, encryption=encryption, anchor=anchor).close()
    terminal.say(f"ledger created: {url.split('@', maxsplit=1)[-1]}, its anchor: {anchor}")


@keys_app.command("create", epilog="Example: heartline keys create --name desk-1 --role call_taker --keys /tmp/keys.json")
def create(
    name: Annotated[str, typer.Option("--name", help="Who will use it.")],
    role: Annotated[list[str], typer.Option("--role", help="call_taker, clinician, evaluator or administrator.")],
    keys: KeysOption = KEYS,
) -> None:
    """Create an API key and show it once; only its hash is stored."""
    key, secret = api_keys.create(keys, name=name, roles=role)
    terminal.show(f"{key.key_id}  {key.name}  {', '.join(key.roles)}")
    terminal.show(secret)


@keys_app.command("list", epilog="Example: heartline keys list --keys /tmp/keys.json")
def list_keys(keys: KeysOption = KEYS) -> None:
    """List the keys: their ids, names and roles, never the keys themselves."""
    for key in api_keys.read(keys):
        end = f", revoked {key.revoked_at}" if key.revoked_at else ""
        terminal.show(f"{key.key_id}  {key.name}  {', '.join(key.roles)}  made {key.made_at}{end}")


@keys_app.command("revoke", epilog="Example: heartline keys revoke 0a1b2c3d --keys /tmp/keys.json")
def revoke(key_id: Annotated[str, typer.Argument(help="The key's id, as list shows it.")], keys: KeysOption = KEYS) -> None:
    """Revoke a key; a running service refuses it within seconds."""
    revoked = api_keys.revoke(keys, key_id)
    terminal.show(f"{revoked.key_id}  {revoked.name}  revoked {revoked.revoked_at}")

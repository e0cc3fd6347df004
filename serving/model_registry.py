"""The champion's bundle from an MLflow registry, downloaded to this machine. No other file of the service uses MLflow."""

import os
from collections.abc import Callable
from pathlib import Path

from models.errors import BundleError
from serving.model_manager import Source


def fetcher(uri: str, *, name: str, cache: Path) -> Callable[[], Source]:
    """Return a function that downloads the present champion and returns its folder and digest; it raises `BundleError`."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    fetched: dict[str, Source] = {}

    def fetch() -> Source:
        import mlflow  # noqa: PLC0415  loads slowly, and is needed only where a registry is polled
        from mlflow.tracking import MlflowClient  # noqa: PLC0415

        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            champion = MlflowClient(uri, uri).get_model_version_by_alias(name, "champion")
            version, digest = str(champion.version), champion.tags.get("digest")
            if version not in fetched:
                target = cache.with_name(f"registry-{version}")
                local = mlflow.artifacts.download_artifacts(
                    f"models:/{name}/{version}", dst_path=str(target), tracking_uri=uri
                )
                fetched[version] = Source(Path(local) / "artifacts" / "bundle", digest)
        except Exception as error:  # noqa: BLE001  MLflow raises many kinds; each means that no champion can be read now
            fault = type(error).__name__
            raise BundleError("the registry gives no champion", value=fault, remedy="check that MLflow runs") from None
        if not digest:
            raise BundleError("the registry names no digest for its champion", value=version, remedy="register it again")
        return fetched[version]

    return fetch

"""The active champion and challenger: another is loaded aside, proved, and put into use while requests go on.

A bundle that cannot be loaded, whatever is wrong with it, never takes the place of one that answers. The last good one is
kept in a cache, for a start on a day when the champion's folder is broken or MLflow is down. A challenger, where there is
one, is judged apart and scores the same calls off the hot path.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.atomic import replace_folder
from models.classifier import bundle as bundles
from models.classifier.bundle import MANIFEST, Bundle
from models.errors import BundleError
from models.ledger import archive
from models.programs.program import Program, load_program
from models.router import Router, matcher_of
from models.veto.rulebook import RULEBOOK_PATH
from serving.settings import Settings

NO_FALLBACK = "the champion could not be loaded: only the rules answer"
FALLBACK = "the champion could not be loaded, the last good bundle answers"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the champion's bundle is, and the digest that it must have where a registry names one."""

    folder: Path
    digest: str | None = None


Fetch = Callable[[], Source]


@dataclass(frozen=True, slots=True)
class ActiveModels:
    """The router that answers, a sentence on its state, and the challenger that is scored beside it."""

    router: Router
    detail: str
    challenger: Router | None
    folder: Path | None = None
    """Where a copy of the router's bundle is kept that no release replaces; missing where none could be written."""


class ModelManager:
    """Keeps the active models; a request reads `active` once, a reload replaces it whole."""

    def __init__(
        self,
        settings: Settings,
        *,
        fetch: Fetch | None = None,
        router: Router | None = None,
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        """Load the champion, or else the last good bundle, or else the rules alone; with `router` that one for good.

        `on_fault` is called each time a bundle is refused.
        """
        self._on_fault = on_fault
        self._settings, self._fetch = settings, fetch or (lambda: Source(settings.bundle))
        self._pin = settings.digest or None
        self._program: Program | None = None if router else load_program(settings.program_files)
        self._matcher = None if self._program is None else matcher_of(self._program)
        self._lock, self._stop, self._wake = threading.Lock(), threading.Event(), threading.Event()
        self._fixed = router is not None
        self.swaps = 0
        self.active = ActiveModels(router, "ready", None) if router else self._load_first()

    def reload(self) -> bool:
        """Look for another champion or challenger and use it where it proves itself; return whether anything changed."""
        if self._fixed:
            return False
        with self._lock:
            now = self.active
            router, detail, folder = self._champion(now)
            challenger = self._challenger(now.challenger)
            changed = router is not now.router or challenger is not now.challenger
            self.swaps += router is not now.router
            self.active = ActiveModels(router, detail, challenger, folder)
            return changed

    def watch(self) -> threading.Thread:
        """Start the thread that looks for another champion every few seconds, or when woken."""
        thread = threading.Thread(target=self._run, name="champion", daemon=True)
        thread.start()
        return thread

    def wake(self) -> None:
        """Look for another champion now."""
        self._wake.set()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._wake.set()

    def _run(self) -> None:
        """Look again and again until closed."""
        while not self._stop.is_set():
            self._wake.wait(self._settings.poll)
            self._wake.clear()
            if not self._stop.is_set():
                self.reload()

    def _load_first(self) -> ActiveModels:
        """Load what can be loaded at the start."""
        rules = ActiveModels(self._route(None), "", None)
        router, detail, folder = self._champion(rules)
        if router.bundle is None:
            with contextlib.suppress(Exception):  # without a last good bundle the rules answer, as `detail` says
                router = self._route(bundles.load(self._settings.cache, expected_digest=self._pin))
                detail = detail.replace(NO_FALLBACK, FALLBACK)
                folder = self._keep(self._settings.cache)
            if router.bundle is None:
                self._keep(None)
        return ActiveModels(router, detail, self._challenger(None), folder)

    def _champion(self, now: ActiveModels) -> tuple[Router, str, Path | None]:
        """Return the champion's router, its state and its kept copy; those of now where another cannot be loaded."""
        try:
            source = self._fetch()
            digest = str(bundles.read_manifest(source.folder)["digest"])
            self._check_pin(digest)
            if now.router.bundle is not None and now.router.bundle.digest == digest:
                return now.router, "ready", now.folder
            bundle = bundles.load(source.folder, expected_digest=source.digest)
            self._cache(source.folder, bundle)
            return self._route(bundle), "ready", self._keep(source.folder)
        except Exception as error:  # noqa: BLE001  whatever a bundle holds, the one before it goes on answering
            self._on_fault()
            fault = NO_FALLBACK if now.router.bundle is None else FALLBACK
            return now.router, f"{fault}: {_described(error)}", now.folder

    def _check_pin(self, digest: str) -> None:
        """Raise `BundleError` for another model than the one that may answer, where one is named."""
        if self._pin is not None and digest != self._pin:
            raise BundleError("this is not the pinned model", value=digest[:16], remedy="HEARTLINE_DIGEST names another")

    def _challenger(self, now: Router | None) -> Router | None:
        """Return the challenger, where there is one that can be loaded."""
        folder = self._settings.challenger
        try:
            if not (folder / MANIFEST).is_file():
                return None
            if now is not None and now.versions.model == bundles.read_manifest(folder)["digest"]:
                return now
            return self._route(bundles.load(folder))
        except Exception:  # noqa: BLE001  a broken challenger must not touch the champion
            self._on_fault()
            return None

    def _cache(self, folder: Path, bundle: Bundle) -> None:
        """Keep a copy of a bundle that was proved as the last good one."""
        cache = self._settings.cache
        try:
            if not (cache / MANIFEST).is_file() or bundles.read_manifest(cache)["digest"] != bundle.digest:
                replace_folder(cache, folder)
        except (OSError, BundleError):
            pass  # without a cache the service still answers

    def _keep(self, folder: Path | None) -> Path | None:
        """Keep the parts that decide from now on under their versions; return where the bundle is kept."""
        if self._program is None or self._matcher is None:
            return None
        root = self._settings.cache.parent / "archive"
        with contextlib.suppress(OSError, BundleError):
            archive.keep(
                root,
                bundle=folder,
                rulebook=(self._matcher.version, self._program.rulebook or RULEBOOK_PATH),
                program=(self._program.version, self._program.text),
            )
            if folder is not None:
                return archive.find(root, "bundle", str(bundles.read_manifest(folder)["digest"]))
        return None

    def _route(self, bundle: Bundle | None) -> Router:
        """Return a router over a bundle, sharing the compiled veto and the program."""
        if self._program is None or self._matcher is None:
            raise RuntimeError("a fixed router is never replaced")
        return Router(bundle=bundle, program=self._program, matcher=self._matcher)


def _described(error: Exception) -> str:
    """Return what is wrong with a bundle: our own message, or the type of another fault."""
    return str(error) if isinstance(error, BundleError) else type(error).__name__

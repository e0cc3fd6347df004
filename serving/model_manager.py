"""The active champion and challenger, which are replaced by newer ones while requests are answered.

A bundle that cannot be loaded never replaces the active one. The last good bundle is kept in a cache, for a start at which
the champion's folder is broken or MLflow cannot be reached. A challenger is loaded separately, and scores the same calls in
a thread of its own.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.classifier import bundle as bundles
from models.classifier.bundle import MANIFEST, Bundle
from models.common.atomic import replace_folder
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
    """The folder of the champion's bundle, and the digest that it must have, if a registry names one."""

    folder: Path
    digest: str | None = None


Fetch = Callable[[], Source]


@dataclass(frozen=True, slots=True)
class ActiveModels:
    """The router that answers, a sentence about its state, and the challenger."""

    router: Router
    detail: str
    challenger: Router | None
    folder: Path | None = None
    """The archived copy of the router's bundle, which no release replaces; `None` where none could be written."""


class ModelManager:
    """The active models: a request reads `active` once, and a reload replaces it as a whole."""

    def __init__(
        self,
        settings: Settings,
        *,
        fetch: Fetch | None = None,
        router: Router | None = None,
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        """Load the champion, or else the last good bundle, or else the rules alone; a given `router` is never replaced.

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
        """Check for another champion or challenger, use it where it passes its checks, and return whether one changed."""
        if self._fixed:
            return False
        with self._lock:
            before = self.active
            router, detail, folder = self._champion(before)
            challenger = self._challenger(before.challenger)
            changed = router is not before.router or challenger is not before.challenger
            self.swaps += router is not before.router
            self.active = ActiveModels(router, detail, challenger, folder)
            return changed

    def watch(self) -> threading.Thread:
        """Start and return the thread that checks for another champion every few seconds, or when `wake` is called."""
        thread = threading.Thread(target=self._run, name="champion", daemon=True)
        thread.start()
        return thread

    def wake(self) -> None:
        """Check for another champion now."""
        self._wake.set()

    def close(self) -> None:
        """Stop checking."""
        self._stop.set()
        self._wake.set()

    def _run(self) -> None:
        """Check repeatedly until closed."""
        while not self._stop.is_set():
            self._wake.wait(self._settings.poll)
            self._wake.clear()
            if not self._stop.is_set():
                self.reload()

    def _load_first(self) -> ActiveModels:
        """Return the models that can be loaded at the start."""
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

    def _champion(self, active: ActiveModels) -> tuple[Router, str, Path | None]:
        """Return the champion's router, its state and its archived copy; the active ones where it cannot be loaded."""
        try:
            source = self._fetch()
            digest = str(bundles.read_manifest(source.folder)["digest"])
            self._check_pin(digest)
            if active.router.bundle is not None and active.router.bundle.digest == digest:
                return active.router, "ready", active.folder
            bundle = bundles.load(source.folder, expected_digest=source.digest)
            self._cache(source.folder, bundle)
            return self._route(bundle), "ready", self._keep(source.folder)
        except Exception as error:  # noqa: BLE001  whatever a bundle holds, the active one continues to answer
            self._on_fault()
            fault = NO_FALLBACK if active.router.bundle is None else FALLBACK
            return active.router, f"{fault}: {_described(error)}", active.folder

    def _check_pin(self, digest: str) -> None:
        """Raise `BundleError` for a model other than the pinned one, if one is pinned."""
        if self._pin is not None and digest != self._pin:
            raise BundleError("this is not the pinned model", value=digest[:16], remedy="HEARTLINE_DIGEST names another")

    def _challenger(self, active: Router | None) -> Router | None:
        """Return the challenger, `None` where there is none or it cannot be loaded."""
        folder = self._settings.challenger
        try:
            if not (folder / MANIFEST).is_file():
                return None
            if active is not None and active.versions.model == bundles.read_manifest(folder)["digest"]:
                return active
            return self._route(bundles.load(folder))
        except Exception:  # noqa: BLE001  a broken challenger must not touch the champion
            self._on_fault()
            return None

    def _cache(self, folder: Path, bundle: Bundle) -> None:
        """Store a copy of a bundle that passed its checks as the last good one."""
        cache = self._settings.cache
        try:
            if not (cache / MANIFEST).is_file() or bundles.read_manifest(cache)["digest"] != bundle.digest:
                replace_folder(cache, folder)
        except (OSError, BundleError):
            pass  # without a cache the service still answers

    def _keep(self, folder: Path | None) -> Path | None:
        """Archive bundle, rulebook and program by their versions, for replays; return the archived bundle's folder."""
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
    """Return the fault of a bundle: the message of a `BundleError`, or the type of another error."""
    return str(error) if isinstance(error, BundleError) else type(error).__name__

"""Hold the model that answers now; load another aside, prove it, and swap it in while nobody waits.

A bundle that cannot be loaded never takes the place of one that answers. The last good one is kept in a cache, for a start
on a day when the champion's folder is broken or MLflow is down. A challenger, where there is one, scores the same calls
off the hot path.
"""

import contextlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.classifier import bundle as bundles
from models.classifier.bundle import MANIFEST, Bundle
from models.errors import BundleError
from models.ledger import archive
from models.programs.program import PROGRAMS, Program, load_program
from models.router import Router
from models.veto.matcher import Rulebook
from models.veto.rulebook import RULEBOOK_PATH
from serving.settings import Settings

Fetch = Callable[[], Path]


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold who answers, why, and who is scored beside it."""

    router: Router
    detail: str
    shadow: Router | None


class Live:
    """Hold the present standing; readers take it once a request, writers replace it whole."""

    def __init__(self, settings: Settings, *, fetch: Fetch | None = None, router: Router | None = None) -> None:
        """Load the champion, or else the last good bundle, or else the rules alone."""
        self._settings, self._fetch = settings, fetch or (lambda: settings.bundle)
        self._program: Program | None = None if router else load_program(settings.program)
        self._rulebook = None if router else Rulebook()
        self._lock, self._stop, self._wake = threading.Lock(), threading.Event(), threading.Event()
        self._fixed = router is not None
        self.swaps = 0
        self.standing = Standing(router, "ready", None) if router else self._first()

    def reload(self) -> bool:
        """Look for another champion or challenger and swap it in where it proves itself; tell whether anything changed."""
        if self._fixed:
            return False
        with self._lock:
            now = self.standing
            router, detail = now.router, now.detail
            try:
                folder = self._fetch()
                digest = str(bundles.read_manifest(folder)["digest"])
                if router.bundle is None or router.bundle.digest != digest:
                    router, detail = self._route(self._load(folder)), "ready"
            except (BundleError, OSError) as error:
                detail = f"the champion could not be loaded, the one before it answers: {error}"
                if router.bundle is None:
                    detail = str(error)
            shadow = self._challenger(now.shadow)
            changed = router is not now.router or shadow is not now.shadow
            self.swaps += router is not now.router
            self.standing = Standing(router, detail, shadow)
            return changed

    def watch(self) -> threading.Thread:
        """Start looking for another champion every few seconds, or when woken."""
        thread = threading.Thread(target=self._run, name="champion", daemon=True)
        thread.start()
        return thread

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._wake.set()

    def _run(self) -> None:
        """Look again and again."""
        while not self._stop.is_set():
            self._wake.wait(self._settings.poll)
            self._wake.clear()
            if not self._stop.is_set():
                self.reload()

    def _first(self) -> Standing:
        """Load what can be loaded at the start."""
        try:
            router, detail = self._route(self._load(self._fetch())), "ready"
        except (BundleError, OSError) as error:
            try:
                router = self._route(bundles.load(self._settings.cache))
                detail = f"the champion could not be loaded, the last good bundle answers: {error}"
            except BundleError:
                router, detail = self._route(None), str(error)
            self._keep(self._settings.cache if router.bundle else None)
        return Standing(router, detail, self._challenger(None))

    def _load(self, folder: Path) -> Bundle:
        """Load a bundle, which proves its scorer, and keep a copy of it as the last good one."""
        loaded = bundles.load(folder)
        cache = self._settings.cache
        try:
            if not (cache / MANIFEST).is_file() or bundles.read_manifest(cache)["digest"] != loaded.digest:
                staged = cache.with_name(f"{cache.name}.new")
                shutil.rmtree(staged, ignore_errors=True)
                shutil.copytree(folder, staged)
                shutil.rmtree(cache, ignore_errors=True)
                staged.rename(cache)
        except (OSError, BundleError):
            pass  # a cache that cannot be written takes nothing from those who ask
        self._keep(folder)
        return loaded

    def _keep(self, folder: Path | None) -> None:
        """Keep the parts that decide from now on under their versions, so that their decisions can be made again."""
        if self._program is None or self._rulebook is None:
            return
        program = PROGRAMS / f"{self._settings.program}.toml"
        with contextlib.suppress(OSError, BundleError):
            archive.keep(
                self._settings.cache.parent / "archive",
                bundle=folder,
                rulebook=(self._rulebook.version, RULEBOOK_PATH),
                program=(self._program.version, program),
            )

    def _challenger(self, now: Router | None) -> Router | None:
        """Load the challenger, where there is one and it is not the one already loaded."""
        folder = self._settings.challenger
        if not (folder / MANIFEST).is_file():
            return None
        try:
            if now is not None and now.versions.model == bundles.read_manifest(folder)["digest"]:
                return now
            return self._route(bundles.load(folder))
        except BundleError:
            return None

    def _route(self, bundle: Bundle | None) -> Router:
        """Return a router over a bundle, sharing the rulebook and the program."""
        if self._program is None or self._rulebook is None:
            raise RuntimeError("a fixed router is never replaced")
        return Router(bundle=bundle, program=self._program, rulebook=self._rulebook)

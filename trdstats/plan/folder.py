"""The folder of a run is whole or absent: written beside, moved in place at the end.

Beside the folder ``report`` stand, while a run goes on, the lock ``.report.trdstats-lock``, the
new report ``.report.trdstats-new``, and for an instant the earlier one, ``.report.trdstats-old``.
A run that was killed leaves them behind; the next one clears them, or puts the earlier report
back if the run was killed in that instant.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trdstats.errors import PlanError, TrdstatsError, why_unreadable
from trdstats.plan.manifest import MANIFEST, fingerprint, read_manifest

ROOMS = ("tables", "figures")  # these belong to the run, whatever lies in them
PAPER = "paper"  # of the files in it only those of the run do
PAPER_FILES = ("paper.docx", "tables.tex", "tables.xlsx")
_OF_A_RUN = (*ROOMS, MANIFEST, "report.html", "results.json")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write to, and put it in the place of `folder` at the end.

    When anything stops the run, `folder` is as it was before. Files in `folder` that no run has
    written are kept.

    Raises
    ------
    PlanError
        When the folder cannot be used, or another run is writing to it; before anything is
        computed. Later, when a file cannot be written: with its path.
    """
    asked = str(folder)
    if "\0" in asked:
        raise PlanError(f"The folder {asked!r} cannot be written: its name has a null character.")
    try:
        folder = folder.resolve()
        _check_place(folder, asked)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder, asked):
            old, new = _beside(folder, "old"), _beside(folder, "new")
            _clear_leftovers(folder, old, new)
            _check_content(folder, asked)
            try:
                for room in ROOMS:
                    (new / room).mkdir(parents=True)
                yield new
                _replace(folder, old, new)
            finally:
                shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(asked, error) from error


def _cannot_write(asked: str, error: OSError) -> PlanError:
    path = error.filename if isinstance(error.filename, str) else asked
    at = "" if path == asked else f" (at {path!r})"
    return PlanError(
        f"The folder {asked!r} cannot be written: {why_unreadable(error)}{at}. Nothing was "
        "changed in it; mend this or name another folder with --out."
    )


def _beside(folder: Path, what: str) -> Path:
    return folder.parent / f".{folder.name}.trdstats-{what}"


def _check_place(folder: Path, asked: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise PlanError(f"{asked!r} is a file; name a folder with --out.")
    here = Path.cwd()
    if folder.is_dir() and (os.path.ismount(folder) or folder in (here, *here.parents)):
        raise PlanError(
            f"The folder {asked!r} cannot be replaced as a whole, because it holds the "
            "working folder or is the root of a disk; name a folder inside it with --out."
        )
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise PlanError(
            f"The folder {asked!r} cannot be written: Permission denied. "
            "Name another folder with --out."
        )


def _check_content(folder: Path, asked: str) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not _holds_report(folder):
        raise PlanError(
            f"The folder {asked!r} holds files that are no report; name another with --out."
        )
    edited = _edited_papers(folder)
    if edited:
        raise PlanError(
            f"{' and '.join(edited)} in the folder {asked!r} changed after a run wrote it, and a "
            "new run would replace it. Move it elsewhere, or name another folder with --out."
        )


def _edited_papers(folder: Path) -> list[str]:
    """Return the files for a paper that are not as a run wrote them: authors work on them."""
    names = [f"{PAPER}/{n}" for n in PAPER_FILES if (folder / PAPER / n).is_file()]
    written = read_manifest(folder)["results"] if names else {}
    return [n for n in names if fingerprint(folder / n) != written.get(n)]


def _clear_leftovers(folder: Path, old: Path, new: Path) -> None:
    """Undo what a killed run left; the lock says that no other run is at work."""
    if old.exists():
        if folder.exists():
            shutil.rmtree(old)
        else:
            old.rename(folder)
    if new.exists():
        shutil.rmtree(new)


def _replace(folder: Path, old: Path, new: Path) -> None:
    """Put the new folder in the place of the earlier one."""
    if not folder.exists():
        new.rename(folder)
        return
    _keep_others(folder, new)
    shutil.copymode(folder, new)
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _keep_others(folder: Path, new: Path) -> None:
    """Copy what users have put beside the files of an earlier run."""
    for path in folder.iterdir():
        if path.name in _OF_A_RUN:
            continue
        if path.is_dir() and not path.is_symlink():
            ignored = shutil.ignore_patterns(*PAPER_FILES) if path.name == PAPER else None
            shutil.copytree(
                path, new / path.name, symlinks=True, ignore=ignored, dirs_exist_ok=True
            )
        else:
            shutil.copy2(path, new / path.name, follow_symlinks=False)


def _holds_report(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except TrdstatsError:
        return False
    return True


@contextmanager
def _locked(folder: Path, asked: str) -> Iterator[None]:
    """Hold the lock of a folder; the system lets go of it when the run ends in whatever way."""
    path = _beside(folder, "lock")
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            # The run before may have removed the file between our opening and our locking it.
            if _is_same_file(handle, path):
                break
        except BlockingIOError:
            os.close(handle)
            raise PlanError(
                f"Another run is writing to {asked!r}. Wait for it to end, or name another "
                "folder with --out."
            ) from None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    try:
        yield
    finally:
        if sys.platform != "win32":  # there an open file cannot be removed
            path.unlink(missing_ok=True)
        os.close(handle)


def _is_same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

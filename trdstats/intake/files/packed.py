"""Compressed files: .gz, and .zip with one file in it."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from trdstats.errors import TrdstatsError

PACKED = (".gz", ".zip")


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give the file inside a compressed one, under its own name, for as long as it is read.

    Raises
    ------
    TrdstatsError
        When an archive holds no file, or several.
    """
    with TemporaryDirectory() as folder:
        if path.suffix.lower() == ".gz":
            inner = Path(folder) / path.stem
            with gzip.open(path) as source, inner.open("wb") as target:
                shutil.copyfileobj(source, target)
        else:
            with zipfile.ZipFile(path) as archive:
                member = _only_member(archive, path.name)
                inner = Path(folder) / PurePosixPath(member).name
                with archive.open(member) as source, inner.open("wb") as target:
                    shutil.copyfileobj(source, target)
        yield inner


def _only_member(archive: zipfile.ZipFile, name: str) -> str:
    # Archives made on a Mac hold a shadow of every file.
    members = [
        m.filename
        for m in archive.infolist()
        if not m.is_dir() and not m.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        listed = f": {', '.join(map(repr, members[:12]))}" if members else ""
        raise TrdstatsError(
            f"{name!r} holds {len(members)} files{listed}. Unpack it and name one of them, or pack "
            "one file alone."
        )
    return members[0]

"""Files without the time at which they were written, so that writing again gives the same bytes."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from pathlib import Path

_MOMENT = (2024, 1, 1, 0, 0, 0)


def write_archive(path: Path, members: dict[str, str | bytes]) -> None:
    """Write a zip archive whose members were all written at one moment."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            # The member that tells what the archive is must be readable without unpacking.
            how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), data, how)


def settle_workbook(data: bytes) -> dict[str, str | bytes]:
    """Return the members of an Excel workbook, written at one moment."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {n: archive.read(n) for n in sorted(archive.namelist())}
    core = "docProps/core.xml"
    members[core] = re.sub(
        rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2024-01-01T00:00:00Z", members[core]
    )
    return dict(members)


def settle(path: Path) -> None:
    """Replace the moment of writing in the header of a file of SPSS, Stata or SAS."""
    data = path.read_bytes()
    patterns = {
        ".sav": (rb"\d\d [A-Z][a-z]{2} \d\d\d\d:\d\d:\d\d", b"01 Jan 2400:00:00"),
        ".dta": (rb"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d", b"01 Jan 2024 00:00"),
        ".xpt": (rb"\d\d[A-Z]{3}\d\d:\d\d:\d\d:\d\d", b"01JAN24:00:00:00"),
    }
    pattern, moment = patterns[path.suffix]
    head = re.sub(pattern, moment, data[:2000])
    path.write_bytes(head + data[2000:])


def write_gz(path: Path, text: str) -> None:
    """Write compressed text without the moment of writing."""
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))

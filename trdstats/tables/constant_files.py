"""Office files whose bytes depend on their content alone, not on the clock."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime

# The first day that a zip archive can hold.
EPOCH = datetime(1980, 1, 1)
_PROPERTIES = "docProps/core.xml"
_DATE = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def without_clock(content: bytes) -> bytes:
    """Return an Office file (docx, xlsx) with the dates of its parts and properties fixed."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            part = old.read(name)
            if name == _PROPERTIES:
                part = _DATE.sub(rb"\g<1>" + EPOCH.strftime("%Y-%m-%dT%H:%M:%SZ").encode(), part)
            entry = zipfile.ZipInfo(name, EPOCH.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # the same on every platform
            new.writestr(entry, part)
    return result.getvalue()

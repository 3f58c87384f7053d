"""What makes two plans one analysis: everything but where a site keeps its files."""

from __future__ import annotations

import hashlib
import json
import tomllib

from trdstats.plan.plan import Plan

# Of ``[study]`` and ``[study.export]`` what decides numbers; where a site keeps its files, and what
# it calls its columns, may differ.
_OF_STUDY = ("scale", "windows", "randomised", "averaged_over", "treatments", "duplicates")


def fingerprint_of(plan: Plan) -> str:
    """Return the SHA-256 of a plan without the files and columns of its study."""
    data = tomllib.loads(plan.text)
    study = data.get("study", {})
    export = study.get("export", {})
    described = {**study, **(export if isinstance(export, dict) else {})}
    data["study"] = {k: described[k] for k in _OF_STUDY if k in described}
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

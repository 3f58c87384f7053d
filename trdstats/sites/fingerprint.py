"""What makes two plans one analysis: everything but where a site keeps its files."""

from __future__ import annotations

import hashlib
import json
import tomllib

from trdstats.plan.plan import Plan

# Of ``[study]`` what decides numbers; files and names of columns may differ between sites.
_OF_STUDY = ("scale", "windows", "randomised", "averaged_over", "treatments")


def fingerprint_of(plan: Plan) -> str:
    """Return the SHA-256 of a plan without the files and columns of its study."""
    data = tomllib.loads(plan.text)
    study = data.get("study", {})
    data["study"] = {k: study[k] for k in _OF_STUDY if k in study}
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

"""Mixed models on real trials, beside R. Their licences keep the files out of this repository."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from r_models import in_r
from real_files import real_file

from trdstats import LMM, MMRM


def real(name: str) -> Any:
    path = real_file(name)
    return json.loads(path.read_text("utf-8")) if path.suffix == ".json" else pd.read_csv(path)


def close_to_r(found: Any, own: dict[str, Any], *, se: float = 1e-4) -> None:
    """R stops its search early: deviances are R's or lower, errors agree to that."""
    assert own["reml_deviance"] - 1e-4 < found.deviance < own["reml_deviance"] + 1e-6
    coef = own["coef"] | {":".join(reversed(k.split(":"))): v for k, v in own["coef"].items()}
    error = own["se"] | {":".join(reversed(k.split(":"))): v for k, v in own["se"].items()}
    for row in found.tidy().itertuples():
        name = in_r(row.term)
        assert row.estimate == pytest.approx(coef[name], abs=1e-3 * error[name])
        assert row.std_error == pytest.approx(error[name], rel=se)


def test_antidepressant_trial() -> None:
    frame, expected = real("antidepressant_hamd17.csv"), real("expected_results.json")
    frame = frame.assign(THERAPY=pd.Categorical(frame["THERAPY"], ["PLACEBO", "DRUG"]))
    own = expected["antidepressant_hamd17"]["mmrm_us"]["kenward_roger_linear_as_in_sas_un"]
    found = MMRM("CHANGE ~ BASVAL * VISIT + THERAPY * VISIT").fit(
        frame, subject="PATIENT", visit="VISIT"
    )
    close_to_r(found, own)
    table = found.margins("THERAPY", by="VISIT").contrasts(reference="PLACEBO").tidy()
    of_r = pd.DataFrame(own["contrasts"])
    assert table["estimate"].to_numpy() == pytest.approx(of_r["estimate"].to_numpy(), abs=1e-4)
    assert table["df"].to_numpy() == pytest.approx(of_r["df"].to_numpy(), rel=2e-4)
    # As published: -2.80 at week 6, 1.1163 with 150.1 degrees of freedom, p 0.0131.
    last = table.iloc[-1]
    assert [round(last[c], d) for c, d in (("estimate", 2), ("df", 1), ("p_value", 4))] == [
        -2.8, 150.1, 0.0131,
    ]  # fmt: skip
    assert round(last["std_error"], 3) == 1.116


@pytest.mark.parametrize("structure", ["us", "cs", "csh", "ar1", "ar1h", "toep", "toeph", "adh"])
def test_fev_trial(structure: str) -> None:
    frame, expected = real("mmrm_fev.csv"), real("expected_results.json")
    own = expected["mmrm_fev"][structure]
    own = own["satterthwaite_asymptotic_vcov"] if structure == "us" else own
    found = MMRM(
        "FEV1 ~ RACE + SEX + ARMCD * AVISIT", covariance=structure, ddf="satterthwaite"
    ).fit(frame, subject="USUBJID", visit="AVISIT")
    close_to_r(found, own)
    assert found.covariance.to_numpy() == pytest.approx(np.array(own["cov"]), abs=0.01)
    table = found.margins("ARMCD", by="AVISIT").tidy()
    means = pd.DataFrame(own["lsmeans"])
    assert table["estimate"].to_numpy() == pytest.approx(means["emmean"].to_numpy(), abs=1e-3)
    assert table["df"].to_numpy() == pytest.approx(means["df"].to_numpy(), rel=1e-3)


def test_beat_the_blues() -> None:
    wide, expected = real("btheb.csv"), real("expected_results.json")
    long = wide.melt(
        id_vars=["subject", "drug", "length", "treatment", "bdi_pre"],
        value_vars=["bdi_2m", "bdi_3m", "bdi_5m", "bdi_8m"], var_name="month", value_name="bdi",
    )  # fmt: skip
    long = long.assign(
        time=long["month"].str.extract(r"(\d)")[0].astype(float),
        treatment=pd.Categorical(long["treatment"], ["TAU", "BtheB"]),
    )
    formula = "bdi ~ bdi_pre + time + treatment + drug + length"
    for key, random in (("ml_random_intercept", "1"), ("ml_random_slope", "1 + time")):
        own = expected["btheb"][key]
        found = LMM(formula, random=random, reml=False).fit(long)
        assert found.deviance == pytest.approx(own["minus2ll_or_reml_dev"], abs=1e-5)
        for row in found.tidy().itertuples():
            name = row.term.replace("Intercept", "(Intercept)").replace("[T.", "").rstrip("]")
            assert row.estimate == pytest.approx(own["coef"][name], abs=1e-4 * own["se"][name])
            assert row.std_error == pytest.approx(own["se"][name], rel=1e-4)
    first = LMM(formula, reml=False).fit(long)
    assert [round(v, 2) for v in first.tidy()["estimate"]] == [5.59, 0.64, -0.7, -2.33, -2.82, 0.2]
    assert round(first.covariance.iloc[0, 0], 2) == 48.78
    assert round(first.residual_variance, 2) == 25.14

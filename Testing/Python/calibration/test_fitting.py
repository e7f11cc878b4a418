"""What is fitted on cases finds again what was put into them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.trust.risk import FEATURES, IDS
from HeartSegTrainingLib.calibration.calibrate import fit
from HeartSegTrainingLib.calibration.risk_fit import DIRECTIONS, fit_risk, rows_of, thresholds
from HeartSegTrainingLib.calibration.temperature import calibration_error, fit_temperature, sampled_cells
from HeartSegTrainingLib.calibration.unusual_fit import fit_unusual
from invented_cases import OVERCONFIDENT, cases, without_faults

WEIGHTS = ("a" * 64,)


def test_the_temperature_by_which_a_network_is_too_sure_is_found() -> None:
    values, truth = sampled_cells(cases(6), 1)
    temperature = fit_temperature(values, truth)
    assert temperature == pytest.approx(OVERCONFIDENT, rel=0.1)
    assert calibration_error(values, truth, temperature) < 0.5 * calibration_error(values, truth, 1.0)


def test_ordinary_images_are_ordinary_and_others_are_not() -> None:
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((3, 40))
    ordinary = rng.standard_normal((60, 3)) @ directions + 0.3 * rng.standard_normal((60, 40))
    unusual = fit_unusual(ordinary[:40])
    unseen = [unusual.percentile(unusual.distance(one)) for one in ordinary[40:]]
    assert 20 < np.mean(unseen) < 80
    assert unusual.percentile(unusual.distance(ordinary[0] + 3 * rng.standard_normal(40))) > 95
    with pytest.raises(UsageError, match="too few"):
        fit_unusual(ordinary[:7])


def test_what_lies_off_the_usual_directions_counts_and_not_how_far_along_them() -> None:
    rng = np.random.default_rng(2)
    directions = np.linalg.qr(rng.standard_normal((40, 3)))[0].T
    ordinary = 5 * rng.standard_normal((200, 3)) @ directions + 0.3 * rng.standard_normal((200, 40))
    unusual = fit_unusual(ordinary)
    far_along = ordinary[0] + 20 * directions[0]
    aside = ordinary[0] + 3 * np.linalg.qr(np.column_stack([*directions, rng.standard_normal(40)]))[0][:, 3]
    assert unusual.distance(aside) > 2 * unusual.distance(far_along)


def test_unusual_images_are_known_by_other_cases_than_errors() -> None:
    known, ordinary = cases(40), without_faults()
    trust = fit(known, [*ordinary, replace(ordinary[0], refused="No heart was found.")], WEIGHTS, {})
    assert len(trust.unusual.reference) == len(ordinary)
    np.testing.assert_allclose(trust.unusual.mean, np.mean([case.features for case in ordinary], 0), atol=1e-6)


def test_a_trust_file_flags_the_bad_structures_of_other_cases() -> None:
    known, other = cases(60), cases(100)[60:]
    trust = fit(known, without_faults(), WEIGHTS, {"cases": 60, "seed": 1})
    assert trust.weights == WEIGHTS
    assert trust.record["calibration_error_after"] < trust.record["calibration_error_before"]
    assert trust.record["bad_flagged"] > 0.9
    rows = rows_of(other, trust.temperature, trust.unusual)
    risk = np.array([trust.risk.risk(IDS[structure], list(values))
                     for structure, values in zip(rows.structure, rows.values, strict=True)])
    assert rows.bad.sum() > 30
    assert (risk[rows.bad] >= trust.risk.amber).mean() > 0.9
    assert (risk[~rows.bad] >= trust.risk.amber).mean() < 0.1
    assert len(trust.to_json()) < 100_000


def test_refused_scans_are_counted_and_not_learned_from() -> None:
    known = cases(40)
    known[5] = replace(known[5], refused="No heart was found.", dice={})
    assert fit(known, without_faults(), WEIGHTS, {}).record["refused"] == 1


def test_too_few_bad_structures_are_said() -> None:
    good = [replace(case, dice=dict.fromkeys(case.dice, 0.9)) for case in cases(40)]
    with pytest.raises(UsageError, match="0 of 280 structures"):
        fit(good, without_faults(), WEIGHTS, {})


def test_thresholds_flag_what_they_promise() -> None:
    rng = np.random.default_rng(3)
    bad = rng.random(2000) < 0.3
    risk = np.clip(np.where(bad, rng.normal(0.7, 0.15, 2000), rng.normal(0.2, 0.15, 2000)), 0.001, 0.999)
    amber, red = thresholds(risk, bad)
    assert (risk[bad] >= amber).mean() >= 0.93
    assert (risk[~bad] >= amber).mean() <= 0.08
    assert red >= amber
    assert bad[risk >= red].mean() >= 0.8


def test_thresholds_balance_where_they_cannot_keep_it() -> None:
    rng = np.random.default_rng(4)
    bad = rng.random(2000) < 0.3
    risk = np.clip(np.where(bad, rng.normal(0.5, 0.2, 2000), rng.normal(0.35, 0.2, 2000)), 0.001, 0.95)
    amber, _ = thresholds(risk, bad)
    assert (risk[bad] < amber).mean() == pytest.approx((risk[~bad] >= amber).mean(), abs=0.03)


def test_each_structure_may_have_its_own_risk() -> None:
    known = [replace(case, dice={**case.dice, "PA": 0.4}) for case in cases(40)]
    trust = fit(known, without_faults(), WEIGHTS, {})
    assert trust.risk.intercepts["PA"] > max(trust.risk.intercepts[id] for id in IDS if id != "PA") + 1


def test_rows_know_their_case_so_that_folds_keep_cases_whole() -> None:
    known = cases(12)
    trust_rows = rows_of(known, 2.0, fit_unusual(np.stack([case.features for case in cases(40)])))
    assert np.bincount(trust_rows.case).tolist() == [7] * 12
    model, unseen = fit_risk(rows_of(cases(40), 2.0, fit_unusual(np.stack([case.features for case in cases(40)]))))
    assert len(unseen) == 280
    assert 0 < model.amber <= model.red < 1


def test_no_evidence_counts_against_its_meaning() -> None:
    rows = rows_of(cases(40), 2.0, fit_unusual(np.stack([case.features for case in cases(40)])))
    values, odd = rows.values.copy(), FEATURES.index("unusual")
    values[:, odd] = -2.0 * rows.bad + np.random.default_rng(3).normal(0, 0.5, len(values))  # good ones are unusual
    model, _ = fit_risk(replace(rows, values=values))
    assert model.weights[odd] == 0.0
    for name, weight in zip(FEATURES, model.weights, strict=True):
        assert weight * DIRECTIONS.get(name, 1) >= 0
    assert model.weights[FEATURES.index("expected_dice")] < 0

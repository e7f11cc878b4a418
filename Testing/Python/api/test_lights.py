"""What is said of a result: one light for all of it, then one for each structure that is not green."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.api.confidence import doubts_of, verdict_of
from HeartSeg3DLib.segmentation.verdict import Level, Mark, Verdict

FINE = Verdict("green", "Nothing speaks against it.", (Mark("LV", "green", "Left ventricle cavity: nothing.", 0.1),))
CUT = Mark("AO", "amber", "Aorta: cut by the upper border of the scan.", 0.1, only_cut=True)


def frames(*verdicts: Verdict) -> list[SimpleNamespace]:
    """Segmented frames of which nothing but the verdict is known."""
    return [SimpleNamespace(heart=SimpleNamespace(trust=verdict)) for verdict in verdicts]


def judged(level: Level, *marks: Mark) -> Verdict:
    return Verdict(level, f"All of it is {level}.", marks)


def doubt(id: str, level: Level, risk: float) -> Mark:
    return Mark(id, level, f"{BY_ID[id].name}: {risk:.0%} risk.", risk)


def texts(*verdicts: Verdict) -> list[str]:
    return [light.text for light in doubts_of(frames(*verdicts))]


def test_a_green_result_needs_one_line() -> None:
    assert verdict_of(frames(FINE)).text == "Green. Nothing speaks against it."
    assert texts(FINE) == []


def test_structures_that_are_not_green_follow_the_worst_first() -> None:
    unseen = Mark("PA", "grey", "Pulmonary artery: not found in this scan.")
    verdict = judged("red", unseen, doubt("RV", "amber", 0.4), doubt("AO", "red", 0.8), doubt("LV", "green", 0.1))
    assert texts(verdict) == ["Red. Aorta: 80% risk.", "Amber. Right ventricle cavity: 40% risk.",
                              "Not judged. Pulmonary artery: not found in this scan."]


def test_structures_of_which_the_same_is_said_share_a_line_and_the_sides_of_a_cut_are_left_to_the_warning() -> None:
    also = Mark("PA", "amber", "Pulmonary artery: cut by the right border of the scan.", 0.1, only_cut=True)
    wrong = Mark("MYO", "red", f"{BY_ID['MYO'].name}: cut by the right border of the scan; probably wrong.", 0.85)
    unseen = [Mark(id, "grey", f"{BY_ID[id].name}: not found in this scan.") for id in ("LA", "RA")]
    assert texts(judged("red", CUT, also, wrong, *unseen)) == [
        f"Red. {wrong.sentence}", "Amber. Aorta, Pulmonary artery: cut by the border of the scan.",
        f"Not judged. {BY_ID['LA'].name}, {BY_ID['RA'].name}: not found in this scan."]


def test_where_nobody_judged_the_reason_is_said_once() -> None:
    verdict = Verdict("grey", "A fast result is not judged.", (Mark("LV", "grey", "Not judged."), CUT))
    assert verdict_of(frames(verdict)).text == "Not judged. A fast result is not judged."
    assert texts(verdict) == ["Amber. Aorta: cut by the border of the scan."]


@pytest.mark.parametrize("level", ["grey", "amber", "red"])
def test_the_worst_phase_speaks_for_a_beating_heart(level: Level) -> None:
    worst = verdict_of(frames(FINE, judged(level), FINE))
    said = f"All of it is {level}. (Worst of the 3 phases: the second, frame 1.)"
    assert (worst.level, worst.sentence) == (level, said)
    assert verdict_of(frames(FINE, FINE)).sentence == "Nothing speaks against it. (In both phases.)"


def test_of_phases_as_bad_as_each_other_the_one_with_more_such_structures_is_the_worst() -> None:
    left, right = doubt("LV", "red", 0.8), doubt("RV", "red", 0.8)
    phases = frames(Verdict("red", "One is wrong.", (left,)), Verdict("red", "Two are wrong.", (left, right)))
    assert verdict_of(phases).text == "Red. Two are wrong. (Worst of the 2 phases: the second, frame 1.)"


def test_of_phases_with_as_many_such_structures_the_one_with_the_largest_risk_is_the_worst() -> None:
    early, late = judged("red", doubt("LV", "red", 0.8)), judged("red", doubt("LV", "red", 0.9))
    assert "the second, frame 1.)" in verdict_of(frames(early, late, FINE)).sentence


def test_the_headline_names_what_is_as_bad_in_other_phases_only() -> None:
    worst = judged("red", doubt("LV", "red", 0.9), doubt("RV", "red", 0.8), doubt("AO", "amber", 0.3))
    other = judged("red", doubt("LV", "red", 0.9), doubt("PA", "red", 0.8), replace(CUT, level="red"))
    milder = judged("amber", doubt("RA", "amber", 0.3))
    assert verdict_of(frames(milder, other, worst)).sentence.endswith(
        "(Worst of the 3 phases: the second, frame 1; red in other phases: Right ventricle cavity.)")
    assert verdict_of(frames(milder, FINE)).sentence.endswith("(Worst of the 2 phases: the first, frame 0.)")


def test_a_structure_is_named_once_with_the_number_of_phases_in_which_it_is_not_green() -> None:
    phases = (judged("red", doubt("RV", "red", 0.8)), judged("amber", doubt("RV", "amber", 0.4), CUT),
              judged("red", doubt("RV", "red", 0.9)))
    assert texts(*phases) == [
        "Red. Right ventricle cavity: 90% risk. (Amber or red in all 3 phases; worst in the third, frame 2.)",
        "Amber. Aorta: cut by the border of the scan."]
    assert texts(*phases[::2], FINE) == [
        "Red. Right ventricle cavity: 90% risk. (Red in 2 of the 3 phases; worst in the second, frame 1.)"]
    torn = Mark("AO", "amber", "Aorta: in 2 separate pieces.", 0.0)
    assert texts(judged("amber", CUT), judged("amber", torn)) == [
        "Amber. Aorta: in 2 separate pieces. (Amber in both phases; worst in the second, frame 1.)"]
    assert texts(FINE, judged("amber", torn)) == [
        "Amber. Aorta: in 2 separate pieces. (In 1 of the 2 phases: the second, frame 1.)"]


def test_phases_in_which_nobody_judged_a_structure_count_only_where_it_was_judged_in_none() -> None:
    unseen = Mark("RV", "grey", f"{BY_ID['RV'].name}: not found in this scan.")
    without, bad = Verdict("green", "Fine.", (unseen,)), judged("red", doubt("RV", "red", 0.8))
    assert texts(without, bad, without) == [
        "Red. Right ventricle cavity: 80% risk. (In 1 of the 3 phases: the second, frame 1.)"]
    assert texts(without, FINE, without) == [
        "Not judged. Right ventricle cavity: not found in this scan. (In 2 of the 3 phases.)"]


def test_of_many_phases_the_worst_is_said_as_people_count() -> None:
    bad, fine = judged("red", doubt("RV", "red", 0.8)), FINE
    many = [bad if number < 25 else fine for number in range(30)]
    assert texts(*many) == [
        "Red. Right ventricle cavity: 80% risk. (In 25 of the 30 phases.)"]
    assert texts(bad, bad, bad) == ["Red. Right ventricle cavity: 80% risk. (In all 3 phases.)"]
    late = [bad if number == 21 else fine for number in range(30)]
    assert verdict_of(frames(*late)).sentence == "All of it is red. (Worst of the 30 phases: the 22nd, frame 21.)"

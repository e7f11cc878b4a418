"""A structure that a mesh does not keep is told about first."""

from HeartSeg3DLib.api.mesh_words import change_sentences, volume_sentences
from HeartSeg3DLib.meshing.quality import MeshReport


def report_with(error: float | None) -> MeshReport:
    return MeshReport("surface", (), {}, {6: {} if error is None else {"volume_error_percent": error}})


def test_a_structure_that_lost_its_volume_is_named() -> None:
    (sentence,) = volume_sentences(report_with(-96.1))
    assert sentence.startswith("Aorta lost 96 % of its volume")
    (sentence,) = volume_sentences(report_with(119.0))
    assert sentence.startswith("Aorta gained 119 % of its volume")


def test_one_that_kept_it_is_not() -> None:
    assert volume_sentences(report_with(0.4)) == []
    assert volume_sentences(report_with(None)) == []


def test_changes_are_counted_in_words() -> None:
    assert change_sentences(1, {6: 2}, "sample") == [
        "1 sample changed label so that surfaces do not touch themselves.",
        "Aorta: 2 samples that resampling cut off went to the surroundings."]

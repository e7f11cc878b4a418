"""Segments of any origin are told by their terminology, then by their name; what nobody can tell is listed."""

from __future__ import annotations

import unittest

import slicer

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.scene.segment_description import describe
from HeartSeg3DLib.scene.segment_matching import match_segments, structure_of

ENTRY = "~".join(("Some terminology", "SCT^123037004^Anatomical Structure", "{type}", "{side}",
                  "Anatomic codes - DICOM master list", "{region}", "^^"))
TISSUE, LEFT, RIGHT = "SCT^85756007^Tissue", "SCT^7771000^Left", "SCT^24028007^Right"


def a_segment(name: str, type: str = "", side: str = "^^", region: str = "^^") -> slicer.vtkSegment:
    segment = slicer.vtkSegment()
    segment.SetName(name)
    if type:
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(),
                       ENTRY.format(type=type, side=side, region=region))
    return segment


class SegmentMatchingTest(unittest.TestCase):
    def assert_is(self, segment: slicer.vtkSegment, id: str | None) -> None:
        found = structure_of(segment)
        self.assertEqual(found.id if found is not None else None, id, segment.GetName())

    def test_every_structure_of_the_module_is_found_again(self) -> None:
        for structure in STRUCTURES.values():
            segment = slicer.vtkSegment()
            describe(segment, structure)
            self.assertIs(structure_of(segment, structure.id), structure)

    def test_a_code_says_more_than_a_name(self) -> None:
        self.assert_is(a_segment("Segment_1", "SCT^87878005^Left ventricle"), "LV")
        self.assert_is(a_segment("Aorta", "SCT^73829009^Right atrium"), "RA")
        self.assert_is(a_segment("Segment_1", TISSUE, region="SCT^82471001^Left atrium"), "LA")

    def test_a_code_that_says_nothing_leaves_it_to_the_name(self) -> None:
        self.assert_is(a_segment("Right ventricle", TISSUE), "RV")
        self.assert_is(a_segment("Right ventricle", "SRT^T-32500^Right ventricle"), "RV")
        self.assert_is(a_segment("Lung", TISSUE), None)

    def test_of_structures_with_one_code_the_name_chooses(self) -> None:
        self.assert_is(a_segment("Left atrium wall", "SCT^82471001^Left atrium"), "LA_WALL")
        self.assert_is(a_segment("anything", "SCT^82471001^Left atrium"), "LA")
        self.assert_is(a_segment("anything", "SCT^74281007^Myocardium"), "MYO")
        self.assert_is(a_segment("Right inferior pulmonary vein", "SCT^122972007^Pulmonary vein"), "RIPV")
        self.assert_is(a_segment("pulmonary_vein", "SCT^122972007^Pulmonary vein"), None)

    def test_the_other_side_is_another_structure(self) -> None:
        self.assert_is(a_segment("Appendage", "SCT^68786006^Atrial appendage", LEFT), "LAA")
        self.assert_is(a_segment("Appendage", "SCT^68786006^Atrial appendage", RIGHT), None)

    def test_names_are_read_in_any_order_and_spelling(self) -> None:
        for name, id in (("heart_ventricle_left", "LV"), ("LV blood pool", "LV"), ("myocardium", "MYO"),
                         ("Left Ventricular Myocardium", "MYO"), ("RV", "RV"), ("right atrial cavity", "RA"),
                         ("Pulmonary trunk", "PA"), ("Aorta", "AO"), ("LV endo", None), ("Spine", None), ("", None),
                         ("42", None)):
            self.assert_is(a_segment(name), id)

    def test_a_segmentation_tells_what_is_known_and_what_is_not(self) -> None:
        contents = slicer.vtkSegmentation()
        for name in ("Lung", "Aorta", "LV", "Spine"):
            contents.AddSegment(a_segment(name), f"id of {name}")
        matches = match_segments(contents)
        self.assertEqual(matches.values, {"id of Aorta": BY_ID["AO"].value, "id of LV": BY_ID["LV"].value})
        self.assertEqual(matches.unknown, ("Lung", "Spine"))


if __name__ == "__main__":
    unittest.main()

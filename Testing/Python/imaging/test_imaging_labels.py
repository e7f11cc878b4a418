"""Label maps of other projects become ours, or are refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import SCHEMES, read_labels, write_segmentation


def foreign(path: Path, values: list[int], kind: type = np.int16) -> Path:
    """A label map with one slice of each value, background first."""
    labels = np.zeros((len(values) + 1, 4, 5), kind)
    for index, value in enumerate(values):
        labels[index + 1] = value
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(path))
    return path


def slices_of(image: sitk.Image) -> list[int]:
    voxels = sitk.GetArrayFromImage(image)
    assert voxels.dtype == np.uint8
    assert (voxels == voxels[:, :1, :1]).all()
    return voxels[:, 0, 0].tolist()


@pytest.mark.parametrize(("scheme", "values", "ids"), [
    ("totalsegmentator", [1, 2, 3, 4, 5, 6, 7], ["MYO", "LA", "LV", "RA", "RV", "AO", "PA"]),
    ("totalsegmentator-v1", [1, 7, 8, 44, 45, 46, 47, 48, 49, 104],
     ["", "AO", "IVC", "MYO", "LA", "LV", "RA", "RV", "PA", ""]),
    ("mmwhs", [205, 420, 421, 500, 550, 600, 820, 850], ["MYO", "LA", "LA", "LV", "RA", "RV", "AO", "PA"]),
    ("acdc", [1, 2, 3], ["RV", "MYO", "LV"]),
    ("hvsmr", [1, 2, 3, 4, 5, 6, 7, 8], ["LV", "RV", "LA", "RA", "AO", "PA", "SVC", "IVC"]),
])
@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32, np.float64, np.int64])
def test_schemes_give_the_canonical_values(
        scheme: str, values: list[int], ids: list[str], kind: type, tmp_path: Path) -> None:
    labels = read_labels(foreign(tmp_path / "labels.nrrd", values, kind), scheme)
    assert slices_of(labels) == [0, *(BY_ID[one].value if one else 0 for one in ids)]


def test_canonical_values_need_no_scheme(tmp_path: Path) -> None:
    values = list(STRUCTURES)
    assert slices_of(read_labels(foreign(tmp_path / "labels.nii.gz", values))) == [0, *values]


@pytest.mark.parametrize(("scheme", "values", "named"), [
    (None, [1, 77, 500], "77, 500"), ("mmwhs", [205, 3], "3"), ("acdc", [1, 4], "4"), ("acdc", [-1, 2], "-1"),
    ("totalsegmentator", [1, 44], "44"), ("totalsegmentator-v1", [105], "105"),
    (None, list(range(30, 40)), "30, 31, 32, 33, 34 and 5 more"), (None, [300, 32767], "300, 32767")])
def test_unknown_values_are_named_and_never_dropped(
        scheme: str | None, values: list[int], named: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"without a known meaning: {named}\\."):
        read_labels(foreign(tmp_path / "labels.nrrd", values), scheme)


def test_values_far_apart_are_named_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"meaning: -3, 2000000000\."):
        read_labels(foreign(tmp_path / "labels.nrrd", [1, -3, 2_000_000_000], np.int32))


@pytest.mark.parametrize("number", [1.25, np.nan, np.inf])
def test_fractions_are_no_labels(number: float, tmp_path: Path) -> None:
    values = np.zeros((3, 4, 5), np.float32)
    values[1] = number
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "labels.nrrd"))
    with pytest.raises(InputError, match="no whole numbers"):
        read_labels(tmp_path / "labels.nrrd")


def test_a_table_of_values(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("value,structure\n10,LV\n20,left ventricle myocardium\n 30 , background \n40,103\n\n50,svc\n")
    labels = read_labels(foreign(tmp_path / "labels.nrrd", [10, 20, 30, 40, 50]), table)
    assert slices_of(labels) == [0, 1, 2, 0, 103, 13]
    with pytest.raises(InputError, match="meaning: 60"):
        read_labels(foreign(tmp_path / "labels.nrrd", [60]), str(table))


@pytest.mark.parametrize(("content", "match"), [
    ("10,LV\n20,spleen\n", "20,spleen"), ("10,LV\nten,RV\n", "ten,RV"), ("10\n", "10"),
    ("10,LV\n10,RV\n", "two meanings"),
    ("value,structure\n", "is empty"), ("", "is empty"), ("70000,LV\n", "70000"), ("-1,LV\n", "-1,LV")])
def test_tables_with_errors_are_quoted(content: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(InputError, match=match):
        read_labels(foreign(tmp_path / "labels.nrrd", [10]), tmp_path / "table.csv")


@pytest.mark.parametrize("scheme", ["nonsense", "missing.csv"])
def test_an_unknown_scheme_is_wrong_usage(scheme: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"scheme {scheme} is unknown") as caught:
        read_labels(foreign(tmp_path / "labels.nrrd", [1]), scheme)
    assert all(name in caught.value.remedy for name in SCHEMES)


def named_by_totalsegmentator(path: Path, names: dict[int, str]) -> Path:
    """Puts a label table behind the NIfTI header, as TotalSegmentator does."""
    table = "".join(f'<Label Key="{value}" Red="1.0" Green="0" Blue="0" Alpha="1"><![CDATA[{name}]]></Label>\n'
                    for value, name in names.items()).encode()
    table += b" " * (-(len(table) + 8) % 16)
    plain = foreign(path, list(names)).read_bytes()
    moved = (352 + 8 + len(table)).to_bytes(4, "little")
    offset = np.array([int.from_bytes(moved, "little")], "<f4").tobytes()
    extension = b"\1\0\0\0" + (8 + len(table)).to_bytes(4, "little") + bytes(4) + table
    path.write_bytes(plain[:108] + offset + plain[112:348] + extension + plain[352:])
    return path


def test_names_inside_the_file_count_more_than_the_numbers(tmp_path: Path) -> None:
    path = named_by_totalsegmentator(tmp_path / "labels.nii", {
        1: "spleen", 7: "aorta", 44: "heart_myocardium", 46: "heart_ventricle_left"})
    assert slices_of(read_labels(path, "totalsegmentator")) == [0, 0, 6, 2, 1]
    path = named_by_totalsegmentator(tmp_path / "labels.nii", {1: "spleen", 51: "heart"})
    with pytest.raises(InputError, match="names no chamber"):
        read_labels(path, "totalsegmentator")


def test_a_folder_of_masks_is_joined(tmp_path: Path) -> None:
    z = np.arange(6)[:, None, None] * np.ones((6, 4, 5))
    for name, mask in (("heart_ventricle_left", z == 1), ("heart_myocardium", z == 2), ("aorta", z == 3),
                       ("spleen", z == 4), ("heart_atrium_left", (z == 2) | (z == 5))):
        sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8)), str(tmp_path / f"{name}.nii.gz"))
    labels = read_labels(tmp_path, "totalsegmentator")
    assert slices_of(labels) == [0, 1, 2, 6, 0, 4]


def test_masks_named_after_structures_need_no_scheme(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no mask of a heart structure"):
        read_labels(tmp_path)
    foreign(tmp_path / "LV.nrrd", [1])
    assert slices_of(read_labels(tmp_path)) == [0, 1]
    foreign(tmp_path / "RV.nrrd", [1, 1])
    with pytest.raises(InputError, match="do not lie on one grid"):
        read_labels(tmp_path)


# Segmentations that were changed in Slicer


def layered(path: Path, segments: list[dict[str, str]], layers: np.ndarray) -> Path:
    """A .seg.nrrd with a list axis of layers, (z, y, x, layers)."""
    z, y, x, count = layers.shape
    lines = ["NRRD0004", "type: unsigned char", "dimension: 4", "space: left-posterior-superior",
             f"sizes: {count} {x} {y} {z}", "space directions: none (1,0,0) (0,1,0) (0,0,1)",
             "kinds: list domain domain domain", "endian: little", "encoding: raw", "space origin: (0,0,0)"]
    lines += [f"Segment{index}_{key}:={value}"
              for index, fields in enumerate(segments) for key, value in fields.items()]
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + layers.astype(np.uint8).tobytes())
    return path


def test_segments_are_known_by_id_name_or_code_in_any_layer(tmp_path: Path) -> None:
    layers = np.zeros((5, 4, 5, 2))
    layers[1, ..., 0], layers[2, ..., 0], layers[2, ..., 1], layers[3, ..., 1] = 9, 4, 1, 1
    code = "TerminologyEntry:Any list~SCT^123037004^Anatomical Structure~SCT^82471001^Left atrium~^^~Any~^^~^^|"
    path = layered(tmp_path / "a.seg.nrrd", [
        {"ID": "LV", "Name": "renamed", "LabelValue": "9", "Layer": "0"},
        {"ID": "Segment_2", "Name": "Aorta", "LabelValue": "4", "Layer": "0"},
        {"ID": "Segment_3", "Name": "left one", "LabelValue": "1", "Layer": "1", "Tags": code}], layers)
    assert slices_of(read_labels(path)) == [0, 1, 4, 4, 0]


def test_segments_without_meaning_are_named(tmp_path: Path) -> None:
    path = layered(tmp_path / "a.seg.nrrd", [{"ID": "LV", "LabelValue": "1"}, {"ID": "Segment_1", "Name": "Tumor"}],
                   np.ones((3, 4, 5, 2)))
    with pytest.raises(InputError, match="without a known meaning: Tumor"):
        read_labels(path)
    with pytest.raises(InputError, match="has no segments"):
        read_labels(layered(tmp_path / "b.seg.nrrd", [], np.ones((3, 4, 5, 2))))


def test_a_scheme_reads_the_numbers_of_a_segmentation(tmp_path: Path, a_label_map: sitk.Image) -> None:
    write_segmentation(tmp_path / "a.seg.nrrd", sitk.Minimum(a_label_map, 2))
    labels = sitk.GetArrayFromImage(read_labels(tmp_path / "a.seg.nrrd", "acdc"))
    assert set(np.unique(labels)) == {0, BY_ID["RV"].value, BY_ID["MYO"].value}

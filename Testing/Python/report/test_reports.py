"""Reports: one page that says everything, needs nothing else, and takes names as words and not as markup."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.measurement import FunctionChoices, function_of_frames, measure
from HeartSeg3DLib.report import ReportContent, write_report
from HeartSeg3DLib.report.pdf_writer import text_width, wrapped, writable
from HeartSeg3DLib.trust import Level, Mark, structure_marks
from HeartSeg3DLib.trust.light import COLORS, Judgement, Light

LEVELS = {"grey": "Not judged", "green": "Green", "amber": "Amber", "red": "Red"}
NAMES = ("Left ventricle cavity", "Left ventricle myocardium", "Right ventricle cavity", "Pulmonary artery")


class Elements(HTMLParser):
    """Collects tags, addresses that a browser would load, and words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "data", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.words += data + "\n"


@pytest.fixture(scope="module")
def beating(heart_labels: sitk.Image, heart_image: sitk.Image) -> ReportContent:
    smaller = sitk.GetArrayFromImage(heart_labels)
    smaller[:, :, ::2][smaller[:, :, ::2] == 1] = 2
    systole = sitk.GetImageFromArray(smaller)
    systole.CopyInformation(heart_labels)
    labels = [heart_labels, systole]
    measured = [measure(one) for one in labels]
    function = function_of_frames(measured, [0.0, 350.0], FunctionChoices(heart_rate=60, height_cm=180, weight_kg=80))
    judgements = [Judgement(structure_marks(one)) for one in labels]
    return ReportContent("<script>cine</script> & Ärzte", labels, measured, [heart_image] * 2, function, judgements,
                         ["Look <i>here</i>."], "Whole heart (tiny 1.0.0)", {"Device": "cpu"})


@pytest.fixture(scope="module")
def html(beating: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(tmp_path_factory.mktemp("html") / "cine.html", beating).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pdf(beating: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("pdf") / "cine.pdf", beating)


def pdf_drawing(path: Path) -> str:
    """Drawing commands of a PDF's pages, one a line."""
    streams = map(zlib.decompress, re.findall(rb"stream\n(.*?)\nendstream", path.read_bytes(), re.DOTALL))
    return "\n".join(drawn.decode("cp1252") for drawn in streams
                     if drawn.startswith((b"BT", b"q", b"0")) and b" Tj ET" in drawn)


def pdf_words(path: Path) -> str:
    """Words of a PDF as they stand in its drawing commands."""
    return "\n".join(re.sub(r"\\(.)", r"\1", text) for text in re.findall(r"\((.*)\) Tj ET", pdf_drawing(path)))


def test_the_html_page_loads_nothing_and_runs_nothing(html: str) -> None:
    page = Elements(html)
    assert {"script", "link", "iframe", "object", "form"}.isdisjoint(page.tags)
    assert page.loads
    assert all(address.startswith("data:image/png;base64,") for address in page.loads)
    assert not re.search(r"url\(|@import", html)


def test_names_and_warnings_are_words_and_not_markup(html: str) -> None:
    page = Elements(html)
    assert "i" not in page.tags
    assert "<script>cine</script> & Ärzte" in page.words
    assert "Look <i>here</i>." in page.words


def test_both_forms_say_the_same(html: str, pdf: Path, beating: ReportContent) -> None:
    assert beating.function is not None
    fraction = f"{beating.function.ventricles['LV'].ejection_fraction_percent:.1f}"
    for words in (Elements(html).words, pdf_words(pdf)):
        for said in (*NAMES, "Ejection fraction", fraction, "Cardiac output", "Whole heart (tiny 1.0.0)",
                     "For research, not a medical device.", "Left ventricle", "ED", "ES", "Mosteller", "Software"):
            assert said in words, said


def test_pictures_show_end_diastole_and_end_systole(html: str) -> None:
    pictures = [base64.b64decode(data) for data in re.findall(r"data:image/png;base64,([^\"]+)", html)]
    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert pictures[0] != pictures[1]
    assert "End-diastole, frame 0" in html
    assert "End-systole, frame 1" in html


def test_a_label_map_without_its_scan_has_a_report_too(heart_labels: sitk.Image, tmp_path: Path) -> None:
    content = ReportContent("heart.nii.gz", [heart_labels], [measure(heart_labels)])
    words = Elements(write_report(tmp_path / "heart.html", content).read_text("utf-8")).words
    assert "without the scan" in words
    assert "Ejection fraction" not in words


def test_a_structure_to_look_at_is_marked_with_its_sentence(heart_labels: sitk.Image, tmp_path: Path) -> None:
    cut = heart_labels[:, :, 40:]
    content = ReportContent("cut", [cut], [measure(cut)], judgements=[Judgement(structure_marks(cut))])
    text = write_report(tmp_path / "cut.html", content).read_text("utf-8")
    assert re.search(r"<b>Amber</b>\. Cut by the lower border of the scan\.</td>", text)


@pytest.mark.parametrize("level", get_args(Level))
def test_each_structure_has_a_light_and_its_name_in_its_row(
    heart_labels: sitk.Image, tmp_path: Path, level: Level
) -> None:
    mark = Mark("AO", level, "Aorta: look <b>here</b>.")
    content = ReportContent("heart", [heart_labels], [measure(heart_labels)], judgements=[Judgement([mark])])
    text = write_report(tmp_path / "heart.html", content).read_text("utf-8")
    color, name = "#{:02x}{:02x}{:02x}".format(*COLORS[level]), LEVELS[level]
    row, = re.findall(r"<tr>(?:(?!</tr>).)*Aorta.*?</tr>", text)
    assert row.endswith(f'background:{color}"></span><b>{name}</b>. Look &lt;b&gt;here&lt;/b&gt;.</td></tr>')
    path = write_report(tmp_path / "heart.pdf", content)
    assert f"{name}. Look" in pdf_words(path)
    lamp = " ".join(f"{channel / 255:.3f}" for channel in COLORS[level]) + " rg"
    assert re.search(rf"{lamp} [\d. ]+ m [\d. c]+ c f\n[^\n]*\({name}\. Look", pdf_drawing(path))


def test_structures_that_nobody_judged_say_so_once(heart_labels: sitk.Image, tmp_path: Path) -> None:
    content = ReportContent("heart", [heart_labels], [measure(heart_labels)],
                            judgements=[Judgement([Mark("LV", "grey", "Left ventricle cavity: not judged.")])])
    text = write_report(tmp_path / "heart.html", content).read_text("utf-8")
    assert text.count("<b>Not judged</b>.</td>") == 7


@pytest.mark.parametrize("level", get_args(Level))
def test_the_result_as_a_whole_has_a_light_and_its_name_above_the_table(
    heart_labels: sitk.Image, tmp_path: Path, level: Level
) -> None:
    whole = Judgement(light=Light(level, "Look <b>twice</b>."))
    content = ReportContent("heart", [heart_labels], [measure(heart_labels)], judgements=[whole])
    text = write_report(tmp_path / "heart.html", content).read_text("utf-8")
    name = LEVELS[level]
    light = text.index(f"<b>{name}</b>. Look &lt;b&gt;twice")
    assert text.index("<h2>Structures") < light < text.index("<table>")
    assert f"{name}. Look <b>twice</b>." in pdf_words(write_report(tmp_path / "heart.pdf", content))


@pytest.mark.parametrize("ending", [".html", ".pdf"])
def test_lights_of_a_beating_heart_say_of_which_phase_they_are(beating: ReportContent, tmp_path: Path,
                                                              ending: str) -> None:
    fine = Mark("LV", "green", "Left ventricle cavity: nothing noticed.")
    good = Mark("RV", "green", "Right ventricle cavity: nothing noticed.")
    bad = Mark("RV", "red", "Right ventricle cavity: probably wrong.")
    diastole = Judgement([fine, good], Light("green", "Fine."))
    systole = Judgement([fine, bad], Light("red", "Not so."))
    page = write_report(tmp_path / f"cine{ending}", replace(beating, judgements=[diastole, systole]))
    if ending == ".pdf":
        lines = pdf_words(page).splitlines()
        spoken = [f"{lines[at]}: {lines[at + 1]}" for at, line in enumerate(lines)
                  if line in ("ED", "ES", "ED, ES") and lines[at + 1].endswith(".")]
    else:
        lights = re.findall(r'<span class="phase">(.*?)</span>(.*?)</p>', page.read_text("utf-8"))
        spoken = [f"{when}: {re.sub('<.*?>', '', said)}" for when, said in lights]
    assert spoken[:5] == ["ED: Green. Fine.", "ES: Red. Not so.", "ED, ES: Green. Nothing noticed.",
                          "ED, ES: Not judged.", "ED: Green. Nothing noticed."]
    assert spoken[5] == "ES: Red. Probably wrong."


@pytest.mark.parametrize(("distance", "doubts"), [(8.0, 0), (12.0, 2)])
def test_the_headline_of_a_pdf_tells_slices_far_apart_too(beating: ReportContent, tmp_path: Path, distance: float,
                                                          doubts: int) -> None:
    assert beating.function is not None
    content = replace(beating, function=replace(beating.function, slice_distance_mm=distance))
    lines = pdf_words(write_report(tmp_path / "cine.pdf", content)).splitlines()
    headline = " ".join(lines[:lines.index("Function")])
    assert headline.count("uncertain: slices 12 mm apart") == doubts
    assert ("Ejection fraction (uncertain: slices 12 mm apart)" in lines) == bool(doubts)


def test_pictures_of_a_scan_of_unknown_orientation_say_why_they_have_no_letters(beating: ReportContent,
                                                                                tmp_path: Path) -> None:
    unknown = write_report(tmp_path / "unknown.html", replace(beating, orientation_known=False)).read_text("utf-8")
    known = write_report(tmp_path / "known.html", beating).read_text("utf-8")
    assert unknown.count("<figcaption>") == known.count("<figcaption>")
    reason = "Sides of the patient are not marked: the file does not say how the patient lay in the scanner."
    assert unknown.count(f" {reason}</figcaption>") == 2
    assert "front left" not in unknown
    assert reason not in known


def test_without_a_judgement_there_is_no_light(html: str) -> None:
    assert 'class="light"' not in html


def test_nothing_is_overwritten_without_being_asked(beating: ReportContent, tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_report(tmp_path / "mine.html", beating)
    assert (tmp_path / "mine.html").read_text() == "mine"
    with pytest.raises(UsageError, match="no known ending"):
        write_report(tmp_path / "mine.docx", beating)


def test_an_image_on_another_grid_is_refused_and_nothing_is_left(heart_labels: sitk.Image, tmp_path: Path) -> None:
    content = ReportContent("x", [heart_labels], [measure(heart_labels)], [heart_labels[2:]])
    with pytest.raises(InputError, match="same size"):
        write_report(tmp_path / "x.pdf", content, force=True)
    assert list(tmp_path.iterdir()) == []


def test_every_object_of_the_pdf_lies_where_its_table_says(pdf: Path) -> None:
    data = pdf.read_bytes()
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF", data)[-1])
    assert data[start:start + 4] == b"xref"
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n ", data[start:])]
    for number, place in enumerate(places, start=1):
        assert data[place:].startswith(f"{number} 0 obj\n".encode())
    assert f"/Size {len(places) + 1} ".encode() in data


def test_another_program_reads_the_pdf(pdf: Path, tmp_path: Path) -> None:
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is missing; on Debian or Ubuntu: sudo apt-get install poppler-utils")
    done = subprocess.run(["pdftoppm", "-r", "30", "-png", str(pdf), str(tmp_path / "page")], capture_output=True,
                          text=True, check=True)
    assert done.stderr == ""
    pages = sorted(tmp_path.glob("page*.png"))
    assert len(pages) >= 2
    for page in pages:
        assert np.ptp(sitk.GetArrayFromImage(sitk.ReadImage(str(page)))) > 200


def test_many_warnings_flow_over_pages(heart_labels: sitk.Image, tmp_path: Path) -> None:
    warnings = [f"Warning {number} has quite a few words to say so that it fills its line." for number in range(120)]
    content = ReportContent("long", [heart_labels], [measure(heart_labels)], warnings=warnings)
    words = pdf_words(write_report(tmp_path / "long.pdf", content))
    assert all(f"Warning {number} has" in words for number in range(120))
    assert "1 / 4" in words


def pages_of(path: Path) -> list[str]:
    """Words of each page."""
    streams = map(zlib.decompress, re.findall(rb"stream\n(.*?)\nendstream", path.read_bytes(), re.DOTALL))
    return [drawn.decode("cp1252") for drawn in streams if b"For research, not a medical device." in drawn]


@pytest.mark.parametrize("warnings", range(0, 24, 3))
def test_the_table_of_structures_stays_in_one_piece_under_its_heading(heart_labels: sitk.Image, tmp_path: Path,
                                                                      warnings: int) -> None:
    content = ReportContent("heart", [heart_labels], [measure(heart_labels)], warnings=["Look."] * warnings,
                            judgements=[Judgement(light=Light("amber", "Look at it."))])
    holding = [page for page in pages_of(write_report(tmp_path / "heart.pdf", content)) if "(Structures)" in page]
    assert len(holding) == 1
    assert all(f"({name})" in holding[0] for name in (*NAMES, "Amber. Look at it."))


def test_sizes_share_a_column_and_it_goes_where_nothing_has_one(heart_labels: sitk.Image, tmp_path: Path) -> None:
    without = sitk.ChangeLabel(heart_labels, changeMap={2: 0})
    titles = []
    for labels in (heart_labels, without):
        content = ReportContent("heart", [labels], [measure(labels)])
        text = write_report(tmp_path / "heart.html", content, True).read_text("utf-8")
        titles.append(re.findall(r"<th(?: [^>]*)?>(.*?)</th>", text))
    assert titles == [["Structure", "Volume (mL)", "Mass", "Remark"], ["Structure", "Volume (mL)", "Remark"]]


def test_a_number_and_its_unit_stay_in_one_line(heart_labels: sitk.Image, tmp_path: Path) -> None:
    width = text_width("It is 12", 10) + 0.1
    assert wrapped("It is 12 % of all", 10, width) == ["It is", "12 %", "of all"]
    mark = Mark("AO", "green", "Aorta: nothing noticed (12 % risk).")
    content = ReportContent("heart", [heart_labels], [measure(heart_labels)], judgements=[Judgement([mark])])
    text = write_report(tmp_path / "heart.html", content).read_text("utf-8")
    assert "12\N{NO-BREAK SPACE}% risk" in text


@pytest.mark.parametrize(("slices_mm", "said"), [(2.0, r"\d\d\.\d.mm"), (17.7, r"\d\d.mm")])
def test_diameters_across_slices_far_apart_are_whole_millimeters(heart_labels: sitk.Image, tmp_path: Path,
                                                                 slices_mm: float, said: str) -> None:
    labels = sitk.ChangeLabel(heart_labels, changeMap={4: 6})
    labels.SetSpacing((2.0, 2.0, slices_mm))
    content = ReportContent("heart", [labels], [measure(labels)])
    text = write_report(tmp_path / "heart.html", content).read_text("utf-8")
    assert re.search(rf">Aorta</td>.*?<td>{said}</td>", text)
    assert ("rough, with slices 18" in text) == (slices_mm > 5)


def test_letters_that_the_font_lacks_are_announced(heart_labels: sitk.Image, tmp_path: Path) -> None:
    content = ReportContent("сердце 心臓", [heart_labels], [measure(heart_labels)])
    path = write_report(tmp_path / "name.pdf", content)
    assert "shown as question marks" in pdf_words(path)
    assert "сердце 心臓".encode("utf-16-be").hex().encode() in path.read_bytes()


def test_lines_break_at_words_and_long_words_are_cut() -> None:
    assert wrapped("one two three", 10, text_width("one two", 10) + 0.1) == ["one two", "three"]
    pieces = wrapped("x" * 100, 10, 60)
    assert "".join(pieces) == "x" * 100
    assert all(text_width(piece, 10) <= 60 for piece in pieces)
    assert wrapped("", 10, 60) == [""]


@pytest.mark.parametrize(("text", "can"), [("Müller · 5 µm²", True), ("e\u0301", True), ("心臓", False)])
def test_western_letters_can_be_written(text: str, can: bool) -> None:
    assert writable(text) is can

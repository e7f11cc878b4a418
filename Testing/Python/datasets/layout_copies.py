"""A small copy of every data set, with what an index has to say about it.

Each function writes the files that the publisher distributes, as far as names and label values go, and returns the
cases that must come out: name, subject, frame, structures, split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from small_data import dicom, labels, mask, noise, save, scan, text, with_values


@dataclass(frozen=True)
class Case:
    """What must be found: the case's own name, subject, drawn structures, split and more."""

    name: str
    subject: str
    drawn: tuple[str, ...] = ()
    split: str = ""
    frame: int | None = None
    sequence: str = ""
    site: str = ""
    usable: bool = True


VENTRICLES = ("LV", "MYO", "RV")
CHAMBERS = ("LV", "RV", "LA", "RA")
SCARRED = ("LV", "MYO", "SCAR", "MVO")


def acdc(root: Path) -> list[Case]:
    for part, person in (("training", "patient001"), ("testing", "patient101")):
        folder = root / "database" / part / person
        save(folder / f"{person}_4d.nii.gz", np.stack([noise(1), noise(2)]))
        scan(folder / f"{person}_frame01.nii.gz")
        labels(folder / f"{person}_frame01_gt.nii.gz", 1, 2, 3)
        text(folder / "Info.cfg", "ED: 1\n")
    return [Case("patient101_4d", "patient101", split="test", sequence="cine"),
            Case("patient101_frame01", "patient101", VENTRICLES, "test"),
            Case("patient001_4d", "patient001", split="train"),
            Case("patient001_frame01", "patient001", VENTRICLES, "train")]


def mnms(root: Path) -> list[Case]:
    base = root / "OpenDataset"
    text(base / "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv",
         ",External code,VendorName,Vendor,Centre,ED,ES\n0,A1B2C3,Siemens,A,1,0,2\n1,D4E5F6,GE,C,4,1,2\n")
    cine = np.stack([noise(seed) for seed in range(3)])
    drawn = np.stack([with_values([1, 2, 3]), with_values([]), with_values([1, 2, 3])])
    save(base / "Training/Labeled/A1B2C3/A1B2C3_sa.nii.gz", cine)
    save(base / "Training/Labeled/A1B2C3/A1B2C3_sa_gt.nii.gz", drawn)
    save(base / "Training/Unlabeled/D4E5F6/D4E5F6_sa.nii.gz", cine)
    save(base / "Training/Unlabeled/D4E5F6/D4E5F6_sa_gt.nii.gz", np.zeros_like(drawn))
    return [Case("A1B2C3", "A1B2C3", split="train", site="Siemens 1"),
            Case("A1B2C3_ED", "A1B2C3", VENTRICLES, "train", 0),
            Case("A1B2C3_ES", "A1B2C3", VENTRICLES, "train", 2),
            Case("D4E5F6", "D4E5F6", split="train", site="GE 4")]


def mnms2(root: Path) -> list[Case]:
    text(root / "MnM2/dataset_information.csv", "SUBJECT_CODE,DISEASE,VENDOR,SCANNER\n1,LV,GE,Signa\n200,RV,GE,Signa\n"
         "201,RV,Philips,Achieva\n")
    for person in ("001", "200", "201"):
        folder = root / "MnM2/dataset" / person
        scan(folder / f"{person}_SA_ED.nii.gz")
        labels(folder / f"{person}_SA_ED_gt.nii.gz", 1, 2, 3)
        save(folder / f"{person}_LA_ED.nii.gz", noise(0, (1, 7, 8)))
    return [case for person, split, site in (("001", "train", "GE Signa"), ("200", "val", "GE Signa"),
                                             ("201", "test", "Philips Achieva"))
            for case in (Case(f"{person}_LA_ED", person, split=split, usable=False),
                         Case(f"{person}_SA_ED", person, VENTRICLES, split, site=site))]


def cmrxmotion(root: Path) -> list[Case]:
    for name in ("P001-1", "P001-4"):
        scan(root / f"data/{name}/{name}-ED.nii.gz")
    labels(root / "data/P001-1/P001-1-ED-label.nii.gz", 1, 2, 3)
    return [Case("P001-1-ED", "P001", VENTRICLES), Case("P001-4-ED", "P001")]


def emidec(root: Path) -> list[Case]:
    for name in ("Case_N006", "Case_P010"):
        scan(root / f"emidec-dataset-1.0.1/{name}/Images/{name}.nii.gz")
        labels(root / f"emidec-dataset-1.0.1/{name}/Contours/{name}.nii.gz", 1, 2, 3, 4)
    scan(root / "emidec-segmentation-testset-1.0.0/Case_101/Images/Case_101.nii.gz")
    return [Case("N006", "N006", SCARRED, sequence="lge"), Case("P010", "P010", SCARRED),
            Case("101", "101", split="test")]


def rvsc(root: Path) -> list[Case]:
    dicom(root / "TrainingSet/patient01/P01dicom", phases=2)
    text(root / "TrainingSet/patient01/P01contours-manual/P01-0080-icontour-manual.txt")
    dicom(root / "Test1Set/patient17/P17dicom", phases=2)
    return [Case("17", "17", split="test"), Case("01", "01", split="train", sequence="cine")]


def myops2020(root: Path) -> list[Case]:
    for short in ("C0", "DE", "T2"):
        scan(root / f"train25/myops_training_101_{short}.nii.gz")
        scan(root / f"test20/myops_test_201_{short}.nii.gz")
    labels(root / "train25_myops_gd/myops_training_101_gd.nii.gz", 200, 500, 600, 1220, 2221)
    drawn = ("LV", "MYO", "RV", "SCAR", "OEDEMA")
    return [*(Case(f"201_{short}", "201", split="test") for short in ("C0", "DE", "T2")),
            *(Case(f"101_{short}", "101", drawn, "train", sequence=sequence)
              for short, sequence in (("C0", "bssfp"), ("DE", "lge"), ("T2", "t2")))]


def lvquan19(root: Path) -> list[Case]:
    text(root / "TrainingData/patient1.mat")
    return [Case("patient1", "patient1", usable=False)]


def mscmrseg(root: Path) -> list[Case]:
    base = root / "C0LET2_nii45_for_challenge19"
    for short in ("C0", "T2", "LGE"):
        scan(base / f"c0t2lge/patient6_{short}.nii.gz")
    labels(base / "c0gt/patient6_C0_manual.nii.gz", 200, 500, 600, kind=np.float32)
    return [Case("6_C0", "6", VENTRICLES, sequence="bssfp"), Case("6_LGE", "6", sequence="lge"), Case("6_T2", "6")]


def sunnybrook(root: Path) -> list[Case]:
    dicom(root / "SCD_IMAGES_01/SCD0000101/CINESAX_300", phases=2)
    dicom(root / "challenge_training/SC-HF-NI-11", phases=2)
    text(root / "SCD_ManualContours/SC-HF-NI-11.txt")
    return [Case("SCD0000101", "SCD0000101", sequence="cine"), Case("SC-HF-NI-11", "SC-HF-NI-11")]


def cmrxrecon2023(root: Path) -> list[Case]:
    text(root / "MultiCoil/Cine/TrainingSet/FullSample/P001/cine_sax.mat")
    return [Case("TrainingSet_FullSample_P001_cine_sax", "TrainingSet_P001", usable=False)]


def cmrxrecon2024(root: Path) -> list[Case]:
    text(root / "MultiCoil/Cine/ValidationSet/FullSample/P007/cine_lax.mat")
    return [Case("ValidationSet_FullSample_P007_cine_lax", "ValidationSet_P007", split="val", usable=False)]


def dsb2015(root: Path) -> list[Case]:
    for part, person in (("train", "1"), ("test", "701")):
        dicom(root / part / part / person / "study/sax_5", phases=2)
    return [Case("701", "701", split="test", sequence="cine"), Case("1", "1", split="train")]


def myosaiq(root: Path) -> list[Case]:
    for time in ("D8", "M1", "M12"):
        scan(root / f"training/{time}_postMI/images/001_{time}.nii.gz")
        labels(root / f"training/{time}_postMI/labels/001_{time}.nii.gz", 1, 2, 3, 4)
    return [Case(f"001_{time}", f"{cohort}_001", SCARRED, "train", sequence="lge")
            for time, cohort in (("D8", "mimi"), ("M12", "hibiscus"), ("M1", "hibiscus"))]


def myopspp(root: Path) -> list[Case]:
    scan(root / "CenterA/Case1001/Case1001_LGE.nii.gz")
    labels(root / "CenterA/Case1001/Case1001_gd.nii.gz", 200, 500, 600, 2221)
    return [Case("CenterA_Case1001_LGE", "CenterA_Case1001", ("LV", "MYO", "RV", "SCAR", "OEDEMA"), site="CenterA")]


def lvsc(root: Path) -> list[Case]:
    dicom(root / "Training/DET0000101", phases=2)
    text(root / "Training/DET0000101/DET0000101_SA1_ph0.png")
    dicom(root / "Validation/DET0000201", phases=2)
    return [Case("DET0000101", "DET0000101", split="train"), Case("DET0000201", "DET0000201", split="test")]


def cad(root: Path) -> list[Case]:
    text(root / "Normal/1.jpg")
    return [Case("Normal_1", "Normal", usable=False)]


def asoca(root: Path) -> list[Case]:
    scan(root / "ASOCA2020/Normal/CTCA/Normal_1.nrrd")
    labels(root / "ASOCA2020/Normal/Annotations/Normal_1.nrrd", 1)
    scan(root / "ASOCA2020/Diseased/CTCA/Diseased_3.nrrd")
    return [Case("Diseased_Diseased_3", "Diseased_Diseased_3"),
            Case("Normal_Normal_1", "Normal_Normal_1", sequence="cta")]


def imagecas(root: Path) -> list[Case]:
    scan(root / "1-200/1.img.nii.gz")
    labels(root / "1-200/1.label.nii.gz", 1)
    scan(root / "999/img.nii.gz")
    text(root / "201-400.change2zip")
    return [Case("archive_201-400", "201-400", usable=False), Case("1", "1", sequence="cta"), Case("999", "999")]


def imagetbad(root: Path) -> list[Case]:
    scan(root / "ImageTBAD/7_image.nii.gz")
    labels(root / "ImageTBAD/7_label.nii.gz", 1, 2, 3)
    return [Case("7", "7")]


def avt(root: Path) -> list[Case]:
    scan(root / "Dongyang/D1/D1.nrrd")
    labels(root / "Dongyang/D1/D1.seg.nrrd", 1, kind=np.uint8)
    return [Case("Dongyang_D1", "Dongyang_D1", site="Dongyang")]


def totalsegmentator(root: Path) -> list[Case]:
    scan(root / "s0000/ct.nii.gz")
    scan(root / "s0001/ct.nii.gz")
    for place, organ in enumerate(("aorta", "inferior_vena_cava", "heart", "liver")):
        mask(root / f"s0000/segmentations/{organ}.nii.gz", place)
    mask(root / "s0001/segmentations/liver.nii.gz", 0)
    return [Case("s0000", "s0000", ("AO", "IVC"), sequence="ct"), Case("s0001", "s0001")]


def totalsegmentator_v1(root: Path) -> list[Case]:
    scan(root / "s0000/ct.nii.gz")
    organs = ("heart_myocardium", "heart_atrium_left", "heart_ventricle_left", "heart_atrium_right",
              "heart_ventricle_right", "aorta", "pulmonary_artery", "inferior_vena_cava")
    for place, organ in enumerate(organs):
        mask(root / f"s0000/segmentations/{organ}.nii.gz", place)
    return [Case("s0000", "s0000", ("LV", "MYO", "RV", "LA", "RA", "AO", "PA", "IVC"))]


def totalsegmentator_mri(root: Path) -> list[Case]:
    scan(root / "s0001/mri.nii.gz")
    mask(root / "s0001/segmentations/heart.nii.gz", 0)
    return [Case("s0001", "s0001", sequence="mr")]


def cardioscans(root: Path) -> list[Case]:
    dicom(root / "Patient_1", modality="CT")
    return [Case("Patient_1", "Patient_1", sequence="ct")]


def nlst(root: Path) -> list[Case]:
    dicom(root / "NLST/100002/01-02-1999-NA-NLST-LSS-63991/1.000000-0OPAGELSPLUSD3502-70981", modality="CT")
    return [Case("100002_01-02-1999-NA-NLST-LSS-63991_1.000000-0OPAGELSPLUSD3502-70981", "100002", sequence="ct")]


def mmwhs(root: Path) -> list[Case]:
    for kind in ("ct", "mr"):
        scan(root / f"{kind}_train/{kind}_train_1001_image.nii.gz")
        scan(root / f"{kind}_test/{kind}_test_2001_image.nii.gz")
        labels(root / f"{kind}_train/{kind}_train_1001_label.nii.gz", 205, 420, 421, 500, 550, 600, 820, 850)
    drawn = ("LV", "MYO", "RV", "LA", "RA", "AO", "PA")
    return [case for kind in ("ct", "mr") for case in (
        Case(f"{kind}_2001", f"{kind}_2001", split="test"), Case(f"{kind}_1001", f"{kind}_1001", drawn, "train"))]


def whspp(root: Path) -> list[Case]:
    scan(root / "train/mr/Case3010_image.nii.gz")
    labels(root / "train/mr/Case3010_label.nii.gz", 205, 421, 500)
    scan(root / "val/ct/Case2001_image.nii.gz")
    return [Case("Case3010", "Case3010", ("LV", "MYO", "RV", "LA", "RA", "AO", "PA"), sequence="whole-heart"),
            Case("Case2001", "Case2001", split="val", sequence="cta")]


def hvsmr2(root: Path) -> list[Case]:
    scan(root / "cropped/pat0_cropped.nii.gz")
    labels(root / "cropped/pat0_cropped_seg.nii.gz", 1, 2, 3, 4, 5, 6, 7, 8)
    labels(root / "cropped/pat0_cropped_seg_endpoints.nii.gz", 5, 6)
    text(root / "hvsmr_clinical.csv", "Pat\n0\n")
    return [Case("cropped_pat0", "pat0", (*CHAMBERS, "AO", "PA", "SVC", "IVC"), sequence="whole-heart")]


def ukbb(root: Path) -> list[Case]:
    dicom(root / "1000033_20209_2_0", phases=2)
    text(root / "1000098_20208_3_0.zip")
    return [Case("1000033_20209_2", "1000033", sequence="cine"), Case("1000098_20208_3_zip", "1000098", usable=False)]


COPIES: dict[str, Callable[[Path], list[Case]]] = {make.__name__: make for make in (
    acdc, asoca, avt, cad, cardioscans, cmrxmotion, cmrxrecon2023, cmrxrecon2024, dsb2015, emidec, hvsmr2, imagecas,
    imagetbad, lvquan19, lvsc, mmwhs, mnms, mnms2, mscmrseg, myopspp, myops2020, myosaiq, nlst, rvsc, sunnybrook,
    totalsegmentator, totalsegmentator_mri, totalsegmentator_v1, ukbb, whspp)}

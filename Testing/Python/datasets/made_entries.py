"""Entries without files, for what needs none."""

from __future__ import annotations

from typing import Any

from HeartSegTrainingLib.datasets import DatasetRecord, Entry, Index


def entry(name: str, subject: str = "", dataset: str = "a", **more: Any) -> Entry:
    known = dict(path=f"{name}.nii.gz", modality="ct", sequence="cta", labels=f"{name}_label.nii.gz", present=("LV",),
                 shape=(8, 7, 6), spacing=(1.5, 1.5, 2.0), orientation="LPS")
    return Entry(id=f"{dataset}/{name}", dataset=dataset, subject=subject or name, **{**known, **more})


def record(name: str, *overlaps: str, **more: Any) -> DatasetRecord:
    return DatasetRecord(name, f"/data/{name}", **{**dict(values={1: "LV"}, overlaps=overlaps, licence="CC BY 4.0",
                                                         commercial=True), **more})


def an_index(*entries: Entry, **overlaps: str) -> Index:
    names = dict.fromkeys(one.dataset for one in entries)
    return Index(list(entries), {name: record(name, *filter(None, [overlaps.get(name, "")])) for name in names})


def people(count: int, dataset: str = "a", sites: int = 2, images: int = 2) -> list[Entry]:
    """People with several images each, from a few hospitals."""
    return [entry(f"p{person}_{image}", f"p{person}", dataset, site=f"site{person % sites}")
            for person in range(count) for image in range(images)]

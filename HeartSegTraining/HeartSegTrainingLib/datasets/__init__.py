"""Data sets: an index of cases, its checks and splits, and a store that training reads crops from."""

from .building import Built, build_index
from .checking import Finding, check_index, put_aside
from .crops import Crop, CropSource
from .entry import Entry
from .index import DatasetRecord, Index, merged
from .label_maps import IGNORED_VOXEL, UnknownLabelError, read_case_labels, structures_in
from .layout import Layout
from .layouts import LAYOUTS, layout_of
from .own_cases import DISREGARD, TRUST, OwnCase, OwnTrainingSet, own_training_set, refuse_other_folder
from .preprocessing import Prepared, bytes_needed, licences_of, preprocess
from .quarantine import QUARANTINE, Quarantined, read_quarantine, update_quarantine
from .splitting import SplitReport, SplitRequest, pretraining_cases, split_index
from .store import Store, StoredCase, StoreSettings

__all__ = ["DISREGARD", "IGNORED_VOXEL", "LAYOUTS", "QUARANTINE", "TRUST", "Built", "Crop", "CropSource",
           "DatasetRecord", "Entry", "Finding", "Index", "Layout", "OwnCase", "OwnTrainingSet", "Prepared",
           "Quarantined", "SplitReport", "SplitRequest", "Store", "StoreSettings", "StoredCase",
           "UnknownLabelError", "build_index", "bytes_needed", "check_index", "layout_of", "licences_of", "merged",
           "own_training_set", "preprocess", "pretraining_cases", "put_aside", "read_case_labels",
           "read_quarantine", "refuse_other_folder", "split_index", "structures_in", "update_quarantine"]

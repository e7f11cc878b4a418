"""Function of the ventricles over one heartbeat: end-diastole, end-systole, ejection fraction and what follows."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.measurement.body import (
    FunctionChoices,
    body_surface_area,
    checked_heart_rate,
    heart_rate_of_times,
)
from HeartSeg3DLib.measurement.plausibility import Beat, fraction_remark, questions
from HeartSeg3DLib.measurement.table import Measurements

VENTRICLES = {"LV": "Left ventricle", "RV": "Right ventricle"}
_SELDOM_CUT = ("LV", "RV", "MYO")
_FROM_TIMES = "from the times of the frames, taken to cover one whole beat"
SURFACE_AREA_SOURCE = "Mosteller 1987"


@dataclass(frozen=True)
class VentricleFunction:
    """Function of one ventricle.

    Attributes:
        id: `LV` or `RV`.
        name: Name shown to people.
        volumes_ml: Volume of the cavity in every frame, mL.
        edv_ml: Volume at end-diastole, mL.
        esv_ml: Volume at end-systole, mL.
        stroke_volume_ml: Their difference, mL.
        ejection_fraction_percent: Stroke volume as a share of the end-diastolic volume, %.
        cardiac_output_l_min: Stroke volume times heart rate, L/min; None where the heart rate is unknown.
        indexed: `edv_ml_m2`, `esv_ml_m2`, `stroke_volume_ml_m2` and, with a heart rate, `cardiac_index_l_min_m2`;
            empty where height or weight is unknown.
    """

    id: str
    name: str
    volumes_ml: tuple[float, ...]
    edv_ml: float
    esv_ml: float
    stroke_volume_ml: float
    ejection_fraction_percent: float
    cardiac_output_l_min: float | None
    indexed: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FunctionRow:
    """One number of the function table.

    Attributes:
        structure: Id, empty where the number belongs to the whole patient.
        quantity: What it is.
        value: In the unit.
        unit: Empty for numbers of frames.
        remark: Why not to rely on it, in a few words; empty where nothing speaks against it.
    """

    structure: str
    quantity: str
    value: float
    unit: str
    remark: str = ""

    @property
    def label(self) -> str:
        """The quantity with its remark, as tables for people show it.

        Example:
            >>> FunctionRow("LV", "Ejection fraction", 60.0, "%", "uncertain: slices 18 mm apart").label
            'Ejection fraction (uncertain: slices 18 mm apart)'
        """
        return f"{self.quantity} ({self.remark})" if self.remark else self.quantity


@dataclass(frozen=True)
class HeartFunction:
    """Function of the heart over one beat.

    Attributes:
        ventricles: By id, `LV` always and `RV` where it was found.
        ed_index: Frame of end-diastole, from 0, the same for both ventricles.
        es_index: Frame of end-systole.
        ed_by_hand: Whether a person chose it.
        es_by_hand: Whether a person chose it.
        times_ms: Time of each frame in ms, None where unknown.
        heart_rate: Beats a minute, None where unknown.
        heart_rate_source: Where it comes from, empty where unknown.
        myocardial_mass_g: Left ventricular myocardial mass at end-diastole (1.05 g/mL), None where unknown.
        myocardial_mass_es_g: The same at end-systole: a check, since the mass does not change.
        myocardial_mass_index_g_m2: Mass at end-diastole by body surface area.
        body_surface_area_m2: After Mosteller 1987, None where height or weight is unknown.
        slice_distance_mm: From center to center of neighboring slices, None where unknown.
        warnings: Sentences for the user; a question about the result, never a verdict.
    """

    ventricles: dict[str, VentricleFunction]
    ed_index: int
    es_index: int
    ed_by_hand: bool
    es_by_hand: bool
    times_ms: tuple[float | None, ...]
    heart_rate: float | None
    heart_rate_source: str
    myocardial_mass_g: float | None
    myocardial_mass_es_g: float | None
    myocardial_mass_index_g_m2: float | None
    body_surface_area_m2: float | None
    slice_distance_mm: float | None
    warnings: tuple[str, ...]

    @property
    def phases(self) -> tuple[int, int]:
        """The frames of end-diastole and end-systole."""
        return self.ed_index, self.es_index

    @property
    def fraction_remark(self) -> str:
        """What must stand beside an ejection fraction wherever it is shown; mostly empty."""
        return fraction_remark(self.slice_distance_mm)

    @property
    def curve(self) -> dict[str, tuple[float, ...]]:
        """Volume in mL of each ventricle in every frame."""
        return {id: ventricle.volumes_ml for id, ventricle in self.ventricles.items()}

    def to_rows(self) -> list[FunctionRow]:
        """Return the numbers as rows for tables; what is unknown has no row."""
        rows = [FunctionRow("", "End-diastolic frame", float(self.ed_index), ""),
                FunctionRow("", "End-systolic frame", float(self.es_index), "")]
        for one in self.ventricles.values():
            rows += [FunctionRow(one.id, "End-diastolic volume", one.edv_ml, "mL"),
                     FunctionRow(one.id, "End-systolic volume", one.esv_ml, "mL"),
                     FunctionRow(one.id, "Stroke volume", one.stroke_volume_ml, "mL"),
                     FunctionRow(one.id, "Ejection fraction", one.ejection_fraction_percent, "%",
                                 self.fraction_remark)]
            if one.cardiac_output_l_min is not None:
                rows.append(FunctionRow(one.id, "Cardiac output", one.cardiac_output_l_min, "L/min"))
            rows += [FunctionRow(one.id, quantity, one.indexed[key], unit)
                     for key, quantity, unit in _INDEXED if key in one.indexed]
        whole = (("MYO", "Myocardial mass", self.myocardial_mass_g, "g"),
                 ("MYO", "Myocardial mass at end-systole", self.myocardial_mass_es_g, "g"),
                 ("MYO", "Myocardial mass index", self.myocardial_mass_index_g_m2, "g/m2"),
                 ("", "Heart rate", self.heart_rate, "1/min"),
                 ("", "Body surface area", self.body_surface_area_m2, "m2"))
        return rows + [FunctionRow(*row[:2], row[2], row[3]) for row in whole if row[2] is not None]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, units in the names."""
        return {
            "end_diastole": {"frame": self.ed_index, "by_hand": self.ed_by_hand},
            "end_systole": {"frame": self.es_index, "by_hand": self.es_by_hand},
            "ventricles": {id: _rounded(vars(one)) for id, one in self.ventricles.items()},
            "times_ms": list(self.times_ms),
            **_rounded({
                "heart_rate_per_min": self.heart_rate, "heart_rate_source": self.heart_rate_source,
                "myocardial_mass_g": self.myocardial_mass_g, "myocardial_mass_es_g": self.myocardial_mass_es_g,
                "myocardial_mass_index_g_m2": self.myocardial_mass_index_g_m2,
                "body_surface_area_m2": self.body_surface_area_m2, "slice_distance_mm": self.slice_distance_mm,
            }),
            "body_surface_area_source": SURFACE_AREA_SOURCE if self.body_surface_area_m2 else "",
            "warnings": list(self.warnings),
        }


_INDEXED = (("edv_ml_m2", "End-diastolic volume index", "mL/m2"), ("esv_ml_m2", "End-systolic volume index", "mL/m2"),
            ("stroke_volume_ml_m2", "Stroke volume index", "mL/m2"),
            ("cardiac_index_l_min_m2", "Cardiac index", "L/min/m2"))


def function_of_frames(measurements: Sequence[Measurements], times_ms: Sequence[float | None],
                       choices: FunctionChoices | None = None, cut: Collection[str] | None = None) -> HeartFunction:
    """Return the function of a heart whose frames were measured one by one; as `heart_function`.

    `cut` replaces the structures that touch the border: nothing, where the user has been told about the border already.
    """
    known = {row.id for frame in measurements for row in frame if row.voxels}
    volumes = {id: [frame[id].volume_ml for frame in measurements] for id in VENTRICLES if id in known}
    masses = [frame["MYO"].mass_g or 0.0 for frame in measurements] if "MYO" in known else None
    if cut is None:
        cut = {row.id for frame in measurements for row in frame if row.touches_border}
    distance = max((frame.slice_distance_mm for frame in measurements), default=None)
    return heart_function(volumes, times_ms, myocardial_mass_g=masses, cut=cut, slice_distance_mm=distance,
                          **vars(choices or FunctionChoices()))


def heart_function(volumes: Mapping[str, Sequence[float]], times_ms: Sequence[float | None], *,
                   heart_rate: float | None = None, heart_rate_source: str = "given",
                   height_cm: float | None = None, weight_kg: float | None = None,
                   myocardial_mass_g: Sequence[float] | None = None,
                   end_diastole: int | None = None, end_systole: int | None = None,
                   cut: Collection[str] = (), slice_distance_mm: float | None = None) -> HeartFunction:
    """Return the function of the ventricles over one beat.

    End-diastole is the frame in which the left ventricle is largest, end-systole that in which it is smallest, unless
    a person chose them; the right ventricle is measured at the same two frames.

    Args:
        volumes: Volume of the cavity in mL in every frame, by structure id; `LV` is needed, `RV` is used.
        times_ms: Time of each frame in ms, None where unknown.
        heart_rate: Beats a minute; without it the rate follows from evenly spaced times of at least 8 frames, taken
            to cover one whole beat.
        heart_rate_source: Where a given heart rate comes from.
        height_cm: With the weight gives the body surface area, to which volumes and mass are indexed.
        weight_kg: See `height_cm`.
        myocardial_mass_g: Left ventricular myocardial mass in every frame.
        end_diastole: Frame that a person chose, counted from 0.
        end_systole: Frame that a person chose.
        cut: Ids of structures that the border of the image cuts in any frame.
        slice_distance_mm: From center to center of neighboring slices, the gap between them included.

    Raises:
        InputError: Fewer than two frames, or no left ventricle in at least two.
        UsageError: A heart rate, height, weight or frame that cannot be.

    Example:
        >>> found = heart_function({"LV": [120.0, 80.0, 48.0, 90.0]}, [None] * 4, heart_rate=60)
        >>> found.es_index, found.ventricles["LV"].ejection_fraction_percent
        (2, 60.0)
    """
    left = _checked(volumes, len(times_ms), myocardial_mass_g)
    rate = heart_rate_of_times(times_ms) if heart_rate is None else checked_heart_rate(heart_rate)
    source = "" if rate is None else (_FROM_TIMES if heart_rate is None else heart_rate_source)
    surface = None if height_cm is None or weight_kg is None else body_surface_area(height_cm, weight_kg)
    ed, es = _phases(left, end_diastole, end_systole)
    ventricles = {id: _ventricle(id, volumes[id], ed, es, rate, surface)
                  for id in VENTRICLES if any(volumes.get(id, ()))}
    mass_ed, mass_es = (None, None) if myocardial_mass_g is None else (myocardial_mass_g[ed], myocardial_mass_g[es])
    warnings = [] if (height_cm is None) == (weight_kg is None) else \
        ["Indexed values need both height and weight, and only one of them was given."]
    beat = Beat({id: one.volumes_ml for id, one in ventricles.items()}, ed, es, mass_ed, mass_es,
                [id for id in _SELDOM_CUT if id in cut], slice_distance_mm)
    return HeartFunction(
        ventricles=ventricles, ed_index=ed, es_index=es, ed_by_hand=end_diastole is not None,
        es_by_hand=end_systole is not None, times_ms=tuple(times_ms), heart_rate=rate, heart_rate_source=source,
        myocardial_mass_g=mass_ed, myocardial_mass_es_g=mass_es,
        myocardial_mass_index_g_m2=mass_ed / surface if surface and mass_ed is not None else None,
        body_surface_area_m2=surface, slice_distance_mm=slice_distance_mm,
        warnings=tuple(warnings + questions(beat)),
    )


def _checked(volumes: Mapping[str, Sequence[float]], frames: int, masses: Sequence[float] | None) -> Sequence[float]:
    """Return the volumes of the left ventricle after a look at all series."""
    remedy = "Function needs a 4-D scan of the beating heart, or a label map of it."
    if frames < 2:
        raise InputError("Function needs at least two frames of the heartbeat.", remedy)
    series = dict(volumes) if masses is None else {**volumes, "MYO": masses}
    for id, values in series.items():
        if len(values) != frames or not all(math.isfinite(value) and value >= 0 for value in values):
            raise InputError(f"The series of {id} does not hold one volume for each of the {frames} frames.", remedy)
    left = volumes.get("LV", ())
    if sum(value > 0 for value in left) < 2:
        raise InputError("No left ventricle was found in at least two frames, so its function cannot be measured.",
                         "Check the label map; label value 1 is the left ventricle, other values need a scheme.")
    return left


def _phases(left: Sequence[float], end_diastole: int | None, end_systole: int | None) -> tuple[int, int]:
    """Return the frames of end-diastole and end-systole; a frame without a left ventricle is not chosen."""
    for name, index in (("end-diastole", end_diastole), ("end-systole", end_systole)):
        if index is not None and not 0 <= index < len(left):
            raise UsageError(f"There is no frame {index} for {name}.", f"Choose 0 to {len(left) - 1}.")
    seen = [index for index, volume in enumerate(left) if volume > 0]
    ed = max(seen, key=lambda index: left[index]) if end_diastole is None else end_diastole
    es = min(seen, key=lambda index: left[index]) if end_systole is None else end_systole
    if left[ed] <= 0:
        raise UsageError(f"There is no left ventricle in frame {ed}, which was chosen as end-diastole.",
                         "Choose another frame.")
    if ed == es:
        raise UsageError(f"End-diastole and end-systole are the same frame, {ed}.", "Choose two different frames.")
    return ed, es


def _ventricle(id: str, volumes: Sequence[float], ed: int, es: int, rate: float | None,
               surface: float | None) -> VentricleFunction:
    stroke = volumes[ed] - volumes[es]
    output = None if rate is None else stroke * rate / 1000.0
    indexed = {}
    if surface is not None:
        indexed = {"edv_ml_m2": volumes[ed] / surface, "esv_ml_m2": volumes[es] / surface,
                   "stroke_volume_ml_m2": stroke / surface}
        if output is not None:
            indexed["cardiac_index_l_min_m2"] = output / surface
    fraction = 100.0 * stroke / volumes[ed] if volumes[ed] > 0 else 0.0
    return VentricleFunction(id, VENTRICLES[id], tuple(volumes), volumes[ed], volumes[es], stroke, fraction, output,
                             indexed)


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with three decimals, sequences and mappings included."""
    def tidy(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 3)
        if isinstance(value, tuple):
            return [tidy(item) for item in value]
        return _rounded(value) if isinstance(value, dict) else value

    return {key: tidy(value) for key, value in values.items()}

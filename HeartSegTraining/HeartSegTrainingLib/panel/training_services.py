"""The rooms of `scene` that the panel calls, in one place where tests put stand-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from HeartSegTrainingLib.scene import (
    curve_plot,
    curves,
    heartseg3d,
    job_control,
    job_settings,
    job_watch,
    scene_cases,
    training_dependencies,
    training_estimate,
    training_wish,
)


@dataclass(frozen=True)
class TrainingServices:
    """One attribute for each room; `dataclasses.replace` puts another in its place."""

    curve_plot: Any = curve_plot
    curves: Any = curves
    heartseg3d: Any = heartseg3d
    job_control: Any = job_control
    job_settings: Any = job_settings
    job_watch: Any = job_watch
    scene_cases: Any = scene_cases
    training_dependencies: Any = training_dependencies
    training_estimate: Any = training_estimate
    training_wish: Any = training_wish

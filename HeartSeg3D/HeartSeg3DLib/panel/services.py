"""The rooms of `scene` that the panel calls, in one place where tests put stand-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from HeartSeg3DLib.scene import (
    batch,
    dependencies,
    devices,
    editing,
    editor_node,
    function_result,
    mesh_labels,
    mesh_models,
    mesh_run,
    mesh_settings,
    model_choices,
    original,
    protection,
    report_export,
    sample_data,
    settings,
    volume_table,
    volumes,
)


@dataclass(frozen=True)
class SceneServices:
    """One attribute for each room; `dataclasses.replace` puts another in its place."""

    batch: Any = batch
    dependencies: Any = dependencies
    devices: Any = devices
    editing: Any = editing
    editor_node: Any = editor_node
    function_result: Any = function_result
    mesh_labels: Any = mesh_labels
    mesh_models: Any = mesh_models
    mesh_run: Any = mesh_run
    mesh_settings: Any = mesh_settings
    model_choices: Any = model_choices
    original: Any = original
    protection: Any = protection
    report_export: Any = report_export
    sample_data: Any = sample_data
    settings: Any = settings
    volume_table: Any = volume_table
    volumes: Any = volumes

"""What the panel remembers in the scene."""


# No postponed annotations: parameterNodeWrapper reads the types of the class themselves.
from typing import Annotated, Any, Union

import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLSequenceNode
from slicer.parameterNodeWrapper import Choice, parameterNodeWrapper

from HeartSeg3DLib.scene.mesh_settings import FRAMES, PIECES, PRESET_NAMES, WALLS_MM

QUALITIES = ["fast", "standard", "best"]
MODALITIES = ["auto", "ct", "mr"]
EDIT_MODES = ["neighbors", "background", "anything"]

_CHOICES = {"quality": QUALITIES, "modality": MODALITIES, "editMode": EDIT_MODES, "meshPreset": PRESET_NAMES,
            "meshFrame": FRAMES, "meshPieces": PIECES}
_NUMBERS = {"heartRate": float, "heightCm": float, "weightKg": float, "endDiastole": int, "endSystole": int,
            "meshEdge": float, "meshEndocardium": float, "meshEpicardium": float,
            **{f"meshWall{id}": float for id in WALLS_MM}}
_SWITCHES = ("showSurfaces", "meshWalls", "meshFibers")

# The wrapper's observers refer to the wrapper, and so to the node's Python object. If nothing else in Python held that
# object, garbage collection would take observers apart that the node in the scene still calls: Slicer would crash.
_wrapped_nodes: set[Any] = set()


@parameterNodeWrapper
class HeartSegParameterNode:
    """The settings of the module in a scene.

    Wrap nodes with `parameters_of`, which copes with those of older versions.

    Attributes:
        scan: What is segmented: one volume, or every phase of a sequence.
        result: The segmentation that is filled, shown and edited.
        model: Id of the model; empty for the default one.
        quality: `fast`, `standard` or `best`.
        device: `auto`, `cpu`, `cuda:N` or `mps`.
        modality: `auto`, `ct` or `mr`.
        showSurfaces: Whether closed surfaces are shown in 3-D.
        editMode: Whose voxels an edit may take: `neighbors`, `background` or `anything`.
        chamber: Segment id that is being edited; empty for none.
        heartRate: Beats per minute; 0 where unknown.
        heightCm: Of the patient; 0 where unknown.
        weightKg: Of the patient; 0 where unknown.
        endDiastole: Phase picked by hand; -1 for the automatic one.
        endSystole: Phase picked by hand; -1 for the automatic one.
        meshPreset: What a mesh is for, as in `mesh_settings.PRESET_NAMES`.
        meshFormats: Formats in place of the preset's own, parted by commas; empty for these.
        meshEdge: Mean edge in mm; 0 for what suits the preset.
        meshWalls: Whether walls grow around blood pools.
        meshWallRV, meshWallLA, meshWallRA, meshWallAO, meshWallPA: Their thickness in mm.
        meshFibers: Whether fibers are laid into the ventricles where no preset does it by itself.
        meshEndocardium, meshEpicardium: Angles of the fibers in degrees.
        meshFrame: `lps` or `ras`.
        meshPieces: What becomes of a structure in several large pieces.
        meshFolder: Where a mesh is written.
    """

    scan: Union[vtkMRMLScalarVolumeNode, vtkMRMLSequenceNode, None]  # noqa: UP007 - a type that the wrapper knows
    result: vtkMRMLSegmentationNode
    model: str = ""
    quality: Annotated[str, Choice(QUALITIES)] = "standard"
    device: str = "auto"
    modality: Annotated[str, Choice(MODALITIES)] = "auto"
    showSurfaces: bool = True
    editMode: Annotated[str, Choice(EDIT_MODES)] = "neighbors"
    chamber: str = ""
    heartRate: float = 0.0
    heightCm: float = 0.0
    weightKg: float = 0.0
    endDiastole: int = -1
    endSystole: int = -1
    meshPreset: Annotated[str, Choice(list(PRESET_NAMES))] = "print"
    meshFormats: str = ""
    meshEdge: float = 0.0
    meshWalls: bool = False
    meshWallRV: float = WALLS_MM["RV"]
    meshWallLA: float = WALLS_MM["LA"]
    meshWallRA: float = WALLS_MM["RA"]
    meshWallAO: float = WALLS_MM["AO"]
    meshWallPA: float = WALLS_MM["PA"]
    meshFibers: bool = False
    meshEndocardium: float = 60.0
    meshEpicardium: float = -60.0
    meshFrame: Annotated[str, Choice(list(FRAMES))] = "lps"
    meshPieces: Annotated[str, Choice(list(PIECES))] = "ask"
    meshFolder: str = ""


def parameters_of(node: Any) -> HeartSegParameterNode:
    """Wrap a vtkMRMLScriptedModuleNode; values that this version does not know become the defaults."""
    for name, choices in _CHOICES.items():
        _drop_unless(node, name, lambda text, choices=choices: text in choices)
    for name, kind in _NUMBERS.items():
        _drop_unless(node, name, lambda text, kind=kind: _is_number(text, kind))
    for name in _SWITCHES:
        _drop_unless(node, name, lambda text: text in ("True", "False"))
    if node not in _wrapped_nodes:
        # VTK calls the first observer of an object last. It must not be the wrapper's of its first parameter, which
        # widgets would then show as it was before.
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda _caller, _event: None)
        _wrapped_nodes.add(node)
    return HeartSegParameterNode(node)  # type: ignore[call-arg]


def _drop_unless(node: Any, name: str, valid: Any) -> None:
    if node.HasParameter(name) and not valid(node.GetParameter(name)):
        node.UnsetParameter(name)


def _is_number(text: str, kind: Any) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True

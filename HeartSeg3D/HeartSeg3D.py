"""HeartSeg3D: the four classes that 3D Slicer looks for; everything else is in HeartSeg3DLib.

Nothing of HeartSeg3DLib is imported before the module is opened or called: Slicer starts as fast as without it.
"""

import unittest
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class HeartSeg3D(ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("HeartSeg3D")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "Sequences", "Terminologies"]
        self.parent.contributors = ["HeartSeg developers"]
        self.parent.helpText = _(
            "Segments the chambers, the myocardium and the great vessels in CT and MRI of the heart, lets you correct "
            "each of them, measures volumes and ejection fraction, and meshes the heart for simulation and printing. "
            "For research; not a medical device."
        )
        self.parent.acknowledgementText = _("The models were trained on generated hearts.")
        slicer.app.connect("startupCompleted()", register_resources)


def register_resources():
    """Offer the sample scan and the names of the structures, once Slicer has started."""
    from HeartSeg3DLib.scene import sample_data, terminology

    sample_data.register()
    terminology.register()


class HeartSeg3DWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Loads the panel's form and passes on what happens to module and scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        """Called once, when the module is opened for the first time."""
        from HeartSeg3DLib.panel.module_panel import ModulePanel

        ScriptedLoadableModuleWidget.setup(self)
        form = slicer.util.loadUI(self.resourcePath("UI/HeartSeg3D.ui"))
        self.layout.addWidget(form)
        form.setMRMLScene(slicer.mrmlScene)
        self.logic = HeartSeg3DLogic()
        icons = Path(self.resourcePath("Icons/HeartSeg3D.png")).parent
        self.panel = ModulePanel(form, slicer.util.childWidgetVariables(form), self.logic, icons)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.on_scene_start_close)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.on_scene_end_close)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.on_scene_end_import)
        if self.parent.isEntered:  # after "Reload", which does not enter the module again
            self.enter()

    def cleanup(self):
        """Called when the module is unloaded or Slicer quits."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()

    def enter(self):
        """Called each time the module is opened."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self):
        """Called each time another module is opened."""
        if self.panel is not None:
            self.panel.exit()

    def on_scene_start_close(self, caller, event):
        """Let go of all nodes before they vanish."""
        self.panel.scene_about_to_close()

    def on_scene_end_close(self, caller, event):
        """Start again with the empty scene if the module is in view."""
        if self.parent.isEntered:
            self.panel.enter()

    def on_scene_end_import(self, caller, event):
        """Show the result of a scene that was loaded."""
        self.panel.scene_imported()


class HeartSeg3DLogic(ScriptedLoadableModuleLogic):
    """What scripts call, with or without Slicer's main window.

    Example:
        ``segmentation = HeartSeg3DLogic().segment(volume)``, then ``HeartSeg3DLogic().volumes(segmentation)["LV"]``.
    """

    def __init__(self):
        from HeartSeg3DLib.scene.logic import HeartSegLogic

        ScriptedLoadableModuleLogic.__init__(self)
        self._logic = HeartSegLogic()

    def getParameterNode(self):
        """Return the scene's settings of this module."""
        from HeartSeg3DLib.scene.parameters import parameters_of

        return parameters_of(super().getParameterNode())

    def segment(self, scan, target=None, **settings):
        """Segment a volume or sequence and wait for it.

        Args:
            scan: vtkMRMLScalarVolumeNode, or vtkMRMLSequenceNode of such.
            target: Segmentation to fill; a new one if None.
            settings: model, device, quality, modality, surfaces: as in the panel.

        Returns:
            The segmentation node.

        Raises:
            HeartSegError: With a sentence and a remedy.
        """
        return self._logic.segment(scan, target, **settings)

    def startSegmentation(self, scan, target=None, **settings):
        """Start as `segment` does, and return the run: call its `step` until it has finished."""
        return self._logic.start_segmentation(scan, target, **settings)

    def volumes(self, segmentation):
        """Return the volume of each structure in mL by its id, parent transforms included."""
        return self._logic.volumes(segmentation)

    def function(self, segmentation, **facts):
        """Return ejection fraction and the like of a segmented sequence.

        Args:
            segmentation: What `segment` returned for a sequence.
            facts: heart_rate (per minute), height_cm, weight_kg, end_diastole, end_systole (phase index).
        """
        return self._logic.function(segmentation, **facts)

    def mesh(self, segmentation, folder, **settings):
        """Mesh a segmentation of any origin, show its surfaces as models and wait for it.

        Args:
            segmentation: vtkMRMLSegmentationNode.
            folder: Where the files go; made if its parent is there.
            settings: preset (print, ep, mechanics, simvascular, cemrgapp, surfaces or tetrahedra), edge_mm, walls (True
                or such as {"RV": 3.5}), fibers (angles at endocardium and epicardium), formats, frame (lps or ras),
                pieces (ask, all or largest), accept_failed, force: as in the panel.

        Returns:
            The mesh with its models, files, page, fit_for_use, sentence, warnings and quality.

        Raises:
            HeartSegError: With a sentence and a remedy; nothing half-written is left.
        """
        return self._logic.mesh(segmentation, folder, **settings)

    def startMesh(self, segmentation, folder, **settings):
        """Start as `mesh` does, and return the run: call its `step` until it has finished."""
        return self._logic.start_mesh(segmentation, folder, **settings)


class HeartSeg3DTest(ScriptedLoadableModuleTest):
    """Runs the tests of the checkout, or a short self test where the module is installed without them."""

    def runTest(self):
        """Called by Slicer's "Reload and Test"."""
        folders = [Path(__file__).resolve().parents[1] / "Testing" / "Python" / room for room in ("scene", "panel")]
        present = [folder for folder in folders if folder.is_dir()]
        if present:
            self.run_folders(present)
        else:
            self.segment_the_sample()
        self.delayDisplay("HeartSeg3D works.")

    def run_folders(self, folders):
        """Run every unittest case below these folders; fail with the first failure's text."""
        for folder in folders:
            slicer.mrmlScene.Clear()
            suite = unittest.TestLoader().discover(str(folder), pattern="test_*.py", top_level_dir=str(folder))
            result = unittest.TextTestRunner(verbosity=2).run(suite)
            for case, text in [*result.errors, *result.failures]:
                self.fail(f"{case}: {text}")

    def segment_the_sample(self):
        """Segment the sample scan and find its left ventricle."""
        from HeartSeg3DLib.scene import sample_data

        slicer.mrmlScene.Clear()
        logic = HeartSeg3DLogic()
        segmentation = logic.segment(sample_data.load_sample())
        self.assertGreater(logic.volumes(segmentation)["LV"], 10.0)

"""HeartSegTraining: the four classes that 3D Slicer looks for; everything else is in HeartSegTrainingLib.

Nothing of HeartSegTrainingLib is imported before the module is opened or called: Slicer starts as fast as without it.
"""

import sys
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


class HeartSegTraining(ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("HeartSegTraining")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["HeartSeg3D", "Segmentations", "Plots", "Tables"]
        self.parent.contributors = ["HeartSeg developers"]
        self.parent.helpText = _(
            "Trains models for HeartSeg3D on this computer: on your own corrected segmentations, on an index of data "
            "sets, or on generated hearts. A training goes on when 3D Slicer is closed, and is found again. For "
            "research; not a medical device."
        )
        self.parent.acknowledgementText = _("It follows the stages of a foundation model for whole hearts.")


class HeartSegTrainingWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Loads the panel's form and passes on what happens to module and scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        """Called once, when the module is opened for the first time."""
        find_heartseg3d()
        from HeartSegTrainingLib.panel.training_panel import TrainingPanel

        ScriptedLoadableModuleWidget.setup(self)
        form = slicer.util.loadUI(self.resourcePath("UI/HeartSegTraining.ui"))
        self.layout.addWidget(form)
        form.setMRMLScene(slicer.mrmlScene)
        self.logic = HeartSegTrainingLogic()
        self.panel = TrainingPanel(form, slicer.util.childWidgetVariables(form), self.logic)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.on_scene_start_close)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.on_scene_end_close)
        if self.parent.isEntered:  # after "Reload", which does not enter the module again
            self.enter()

    def cleanup(self):
        """Called when the module is unloaded or Slicer quits; jobs go on."""
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


class HeartSegTrainingLogic(ScriptedLoadableModuleLogic):
    """What scripts call, with or without Slicer's main window.

    Example:
        ``job = HeartSegTrainingLogic().start(data=HeartSegTrainingLogic().trainingSet())`` trains on every corrected
        segmentation of the scene, and ``HeartSegTrainingLogic().useModel(job)`` gives the model to HeartSeg3D.
    """

    def __init__(self):
        find_heartseg3d()
        from HeartSegTrainingLib.scene.training_logic import TrainingLogic

        ScriptedLoadableModuleLogic.__init__(self)
        self._logic = TrainingLogic()

    def trainingSet(self, segmentations=None, folder=None, trust=False):
        """Make a training set and wait for it.

        Args:
            segmentations: vtkMRMLSegmentationNodes that somebody has corrected; all that have a scan if None.
            folder: Where it goes; a new folder among HeartSeg's data if None. One that is there must be empty or an
                earlier training set, which is replaced once the new one is whole.
            trust: Whether structures of a model's result that nobody edited have been found right, too; otherwise
                nothing is learned from them.

        Returns:
            The set with index, store, cases, structures and warnings.

        Raises:
            HeartSegError: With a sentence and a remedy; nothing half-made is left.
        """
        return self._logic.training_set(segmentations, folder, trust)

    def startTrainingSet(self, segmentations=None, folder=None, trust=False):
        """Start as `trainingSet` does, and return the run: call its `step` until it has finished."""
        return self._logic.start_training_set(segmentations, folder, trust)

    def sceneCases(self, trust=False):
        """Return every segmentation of the scene: its scan, structures, and why a model cannot learn from it."""
        return self._logic.scene_cases(trust)

    def estimate(self, wish):
        """Return time, memory and disk that a training would take, as a table.

        Args:
            wish: `HeartSegTrainingLib.worker.job_wish.Wish`.
        """
        return self._logic.estimate(wish)

    def start(self, stage="finetune", data=None, recipe="demo", **settings):
        """Start a job, wait until it trains, and return its folder; it goes on when Slicer is closed.

        Args:
            stage: ssl (pretrain), ressl (refine) or finetune.
            data: What `trainingSet` returned; the recipe's generated hearts if None.
            recipe: demo, lab or cluster.
            settings: name, start_from (scratch, model:ID or job:FOLDER), and entries of the job file such as steps or
                device.

        Raises:
            HeartSegError: It does not begin to train; the sentence says why.
        """
        return self._logic.start(stage, data, recipe, **settings)

    def startJob(self, wish, name):
        """Start a job and return at once with what starts it: call its `step` until it has finished."""
        return self._logic.start_job(wish, name)

    def jobs(self):
        """Return all jobs of this user, running ones first: name, folder, kind, state, progress, eta_seconds, loss."""
        return self._logic.jobs()

    def stop(self, job):
        """Ask the job of a folder to write a checkpoint and end after its current step; returns at once."""
        self._logic.stop(job)

    def resume(self, job):
        """Go on with the job of a folder from its newest checkpoint, and wait until it trains."""
        return self._logic.resume(job)

    def startResume(self, job):
        """Start as `resume` does, and return at once, as `startJob`."""
        return self._logic.start_resume(job)

    def curves(self, job):
        """Return the figures of a job by name, such as step, loss and dice_1."""
        return self._logic.curves(job)

    def log(self, job):
        """Return the last lines of a job's log."""
        return self._logic.log(job)

    def checkpoints(self, job):
        """Return the names of a job's checkpoints for `useModel`, newest first, `best` last where there is one."""
        return self._logic.checkpoints(job)

    def useModel(self, job, which="newest"):
        """Give a job's checkpoint to HeartSeg3D, and return the model's id; the job may go on.

        Args:
            job: Its folder.
            which: newest, best (on cases that the job does not learn from), or another name that `checkpoints` gives.
        """
        return self._logic.use_model(job, which)


class HeartSegTrainingTest(ScriptedLoadableModuleTest):
    """Runs the tests of the checkout, or a short self test where the module is installed without them."""

    def runTest(self):
        """Called by Slicer's "Reload and Test"."""
        find_heartseg3d()
        tests = Path(__file__).resolve().parents[1] / "Testing" / "Python"
        present = [folder for folder in (tests / "training_scene", tests / "training_panel") if folder.is_dir()]
        if present:
            self.run_folders(present)
        else:
            self.list_the_jobs()
        self.delayDisplay("HeartSegTraining works.")

    def run_folders(self, folders):
        """Run every unittest case below these folders; fail with the first failure's text."""
        for folder in folders:
            slicer.mrmlScene.Clear()
            suite = unittest.TestLoader().discover(str(folder), pattern="test_*.py", top_level_dir=str(folder))
            result = unittest.TextTestRunner(verbosity=2).run(suite)
            for case, text in [*result.errors, *result.failures]:
                self.fail(f"{case}: {text}")

    def list_the_jobs(self):
        """Look for what can be learned from, and for jobs where what training needs is installed."""
        from HeartSegTrainingLib.scene import training_dependencies

        slicer.mrmlScene.Clear()
        logic = HeartSegTrainingLogic()
        self.assertEqual(logic.sceneCases(), [])
        if training_dependencies.state() == "ready":
            self.assertIsInstance(logic.jobs(), list)


def find_heartseg3d():
    """Let Python find HeartSeg3D's library where the modules lie in folders of their own: in a checkout."""
    beside = Path(__file__).resolve().parents[1] / "HeartSeg3D"
    if (beside / "HeartSeg3DLib").is_dir() and str(beside) not in sys.path:
        sys.path.append(str(beside))

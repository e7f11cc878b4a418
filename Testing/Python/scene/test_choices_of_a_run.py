"""Devices, models, remembered settings, the sample scan, and parameters of older versions."""

from __future__ import annotations

import gc
import re
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import qt
import slicer

from HeartSeg3DLib import resources
from HeartSeg3DLib.errors import DependencyError, HeartSegError, ModelError, UsageError
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.scene import child, dependencies, model_choices, sample_data, settings
from HeartSeg3DLib.scene.card_page import card_page
from HeartSeg3DLib.scene.devices import Device, DeviceQuery, label
from HeartSeg3DLib.scene.parameters import parameters_of
from scans import a_volume


class AnsweringChild:
    """Gives its events one poll at a time, whatever is asked."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events = list(events)
        self.asked: dict[str, Any] = {}
        self.killed = False

    def send(self, request: dict[str, Any]) -> None:
        self.asked = request

    def poll(self) -> list[dict[str, Any]]:
        return [self.events.pop(0)] if self.events else []

    def kill(self, wait: float = 2.0) -> None:
        self.killed = True


def answering(test: unittest.TestCase, *events: dict[str, Any]) -> AnsweringChild:
    process = AnsweringChild(*events)
    test.enterContext(mock.patch.object(child, "start_child", return_value=process))
    return process


class DevicesTest(unittest.TestCase):
    def asked(self) -> DeviceQuery:
        query = DeviceQuery()
        query.start()
        for _attempt in range(10):
            if query.step():
                return query
        raise AssertionError("no answer")

    def test_names_and_memory(self) -> None:
        answering(
            self, {"event": "ready", "pid": 1}, {"event": "warning", "message": "NVIDIA T400 cannot be used."},
            {"event": "result", "torch": "2.9.0", "devices": [
                {"id": "auto", "name": "Automatic (NVIDIA RTX 3060)", "free_gb": None, "total_gb": None},
                {"id": "cuda:0", "name": "NVIDIA RTX 3060", "free_gb": 9.8, "total_gb": 12.0}]})
        query = self.asked()
        self.assertEqual([label(device) for device in query.devices],
                         ["Automatic (NVIDIA RTX 3060)", "NVIDIA RTX 3060, 9.8 GB free"])
        self.assertEqual(query.devices[1], Device("cuda:0", "NVIDIA RTX 3060", 9.8, 12.0))
        self.assertEqual(query.warnings, ["NVIDIA T400 cannot be used."])

    def test_a_broken_pytorch_is_noted(self) -> None:
        answering(self, {"event": "error", "code": "dependencies", "message": "PyTorch does not work.", "remedy": ""})
        with mock.patch.object(dependencies, "_reported", []):
            self.assertIsInstance(self.asked().error, DependencyError)
            self.assertEqual(dependencies.state(), "broken")

    def test_a_child_that_does_not_start(self) -> None:
        with mock.patch.object(child, "start_child", side_effect=HeartSegError("No Python.", "Install again.")):
            self.assertEqual(str(self.asked().error), "No Python. Install again.")

    def test_closing_ends_the_child(self) -> None:
        process = answering(self)
        query = DeviceQuery()
        query.start()
        self.assertFalse(query.step())
        request = query._request
        query.close()
        assert request is not None
        request.wait_closed()
        self.assertTrue(process.killed)
        self.assertTrue(query.step())


class ModelChoicesTest(unittest.TestCase):
    def test_the_default_segmenter_comes_first(self) -> None:
        first = model_choices.model_choices()[0]
        self.assertEqual((first.id, first.role, first.problem), (ModelStore().default("segmenter").id, "segmenter", ""))

    def test_the_card_is_a_page_with_everything_escaped(self) -> None:
        card = ModelStore().default("segmenter").card
        assert card is not None
        spoiled = type(card).from_dict({**card.to_dict(), "title": "<script>alert(1)</script>"})
        page = card_page(spoiled)
        self.assertNotIn("<script>", page)
        for word in ("Left ventricle cavity", "1.5 mm", "not a medical device"):
            self.assertIn(word, page)

    def test_the_cards_of_all_models_name_what_was_measured_in_words(self) -> None:
        pages = {model.id: model.card_html for model in model_choices.model_choices()}
        self.assertIn("Held-out generated scans, mean Dice", pages["tiny"])
        self.assertIn("CT without contrast agent", pages["tiny"])
        self.assertIn("Papillary muscles", pages["tiny"])
        for id, page in pages.items():
            keys = re.findall(r"<b>([^<]*)</b>", page)
            self.assertTrue(keys)
            self.assertEqual([key for key in keys if "_" in key or key[:1].islower()], [], id)

    def test_checks_are_made_by_the_child(self) -> None:
        process = answering(self, {"event": "result", "id": "tiny"})
        self.assertEqual(model_choices.verify_model("tiny").wait()["id"], "tiny")
        self.assertEqual((process.asked["action"], process.asked["model"]), ("verify_model", "tiny"))

    def test_a_failed_check_is_told(self) -> None:
        answering(self, {"event": "error", "code": "model", "message": "It was altered.", "remedy": "Import it again."})
        with self.assertRaisesRegex(ModelError, "altered"):
            model_choices.import_model(Path("model.zip")).wait()

    def test_a_shipped_model_stays(self) -> None:
        with self.assertRaises(UsageError):
            model_choices.remove_model(ModelStore().default("segmenter").id)


class SettingsTest(unittest.TestCase):
    def test_times_are_remembered_for_each_quality_and_device(self) -> None:
        self.assertIsNone(settings.expected_seconds("best", "cuda:7"))
        settings.remember_run("best", "cuda:7", 12.34)
        self.assertAlmostEqual(settings.expected_seconds("best", "cuda:7") or 0, 12.3)
        self.assertIsNone(settings.expected_seconds("fast", "cuda:7"))

    def test_choices_go_to_the_next_scene(self) -> None:
        first = parameters_of(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
        first.quality, first.device, first.modality = "best", "cpu", "mr"
        settings.remember_choices(first)
        second = parameters_of(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
        settings.apply_choices(second)
        self.assertEqual((second.quality, second.device, second.modality), ("best", "cpu", "mr"))

    def test_a_spoiled_settings_file_does_not_spoil_the_scene(self) -> None:
        slicer.app.userSettings().setValue("HeartSeg3D/quality", "magic")
        slicer.app.userSettings().setValue("HeartSeg3D/Seconds/fast/cpu", "soon")
        parameters = parameters_of(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
        settings.apply_choices(parameters)
        self.assertEqual(parameters.quality, "standard")
        self.assertIsNone(settings.expected_seconds("fast", "cpu"))


class ParametersTest(unittest.TestCase):
    def node(self, **values: str) -> Any:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
        for name, value in values.items():
            node.SetParameter(name, value)
        return node

    def test_a_new_scene_has_the_defaults(self) -> None:
        parameters = parameters_of(self.node())
        self.assertIsNone(parameters.scan)
        chosen = (parameters.quality, parameters.editMode, parameters.endSystole)
        self.assertEqual(chosen, ("standard", "neighbors", -1))

    def test_values_of_other_versions_become_defaults(self) -> None:
        parameters = parameters_of(self.node(quality="ultra", editMode="free", heartRate="unknown", endDiastole="2.5",
                                             showSurfaces="maybe", chamber="LV", removedSetting="7"))
        self.assertEqual((parameters.quality, parameters.editMode), ("standard", "neighbors"))
        self.assertEqual((parameters.heartRate, parameters.endDiastole, parameters.showSurfaces), (0.0, -1, True))
        self.assertEqual(parameters.chamber, "LV")

    def test_values_left_empty_become_defaults(self) -> None:
        parameters = parameters_of(self.node(quality="", heartRate="", endSystole="", showSurfaces=""))
        chosen = (parameters.quality, parameters.heartRate, parameters.endSystole, parameters.showSurfaces)
        self.assertEqual(chosen, ("standard", 0.0, -1, True))

    def test_widgets_follow_what_a_loaded_scene_writes_into_the_node(self) -> None:
        node, selector, old, new = self.node(), slicer.qMRMLNodeComboBox(), a_volume(), a_volume()
        selector.setMRMLScene(slicer.mrmlScene)
        parameters = parameters_of(node)
        parameters.scan = old
        parameters.connectParametersToGui({"scan": selector})
        roles = [node.GetNthNodeReferenceRole(number) for number in range(node.GetNumberOfNodeReferenceRoles())]
        role = next(role for role in roles if node.GetNodeReferenceID(role) == old.GetID())
        node.SetNodeReferenceID(role, new.GetID())
        node.Modified()
        self.assertIs(parameters.scan, new)
        self.assertIs(selector.currentNode(), new)

    def test_widgets_follow_a_node_that_nobody_holds_in_python(self) -> None:
        node_id = self.node().GetID()
        box = qt.QCheckBox()
        parameters_of(slicer.mrmlScene.GetNodeByID(node_id)).connectParametersToGui({"showSurfaces": box})
        gc.collect()
        slicer.mrmlScene.GetNodeByID(node_id).SetParameter("showSurfaces", "False")
        self.assertFalse(box.checked)

    def test_volume_and_sequence_are_scans_and_are_read_again(self) -> None:
        node = self.node()
        for scan in (a_volume(), slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode")):
            parameters_of(node).scan = scan
            self.assertIs(parameters_of(node).scan, scan)


class SampleTest(unittest.TestCase):
    def test_it_is_loaded_from_what_was_installed(self) -> None:
        volume = sample_data.load_sample()
        self.assertEqual(slicer.util.arrayFromVolume(volume).shape, (120, 130, 130))
        self.assertEqual(volume.GetName(), sample_data.NODE_NAME)

    def test_it_is_registered_and_its_entry_loads_it(self) -> None:
        import SampleData

        sample_data.register()
        found = [source for source in SampleData.SampleDataLogic.registered
                 if source.sampleName == sample_data.SAMPLE]
        self.assertTrue(found)
        self.assertEqual(found[0].uris, resources.path(sample_data.FILE).as_uri())
        self.assertTrue(found[0].customDownloader(found[0]).IsA("vtkMRMLScalarVolumeNode"))

    def test_a_damaged_installation_is_one_sentence(self) -> None:
        with mock.patch.object(slicer.util, "loadVolume", side_effect=RuntimeError("no reader")), \
                self.assertRaisesRegex(HeartSegError, "could not be loaded"):
            sample_data.load_sample()

"""A package can be written from any checkpoint of a run, and says how it came to be."""

import numpy as np
import pytest
import torch

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import load_package
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import FinetuneConfig, load_ema_weights, task_maker
from HeartSegTrainingLib.finetuning.release import export_package, read_card_table

TINY = {"features": (4, 8), "blocks": (1, 1), "vil_pairs": (0, 0), "classes": 2}


class HalfBright:
    """Samples whose bright half is labelled."""

    def __call__(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.zeros((16, 16, 16), dtype=torch.uint8)
        labels[8:] = 1
        return labels[None].float() + 0.1 * torch.from_numpy(rng.standard_normal((1, 16, 16, 16))).float(), labels


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs") / "Half"
    config = FinetuneConfig(network="nano", network_overrides=TINY, window=16, batch=1, steps=3, workers=0,
                            device="cpu", precision="fp32", data={"scenes": "somewhere", "spacing": 2.5})
    checkpoint = Trainer(config, task_maker(config, HalfBright), folder).run()
    return folder, checkpoint


def test_the_package_holds_the_averaged_weights_and_the_record_of_the_run(job, tmp_path):
    folder, checkpoint = job
    model = load_package(export_package(folder, tmp_path / "half", {"id": "half", "training": {"by": "a test"}}))
    assert (model.card.role, model.card.spacing_mm, model.card.window_voxels) == ("locator", 2.5, 16)
    assert model.card.training["steps"] == 3
    assert model.card.training["by"] == "a test"
    assert "scenes" not in model.card.training["data_settings"]
    for name, tensor in load_ema_weights(checkpoint).items():
        torch.testing.assert_close(model.network.state_dict()[name], tensor.half().float(), rtol=0, atol=0)


def test_an_existing_folder_is_not_overwritten(job, tmp_path):
    (tmp_path / "half").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        export_package(job[0], tmp_path / "half", {"id": "half"})


def test_a_job_without_a_checkpoint_is_said(tmp_path):
    with pytest.raises(ModelError, match="no checkpoint yet"):
        export_package(tmp_path / "empty", tmp_path / "out", {})


@pytest.mark.parametrize("text", ["id = ", "colour = 'red'"])
def test_a_wrong_card_file_is_refused(tmp_path, text):
    path = tmp_path / "card.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match="card file"):
        read_card_table(path)

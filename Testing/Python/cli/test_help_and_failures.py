from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest

from command_line import NOTE, assert_failed_in_words, call, start
from HeartSeg3DLib import __version__
from HeartSeg3DLib.cli.command_run import command_run
from HeartSeg3DLib.cli.failures import explain
from HeartSeg3DLib.errors import InputError

LEVELS = Path(__file__).parents[2] / "Benchmarks" / "results" / "quality_levels.json"
PATIENT = "Doe^Jane"
COMMANDS = ["demo", "segment", "measure", "models", "generate", "index", "train", "evaluate"]
LEAVES = [*COMMANDS[:3], "models list", "models show", "models verify", "models import", "models remove",
          "generate", "index datasets", "index build", "index check", "index merge", "index split", "index export",
          "index preprocess", "train finetune", "train export", "train calibrate", "priors", "evaluate"]


def test_alone_it_shows_friendly_help() -> None:
    result = call()
    assert result.exit_code == 0
    assert "heartseg demo" in result.stdout
    assert NOTE in " ".join(result.stdout.split()).lower()
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_explains_itself(command: str) -> None:
    result = call(*command.split(), "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_features_of_later_versions_are_not_offered() -> None:
    text = call().stdout + "".join(call(*command.split(), "--help").stdout for command in LEAVES)
    for later in ("systems ", "serve "):
        assert later not in text


def test_what_is_said_of_the_time_of_best_is_what_was_measured() -> None:
    words = " ".join(call("segment", "--help").stdout.replace("│", " ").split())
    least, most = map(int, re.findall(r"best takes (\d) to (\d) times as long as standard", words)[0])
    measured = json.loads(LEVELS.read_text("utf-8"))["summary"]["real cine MR"]["best"]["times_standard"]
    assert least <= measured <= most


def test_the_version_is_that_of_the_library() -> None:
    result = call("--version")
    assert (result.exit_code, result.stdout.strip()) == (0, f"HeartSeg {__version__}")


@pytest.mark.parametrize("arguments", [("segmnt",), ("models", "shoe"), ("--colour",)])
def test_an_unknown_command_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [("segment", "a.nii.gz", "-o", "b.nii.gz", "--quality", "superb"),
                                       ("index", "split", "a.jsonl", "--by", "superb")])
def test_a_wrong_choice_is_told_in_plain_words(arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    said = " ".join(result.stderr.replace("│", " ").split())
    assert f"Invalid value for '{arguments[-2]}': 'superb' is not one of" in said


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    program = ("import sys\n"
               "from HeartSegTrainingLib.cli import main\n"
               "try:\n    main()\n"
               "finally:\n"
               "    print([name for name in ('torch', 'vtkmodules', 'SimpleITK', 'numpy', 'scipy', 'safetensors')\n"
               "           if name in sys.modules], file=sys.stderr)\n")
    process = start(program, "--help")
    stdout, stderr = process.communicate(timeout=60)
    assert "Usage" in stdout
    assert stderr.strip() == "[]"


def test_an_unexpected_failure_is_one_sentence_and_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError(PATIENT)

    monkeypatch.setattr("HeartSeg3DLib.api.plan_outputs", fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = call("segment", "scan.nii.gz", "-o", "heart.nii.gz")
    assert_failed_in_words(result, 1, "ZeroDivisionError")
    log = Path(re.findall(r"are in (\S+\.log);", result.stderr)[0]).read_text()
    assert "test_help_and_failures.py" in log
    assert "ZeroDivisionError" in log
    assert PATIENT not in log


def test_a_log_tells_the_causes_but_not_what_they_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    try:
        try:
            raise KeyError(PATIENT)
        except KeyError as error:
            raise OSError(PATIENT) from error
    except OSError as error:
        explain(error)
    log = next(tmp_path.glob("heartseg-error-*.log")).read_text()
    assert log.index("OSError") < log.index("KeyError")
    assert PATIENT not in log


def test_running_out_of_memory_has_its_own_exit_code() -> None:
    assert explain(MemoryError()).exit_code == 5


@pytest.mark.parametrize(("name", "sentence", "said"), [
    ("a.nii.gz", "a.nii.gz is empty.", "a.nii.gz is empty."),
    ("a.nii.gz", "/my scans/a.nii.gz does not exist.", "/my scans/a.nii.gz does not exist."),
    ("a.nii.gz", "3 voxels of a.nii.gz were not numbers.", "3 voxels of a.nii.gz were not numbers."),
    ("a.nii.gz", "No heart found.", "a.nii.gz: No heart found."),
    ("a.nii.gz", "data.nii.gz is empty.", "a.nii.gz: data.nii.gz is empty."),
    ("heart", "No heart found.", "heart: No heart found."),
    ("heart", "/scans/heart holds no DICOM images.", "/scans/heart holds no DICOM images."),
    ("tiny", "The model 'tiny' is altered.", "The model 'tiny' is altered."),
    ("", "No heart found.", "No heart found."),
])
def test_a_message_says_the_name_of_its_file_once(
    name: str, sentence: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with command_run("segment") as run:
        run.warn(sentence, name)
        run.trouble(InputError(sentence, "Do something."), name)
    assert capsys.readouterr().err.splitlines() == [f"Warning: {said}", f"Error: {said}", "Do something."]


def test_a_pipe_that_closes_early_is_no_failure() -> None:
    with pytest.raises(BrokenPipeError), command_run("segment"):
        raise BrokenPipeError

"""The store lists, resolves, imports and removes, and a bad package leaves no trace."""

import json
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelStore, data_folder, save_package
from small_model import make_card


def zipped(package: Path, archive: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for item in package.iterdir():
            file.write(item, prefix + item.name)
    return archive


def test_shipped_models_are_listed_and_cannot_be_removed(store):
    assert [(model.id, model.shipped) for model in store.list()] == [("default-coarse", True), ("default-fine", True)]
    with pytest.raises(UsageError, match="cannot be removed"):
        store.remove("default-fine")
    assert store.get("default-fine").folder.is_dir()


def test_defaults_follow_the_role(store):
    assert store.default("segmenter").id == "default-fine"
    assert store.default("locator").id == "default-coarse"


def test_an_imported_model_does_not_become_the_default(store, tmp_path, network):
    save_package(tmp_path / "a", make_card(id="aaa"), network)
    store.import_from(tmp_path / "a")
    assert store.default("segmenter").id == "default-fine"


def test_without_shipped_models_a_single_imported_one_is_the_default(tmp_path, network):
    store = ModelStore(tmp_path / "user", tmp_path / "nothing")
    with pytest.raises(ModelError, match="No segmenter"):
        store.default("segmenter")
    for id in ("one", "two"):
        save_package(tmp_path / id, make_card(id=id), network)
    store.import_from(tmp_path / "one")
    assert store.default("segmenter").id == "one"
    store.import_from(tmp_path / "two")
    with pytest.raises(ModelError, match="one, two"):
        store.default("segmenter")


@pytest.mark.parametrize("kind", ["folder", "folder above", "zip", "zip with a folder"])
def test_import_show_verify_load_remove(store, package, tmp_path, kind):
    source = {
        "folder": lambda: package,
        "folder above": lambda: package.parent,
        "zip": lambda: zipped(package, tmp_path / "model.zip"),
        "zip with a folder": lambda: zipped(package, tmp_path / "model.zip", "small-heart/"),
    }[kind]()
    model = store.import_from(source)
    assert (model.id, model.shipped, model.folder) == ("small-heart", False, store.root / "small-heart")
    assert sorted(item.name for item in model.folder.iterdir()) == ["model.json", "weights.safetensors"]
    assert store.verify("small-heart").card == store.get("small-heart").card
    assert store.load("small-heart").card.title == "Small heart"
    store.remove("small-heart")
    assert list(store.root.iterdir()) == []


def test_a_taken_id_needs_replace(store, package, tmp_path, network):
    store.import_from(package)
    save_package(tmp_path / "newer", make_card(version="2.0.0"), network)
    with pytest.raises(UsageError, match="installed already"):
        store.import_from(tmp_path / "newer")
    assert store.get("small-heart").card.version == "1.0.0"
    assert store.import_from(tmp_path / "newer", replace=True).card.version == "2.0.0"


def test_a_replaced_shipped_model_comes_back_after_removal(store, tmp_path, network):
    save_package(tmp_path / "newer", make_card(id="default-fine", version="9.0.0"), network)
    store.import_from(tmp_path / "newer", replace=True)
    assert store.default("segmenter").card.version == "9.0.0"
    store.remove("default-fine")
    assert store.default("segmenter").card.version == "1.0.0"


def test_an_id_of_a_shipped_model_is_not_said_to_be_removable(store, tmp_path, network):
    save_package(tmp_path / "newer", make_card(id="default-fine", version="9.0.0"), network)
    with pytest.raises(UsageError, match="comes with HeartSeg") as caught:
        store.import_from(tmp_path / "newer")
    assert "--replace" in caught.value.remedy
    assert "Remove" not in caught.value.remedy


def test_a_damaged_import_that_hides_the_shipped_default_is_named(store, tmp_path, network):
    save_package(tmp_path / "newer", make_card(id="default-fine", version="9.0.0"), network)
    store.import_from(tmp_path / "newer", replace=True)
    save_package(tmp_path / "other", make_card(id="other"), network)
    store.import_from(tmp_path / "other")
    (store.root / "default-fine" / "model.json").write_text("{")
    for find in (lambda: store.default("segmenter"), lambda: store.get("default-fine")):
        with pytest.raises(ModelError, match="'default-fine'") as caught:
            find()
        assert "heartseg models remove default-fine" in caught.value.remedy
    with pytest.raises(ModelError, match="damaged and hides the one that comes with HeartSeg"):
        store.default("segmenter")
    assert store.default("locator").id == "default-coarse"
    store.remove("default-fine")
    assert store.default("segmenter").shipped


def test_resolve_takes_ids_and_folders(store, package):
    assert store.resolve("default-fine").shipped
    assert store.resolve(str(package)).folder == package
    assert store.load(package).card.id == "small-heart"


def test_an_unknown_model_lists_the_installed_ones(store):
    for find in (store.get, store.resolve, store.load, store.verify, store.remove):
        with pytest.raises(ModelError, match="default-coarse, default-fine"):
            find("no-such-model")


def test_a_zip_given_as_model_says_how_to_import_it(store, package, tmp_path):
    with pytest.raises(ModelError, match="heartseg models import"):
        store.resolve(zipped(package, tmp_path / "model.zip"))


def test_a_broken_model_is_listed_with_its_problem_and_can_be_removed(store, package):
    store.import_from(package)
    (store.root / "small-heart" / "model.json").write_text("{")
    broken = next(model for model in store.list() if model.id == "small-heart")
    assert broken.card is None
    assert "JSON" in broken.problem
    with pytest.raises(ModelError, match="cannot be used") as caught:
        store.load("small-heart")
    assert caught.value.remedy == broken.remedy != ""
    assert caught.value.remedy not in caught.value.message
    store.remove("small-heart")
    assert "small-heart" not in [model.id for model in store.list()]


def test_altered_weights_are_not_imported_and_leave_nothing(store, package):
    path = package / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="checksum"):
        store.import_from(package)
    assert list(store.root.iterdir()) == []


def test_a_failed_replacement_keeps_the_old_model(store, package, tmp_path):
    store.import_from(package)
    bad = shutil.copytree(package, tmp_path / "bad")
    (bad / "weights.safetensors").write_bytes((bad / "weights.safetensors").read_bytes()[:-8])
    with pytest.raises(ModelError):
        store.import_from(bad, replace=True)
    store.verify("small-heart")
    assert [item.name for item in store.root.iterdir()] == ["small-heart"]


def test_what_is_no_package_is_refused(store, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("not a zip")
    for source in (tmp_path / "absent", tmp_path / "empty", tmp_path / "text.zip"):
        with pytest.raises(ModelError):
            store.import_from(source)


def test_several_packages_at_once_are_refused(store, package, tmp_path):
    shutil.copytree(package, package.parent / "second")
    with pytest.raises(ModelError, match="2 model packages"):
        store.import_from(package.parent)
    archive = zipped(package, tmp_path / "two.zip", "one/")
    with zipfile.ZipFile(archive, "a") as file:
        file.write(package / "model.json", "two/model.json")
    with pytest.raises(ModelError, match="2 model packages"):
        store.import_from(archive)


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/evil.txt", "small-heart/../../evil.txt", "C:/evil.txt", "..\\evil.txt"]
)
def test_a_zip_that_points_outside_is_refused(store, package, tmp_path, name):
    archive = zipped(package, tmp_path / "model.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, "x")
    with pytest.raises(ModelError, match="not safe"):
        store.import_from(archive)
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_zip_with_a_link_is_refused(store, package, tmp_path):
    archive = tmp_path / "model.zip"
    link = zipfile.ZipInfo("weights.safetensors")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as file:
        file.write(package / "model.json", "model.json")
        file.writestr(link, "/etc/passwd")
    with pytest.raises(ModelError, match="link"):
        store.import_from(archive)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(store, package, tmp_path):
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(package / "model.json", "model.json")
        with file.open("weights.safetensors", "w") as weights:
            for _ in range(40):
                weights.write(bytes(1_000_000))
    assert archive.stat().st_size < 200_000
    with pytest.raises(ModelError, match="40,000,000 bytes"):
        store.import_from(archive)
    assert not store.root.exists() or list(store.root.iterdir()) == []


def test_a_card_bomb_is_refused(store, tmp_path):
    archive = tmp_path / "model.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model.json", " " * 50_000_000)
        file.writestr("weights.safetensors", "x")
    with pytest.raises(ModelError, match="1 MB"):
        store.import_from(archive)


def test_a_zip_that_lies_about_sizes_is_refused(store, package, tmp_path):
    archive = zipped(package, tmp_path / "model.zip")
    content = archive.read_bytes()
    size = (package / "weights.safetensors").stat().st_size.to_bytes(4, "little")
    smaller = (int.from_bytes(size, "little") - 100).to_bytes(4, "little")
    archive.write_bytes(content.replace(size, smaller))
    with pytest.raises(ModelError):
        store.import_from(archive)
    assert list(store.root.iterdir()) == []


def test_an_id_that_is_a_path_is_never_installed(store, package):
    card = json.loads((package / "model.json").read_text())
    (package / "model.json").write_text(json.dumps({**card, "id": "../escaped"}))
    with pytest.raises(ModelError, match="'id'"):
        store.import_from(package)


def test_a_stopped_import_leaves_nothing(store, package, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("HeartSeg3DLib.models.store.verify_package", stop)
    with pytest.raises(KeyboardInterrupt):
        store.import_from(package)
    assert list(store.root.iterdir()) == []


def test_a_store_that_cannot_be_written_is_a_usage_error(package, shipped, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        ModelStore(tmp_path / "file" / "models", shipped).import_from(package)


def test_the_data_folder_is_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path / "mine"))
    assert ModelStore().root == tmp_path / "mine" / "models"
    monkeypatch.delenv("HEARTSEG_DATA")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "heartseg"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert data_folder() == Path.home() / ".local" / "share" / "heartseg"
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_folder() == Path.home() / "Library" / "Application Support" / "HeartSeg"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert data_folder() == tmp_path / "HeartSeg"


def test_listing_does_not_import_torch(package, repository):
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from HeartSeg3DLib.models import ModelStore\n"
        f"ids = [model.id for model in ModelStore(Path({str(package.parent)!r})).list()]\n"
        "assert 'small-heart' in ids and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repository / "HeartSeg3D", check=True)


def test_what_a_killed_import_left_is_removed_and_nothing_else(store):
    names = [".tiny.0123abcd.tmp", ".mine.tmp", "notes.tmp", "mine"]
    for name in names:
        (store.root / name).mkdir(parents=True)
    store.remove_unfinished()
    assert sorted(path.name for path in store.root.iterdir()) == sorted(names[1:])

"""Taking a model package out of a zip file that nobody has vouched for."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models.card import CARD_BYTES, CARD_FILE, ModelCard
from HeartSeg3DLib.models.package import TRUST_BYTES, TRUST_FILE, checksums_of, network_of
from HeartSeg3DLib.models.weights import WEIGHTS_FILE, check_size, shapes_of

_REMEDY = "Ask whoever made the model for a zip of one package folder."
_MOST_ENTRIES = 1000


def card_in_archive(archive: Path) -> ModelCard:
    """Return the card of the package in a zip file without extracting anything.

    Raises:
        ModelError: As `extract_package`.
    """
    with _opened(archive) as file:
        entries = _safe_entries(file)
        return _read_card(file, entries[_card_path(entries)])


def extract_package(archive: Path, folder: Path) -> None:
    """Extract card, weights and, where there is one, trust file of the package in a zip file into an existing folder.

    The package lies at the top of the zip or one folder down; other entries are not extracted. The
    card is read first, so that the weights' size is known to fit its network before they are unpacked.

    Raises:
        ModelError: No zip, no package or several in it, or an entry that only a hostile zip has.
    """
    with _opened(archive) as file:
        entries = _safe_entries(file)
        path = _card_path(entries)
        card = _read_card(file, entries[path])
        shapes = shapes_of(network_of(card))
        weights = {name: _beside(path, name, entries) for name in checksums_of(card)}
        for entry in weights.values():
            check_size(entry.file_size, shapes)
        trust = entries.get(path.with_name(TRUST_FILE))
        more = {TRUST_FILE: trust} if trust is not None and trust.file_size <= TRUST_BYTES else {}
        for name, entry in {CARD_FILE: entries[path], **weights, **more}.items():
            _extract(file, entry, folder / name)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as file:
            yield file
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise ModelError(f"'{archive.name}' is not a readable zip file ({error}).", _REMEDY) from error
    except PermissionError as error:
        raise ModelError(f"'{archive}' cannot be read.", "Check the file's permissions.") from error


def _safe_entries(file: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Return the files of the zip by path, after refusing the whole zip for any suspicious entry."""
    entries = file.infolist()
    if len(entries) > _MOST_ENTRIES:
        raise ModelError(f"The zip file has {len(entries)} entries; a model package has two.", _REMEDY)
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for entry in entries:
        path = PurePosixPath(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        reason = None
        if path.is_absolute() or ".." in path.parts or "\\" in entry.orig_filename or ":" in entry.filename:
            reason = "points outside the package"
        elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            reason = "is a link or a device"
        elif entry.flag_bits & 0x1:
            reason = "is encrypted"
        elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            reason = "uses an unusual compression"
        elif path in files:
            reason = "occurs twice"
        if reason:
            raise ModelError(f"The zip file is not safe: its entry '{entry.filename}' {reason}.", _REMEDY)
        if not entry.is_dir():
            files[path] = entry
    return files


def _card_path(entries: dict[PurePosixPath, zipfile.ZipInfo]) -> PurePosixPath:
    """Return the path of the only card at the top or one folder down; weights lie beside it."""
    cards = [path for path in entries if path.name == CARD_FILE and len(path.parts) <= 2]
    if len(cards) != 1:
        found = "no model package" if not cards else f"{len(cards)} model packages"
        raise ModelError(f"The zip file holds {found}.", _REMEDY)
    _beside(cards[0], WEIGHTS_FILE, entries)
    return cards[0]


def _beside(card: PurePosixPath, name: str, entries: dict[PurePosixPath, zipfile.ZipInfo]) -> zipfile.ZipInfo:
    path = card.with_name(name)
    if path not in entries:
        raise ModelError(f"The zip file has no {name} beside {CARD_FILE}.", _REMEDY)
    return entries[path]


def _read_card(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> ModelCard:
    with file.open(entry) as source:
        return ModelCard.from_json(source.read(CARD_BYTES + 1))


def _extract(file: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one entry to a name of our own; `zipfile` stops at the size that was checked."""
    with file.open(entry) as source, target.open("wb") as output:
        shutil.copyfileobj(source, output, 1 << 20)

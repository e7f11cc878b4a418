"""Where a training set is made and where it goes: it takes its place at once, and nothing of a user's is ever removed.

The child process works in a folder of its own beside the target, which is removed whatever becomes of the child. The
target is touched by two renames alone.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from pathlib import Path

from HeartSeg3DLib.errors import DependencyError, DiskError, UsageError
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSegTrainingLib.scene import training_dependencies


class SetPlace:
    """A target folder, and a private one beside it to work in.

    Args:
        folder: Where the set goes: not there, empty, or an earlier set.

    Attributes:
        folder: The same.
        made: Where the child process makes the set.

    Raises:
        UsageError: It holds something else, or there cannot be a folder.
    """

    def __init__(self, folder: Path) -> None:
        refuse_other(folder)
        try:
            folder.parent.mkdir(stat.S_IRWXU, parents=True, exist_ok=True)
            Workspace.remove_stale(folder.parent)  # copies of scans that a crash has left behind
            self._staging = Workspace(folder.parent)
        except (OSError, DiskError) as error:
            raise UsageError(_("Nothing can be written to the folder {folder}.").format(folder=folder.parent),
                             _("Choose another folder.")) from error
        self.folder, self.made = folder, self._staging.folder / "set"

    def take(self) -> None:
        """Give the set that was made the place of the target; an earlier one stays if that fails.

        Raises:
            UsageError: The target has been filled since, or refuses it.
        """
        refuse_other(self.folder)
        aside = self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(4)}.old")
        try:
            if self.folder.exists():
                os.replace(self.folder, aside)
            try:
                os.replace(self.made, self.folder)
            except OSError:
                if aside.exists():
                    os.replace(aside, self.folder)
                raise
        except OSError as error:
            raise UsageError(_("The training set cannot take its place in {folder}.").format(folder=self.folder),
                             _("Close programs that show the folder, or choose another one.")) from error
        shutil.rmtree(aside, ignore_errors=True)  # the earlier set, which was looked at before it was moved

    def close(self) -> None:
        """Remove the folder that was worked in; calling it twice is fine. The target stays as it is."""
        self._staging.close()


def refuse_other(folder: Path) -> None:
    """Make sure that nothing but an earlier training set lies in a folder.

    Raises:
        UsageError: Something else does.
        DependencyError: What is needed to look into it is missing.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    if training_dependencies.state() != "ready":
        raise DependencyError(training_dependencies.explanation(), _("Install it, or choose a new folder."))
    from HeartSegTrainingLib.datasets import refuse_other_folder  # needs a package that Slicer may lack

    refuse_other_folder(folder)

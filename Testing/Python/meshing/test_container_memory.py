"""A container's limit of memory is seen in both versions of control groups, and whatever is not there is no limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from HeartSeg3DLib.meshing import memory
from HeartSeg3DLib.meshing.container_memory import free_in_container

MB = 1 << 20


def write(root: Path, path: str, text: str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def version_two(root: Path, group: str, limit: str, usage: int, droppable: int = 0) -> None:
    folder = f"sys/fs/cgroup/{group}".rstrip("/")
    write(root, f"{folder}/memory.max", f"{limit}\n")
    write(root, f"{folder}/memory.current", f"{usage}\n")
    write(root, f"{folder}/memory.stat", f"anon 5\ninactive_file {droppable}\nactive_file 7\n")


def version_one(root: Path, group: str, limit: int, usage: int) -> None:
    folder = f"sys/fs/cgroup/memory/{group}".rstrip("/")
    write(root, f"{folder}/memory.limit_in_bytes", f"{limit}\n")
    write(root, f"{folder}/memory.usage_in_bytes", f"{usage}\n")
    write(root, f"{folder}/memory.stat", f"inactive_file 1\ntotal_inactive_file {10 * MB}\n")


def test_what_is_used_is_taken_off_and_copies_of_files_are_not(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/\n")
    version_two(tmp_path, "", str(500 * MB), 200 * MB, 50 * MB)
    assert free_in_container(tmp_path) == 350 * MB


def test_the_tightest_limit_above_counts(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/batch/job\n")
    version_two(tmp_path, "batch/job", "max", 100 * MB)
    version_two(tmp_path, "batch", str(400 * MB), 300 * MB)
    version_two(tmp_path, "", str(4000 * MB), 300 * MB)
    assert free_in_container(tmp_path) == 100 * MB


def test_version_one_is_found_by_its_controller(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "5:cpu,cpuacct:/other\n4:memory:/docker/1234\n0::/\n")
    version_one(tmp_path, "docker/1234", 300 * MB, 120 * MB)
    version_one(tmp_path, "", 9223372036854771712, 900 * MB)
    assert free_in_container(tmp_path) == 190 * MB


def test_a_group_that_only_the_host_sees_is_that_of_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/system.slice/docker-1234.scope\n")
    version_two(tmp_path, "", str(300 * MB), 250 * MB)
    assert free_in_container(tmp_path) == 50 * MB


def test_a_group_over_its_limit_has_nothing_left(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/\n")
    version_two(tmp_path, "", str(100 * MB), 120 * MB)
    assert free_in_container(tmp_path) == 0


def test_without_limits_or_files_there_is_none(tmp_path: Path) -> None:
    assert free_in_container(tmp_path) is None
    write(tmp_path, "proc/self/cgroup", "4:memory:/\n0::/\n")
    version_one(tmp_path, "", 9223372036854771712, 900 * MB)
    version_two(tmp_path, "", "max", 900 * MB)
    assert free_in_container(tmp_path) is None


@pytest.mark.parametrize(("machine", "container", "free"), [
    (800 * MB, 300 * MB, 300 * MB), (200 * MB, 300 * MB, 200 * MB), (800 * MB, None, 800 * MB),
    (None, 300 * MB, 300 * MB), (None, None, None)])
def test_the_smaller_of_machine_and_container_is_free(
    monkeypatch: pytest.MonkeyPatch, machine: int | None, container: int | None, free: int | None
) -> None:
    monkeypatch.setattr(memory, "_free_on_machine", lambda: machine)
    monkeypatch.setattr(memory, "free_in_container", lambda: container)
    assert memory.free_memory() == free

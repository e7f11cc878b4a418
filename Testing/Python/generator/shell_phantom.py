"""A heart of balls and tubes as a glTF binary: every wall a named shell, as reference organs come."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from scipy.spatial import ConvexHull

from HeartSegTrainingLib.generator.shells import Shell, join


def convex(points: np.ndarray) -> Shell:
    """The convex surface around points, triangles turned outwards."""
    shape = ConvexHull(points)
    a, b, c = (points[shape.simplices[:, k]] for k in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), shape.equations[:, :3]) < 0
    return Shell(points, np.where(inwards[:, None], shape.simplices[:, ::-1], shape.simplices))


def ball(center: tuple[float, ...], radius: float, count: int = 600) -> Shell:
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    directions = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], 1)
    return convex(directions * radius + center)


def hollow(center: tuple[float, ...], outer: float, inner: float) -> Shell:
    cavity = ball(center, inner)
    return join([ball(center, outer), Shell(cavity.points, cavity.faces[:, ::-1])])


def tube(center: tuple[float, ...], axis: tuple[float, ...], radius: float, length: float, *, ends: bool) -> Shell:
    """A cylinder, open where it has no ends."""
    along = np.asarray(axis) / np.linalg.norm(axis)
    side = np.cross(along, [0.3, 0.9, 0.1])
    side /= np.linalg.norm(side)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
    ring = radius * (np.cos(turn) * side + np.sin(turn) * np.cross(along, side))
    heights = np.linspace(-length / 2, length / 2, 2)
    shell = convex(np.concatenate([ring + height * along for height in heights]) + center)
    a, b, c = (shell.points[shell.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    is_end = np.abs(normal @ along) > 0.9 * np.linalg.norm(normal, axis=1)
    return shell if ends else Shell(shell.points, shell.faces[~is_end])


def heart_shells() -> dict[str, Shell]:
    """Ten parts in mm, LPS: ventricles side by side, atria behind and above, roots on top."""
    lv, rv, la, ra = (30, 0, 0), (-30, -25, 0), (25, 45, 45), (-50, 25, 20)
    valves = {}
    for name, atrium, ventricle in (("mitral", la, lv), ("tricuspid", ra, rv)):
        way = np.subtract(ventricle, atrium) / np.linalg.norm(np.subtract(ventricle, atrium))
        valves[f"X_{name}_valve"] = tube(tuple(atrium + 24 * way), tuple(way), 9, 2, ends=True)
    return {
        "X_left_ventricle": hollow(lv, 35, 23), "X_heart_right_ventricle": hollow(rv, 32, 28),
        "X_left_cardiac_atrium": hollow(la, 27, 24), "X_right_cardiac_atrium": hollow(ra, 27, 24),
        "X_interventricular_septum": tube((0, -12, 0), (60, 25, 0), 15, 8, ends=True),
        "X_aortic_valve": tube((15, -10, 42), (0, 0, 1), 11, 24, ends=False),
        "X_pulmonary_valve": tube((-30, -25, 40), (0, 0.2, 1), 10, 24, ends=False),
        "X_papillary_muscle_of_heart_ant": ball((30, 0, 0), 6), **valves,
    }


def write_glb(path: Path, shells: dict[str, Shell], node: dict | None = None) -> Path:
    """Write shells in mm, LPS, as glTF keeps them: metres, y up, front towards +z."""
    document: dict = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": [], "meshes": [],
                      "nodes": [node or {}]}
    binary = b""
    for name, shell in shells.items():
        x, y, z = shell.points.T / 1000
        for array, kind, number in ((np.stack([x, z, -y], 1).astype("<f4"), "VEC3", 5126),
                                    (shell.faces.astype("<u4"), "SCALAR", 5125)):
            document["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": array.nbytes})
            document["accessors"].append({"bufferView": len(document["bufferViews"]) - 1, "componentType": number,
                                          "type": kind, "count": array.size // (3 if kind == "VEC3" else 1)})
            binary += array.tobytes()
        last = len(document["accessors"]) - 1
        document["meshes"].append({"name": name, "primitives": [{"attributes": {"POSITION": last - 1},
                                                                 "indices": last}]})
    document["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    path.write_bytes(struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks)
    return path

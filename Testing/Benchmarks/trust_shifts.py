"""Faults of images that no model's trust was fitted on, for `trust_flagging.py`.

Each takes a generated scan and a random generator and returns another, as those of
`HeartSegTrainingLib.calibration.shifts` do, of other kinds: what a trust file knows of errors must hold there, too.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from HeartSegTrainingLib.calibration.shifts import Shifted


def bias_field(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """A coil's shading: values fall or rise by up to a factor of three across the image."""
    field = ndimage.zoom(rng.standard_normal((3, 3, 3)), [size / 3 for size in scan.image.shape], order=1)
    low = float(scan.image.min())
    return scan.with_image(low + (scan.image - low) * np.exp(field * rng.uniform(0.2, 0.8)))


def spikes(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Voxels that are black or white, up to a quarter of them."""
    chance = rng.random(scan.image.shape, dtype=np.float32)
    share, low, high = rng.uniform(0.02, 0.25), float(scan.image.min()), float(scan.image.max())
    return scan.with_image(np.where(chance < share / 2, low, np.where(chance > 1 - share / 2, high, scan.image)))


def streaks(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Dark and bright rays around a metal lead in the heart, in every slice."""
    heart = np.argwhere(scan.labels > 0)
    center = heart[rng.integers(len(heart))]
    y, x = np.mgrid[: scan.image.shape[1], : scan.image.shape[2]]
    angle, radius = np.arctan2(y - center[1], x - center[2]), np.hypot(y - center[1], x - center[2])
    rays = np.sin(angle * rng.integers(5, 16) + rng.uniform(0, 6)) * np.exp(-radius / rng.uniform(20, 60))
    return scan.with_image(scan.image + rays * scan.span * rng.uniform(0.4, 1.5))


def ghosts(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Copies that wrap around the image along one axis, as pulsation makes them in MR."""
    axis, parts = int(rng.integers(1, 3)), int(rng.integers(2, 6))
    step = scan.image.shape[axis] // parts
    ghost = sum(np.roll(scan.image, step * number, axis) for number in range(1, parts)) / (parts - 1)
    share = rng.uniform(0.15, 0.55)
    return scan.with_image((1 - share) * scan.image + share * ghost)


def ringing(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """A matrix cut to a third or less: frequencies beyond are zero, and edges ring."""
    spectrum = np.fft.fftn(scan.image)
    for axis, size in enumerate(scan.image.shape):
        frequency = np.abs(np.fft.fftfreq(size))
        shape = [1, 1, 1]
        shape[axis] = size
        spectrum *= (frequency < 0.5 * rng.uniform(0.12, 0.4)).reshape(shape)
    return scan.with_image(np.fft.ifftn(spectrum).real)


def few_gray_values(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Three to eight gray values in all."""
    step = scan.span / rng.integers(3, 9)
    return scan.with_image(np.round(scan.image / step) * step)


def slab_steps(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Slabs of slices from other heartbeats, each moved by up to 15 mm within its plane; labels move with them."""
    image, labels = scan.image.copy(), scan.labels.copy()
    thick = int(rng.integers(12, 40))
    for first in range(0, len(image), thick):
        steps = tuple(int(rng.uniform(-15, 15) / scan.spacing[1]) for _ in range(2))
        part = slice(first, first + thick)
        image[part], labels[part] = (np.roll(one[part], steps, (1, 2)) for one in (image, labels))
    return Shifted(image, labels, scan.spacing, scan.modality)


def inverted(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """The scan's contrast turned around in part: dark becomes bright."""
    low, high = (float(value) for value in np.percentile(scan.image, (1, 99)))
    share = rng.uniform(0.35, 1.0)
    return scan.with_image((1 - share) * scan.image + share * (high + low - scan.image))


def small_or_large(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """The whole chest at 0.55 to 1.6 times its size: a child's, or a wrong voxel size in the header."""
    factor = float(rng.choice([rng.uniform(0.55, 0.75), rng.uniform(1.3, 1.6)]))
    z, y, x = (step * factor for step in scan.spacing)
    return Shifted(scan.image, scan.labels, (z, y, x), scan.modality)


def mirrored(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Left and right exchanged: a heart on the right side, or a wrong header."""
    return Shifted(scan.image[..., ::-1].copy(), scan.labels[..., ::-1].copy(), scan.spacing, scan.modality)


OTHER_SHIFTS = {"bias_field": bias_field, "spikes": spikes, "streaks": streaks, "ghosts": ghosts, "ringing": ringing,
                "few_gray_values": few_gray_values, "slab_steps": slab_steps, "inverted": inverted,
                "small_or_large": small_or_large, "mirrored": mirrored}

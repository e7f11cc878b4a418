"""Faults of images that training does not know in this strength: what a model meets outside its own world.

Each takes an image in scanner units, (Z, Y, X) with its spacing in mm, and a random generator, and returns another. A
scan of the generator is changed after it was made; its labels stay true, except where the field of view ends earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Shifted:
    """A generated scan, or what a fault made of it.

    Attributes:
        image: (Z, Y, X) float32 in scanner units.
        labels: (Z, Y, X) uint8 true labels of what is in view.
        spacing: Distance of voxels along z, y and x in mm.
        modality: `ct` or `mr`.
    """

    image: Array
    labels: NDArray[np.uint8]
    spacing: tuple[float, float, float]
    modality: str

    @property
    def span(self) -> float:
        """Range of values between dark and bright tissue, in scanner units."""
        low, high = np.percentile(self.image[::4, ::4, ::4], (5, 99.5))
        return max(float(high - low), 1.0)

    def with_image(self, image: Array) -> Shifted:
        """Return the same scan with other values."""
        return Shifted(image.astype(np.float32), self.labels, self.spacing, self.modality)


Shift = Callable[[Shifted, np.random.Generator], Shifted]


def noise(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Gaussian noise of up to two fifths of the image's range, white or with the grain of a soft kernel."""
    grain = rng.standard_normal(scan.image.shape, dtype=np.float32)
    if rng.random() < 0.5:
        grain = ndimage.gaussian_filter(grain, 0.8)
        grain /= grain.std()
    return scan.with_image(scan.image + grain * scan.span * rng.uniform(0.05, 0.4))


def blur(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Gaussian blur of 1.5 to 6 mm standard deviation."""
    width = rng.uniform(1.5, 6.0)
    return scan.with_image(ndimage.gaussian_filter(scan.image, [width / step for step in scan.spacing]))


def gain(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """A wrong scale and offset of values: up to twice or half, and up to two fifths of the range."""
    factor = float(np.exp(rng.uniform(-0.7, 0.7)))
    return scan.with_image(scan.image * factor + scan.span * rng.uniform(-0.4, 0.4))


def gamma(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Bent values, exponent 0.3 to 3.3 over the image's range."""
    low = float(scan.image.min())
    share = np.clip((scan.image - low) / (float(scan.image.max()) - low + 1e-6), 0, 1)
    return scan.with_image(low + share ** float(np.exp(rng.uniform(-1.2, 1.2))) * (float(scan.image.max()) - low))


def thick_slices(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Slices of 6 to 15 mm along one axis, averaged over their thickness."""
    axis = int(rng.integers(3))
    factor = max(round(rng.uniform(6.0, 15.0) / scan.spacing[axis]), 2)
    count = scan.image.shape[axis] // factor
    image = np.moveaxis(scan.image, axis, 0)[: count * factor]
    image = image.reshape(count, factor, *image.shape[1:]).mean(1)
    labels = np.moveaxis(scan.labels, axis, 0)[factor // 2: count * factor: factor]
    spacing = list(scan.spacing)
    spacing[axis] *= factor
    return Shifted(np.ascontiguousarray(np.moveaxis(image, 0, axis), np.float32),
                   np.ascontiguousarray(np.moveaxis(labels, 0, axis)), (spacing[0], spacing[1], spacing[2]),
                   scan.modality)


def partial_cover(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """A field of view that ends within the heart at one side of one axis: 25 to 60 % of the heart's length are gone."""
    heart = np.argwhere(scan.labels > 0)
    axis, at_end = int(rng.integers(3)), bool(rng.integers(2))
    low, high = int(heart[:, axis].min()), int(heart[:, axis].max()) + 1
    gone = int(rng.uniform(0.25, 0.6) * (high - low))
    kept = slice(0, high - gone) if at_end else slice(low + gone, None)
    return _cropped(scan, axis, kept)


def narrow_view(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """A field of view that ends a little inside the heart on several sides, as narrow reconstructions do."""
    heart = np.argwhere(scan.labels > 0)
    for axis in range(3):
        low, high = int(heart[:, axis].min()), int(heart[:, axis].max()) + 1
        first, last = (int(rng.uniform(-0.1, 0.2) * (high - low)) for _ in range(2))
        scan = _cropped(scan, axis, slice(max(low + first, 0), high - last))
        heart[:, axis] -= max(low + first, 0)
    return scan


def contrast_mixture(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Contrast that has not mixed: each structure brighter or darker by up to half of the range, smoothly streaked."""
    change = np.zeros(8, np.float32)
    change[1:] = rng.uniform(-0.5, 0.5, 7) * scan.span
    streaks = ndimage.zoom(rng.standard_normal((6, 6, 6)).astype(np.float32),
                           [size / 6 for size in scan.image.shape], order=1)
    blood = np.isin(scan.labels, (1, 3, 4, 5, 6, 7))
    added = change[scan.labels] + blood * streaks * scan.span * rng.uniform(0, 0.2)
    return scan.with_image(scan.image + ndimage.gaussian_filter(added, 0.7))


def motion(scan: Shifted, rng: np.random.Generator) -> Shifted:
    """Two or three copies that lie up to 15 mm apart, as one beating or breathing heart in one image."""
    total, weight = scan.image * 1.0, 1.0
    for _ in range(int(rng.integers(1, 3))):
        share = rng.uniform(0.4, 1.0)
        steps = [rng.uniform(-15.0, 15.0) / step for step in scan.spacing]
        total += share * ndimage.shift(scan.image, steps, order=1, mode="nearest")
        weight += share
    return scan.with_image(total / weight)


SHIFTS: Mapping[str, Shift] = {
    "noise": noise, "blur": blur, "gain": gain, "gamma": gamma, "thick_slices": thick_slices,
    "partial_cover": partial_cover, "narrow_view": narrow_view, "contrast_mixture": contrast_mixture, "motion": motion,
}
"""The faults that a model's trust is fitted on."""


def _cropped(scan: Shifted, axis: int, kept: slice) -> Shifted:
    box: list[slice] = [slice(None)] * 3
    box[axis] = kept
    return Shifted(np.ascontiguousarray(scan.image[tuple(box)]), np.ascontiguousarray(scan.labels[tuple(box)]),
                   scan.spacing, scan.modality)

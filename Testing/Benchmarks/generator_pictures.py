"""One picture of the report on the generator: sizes, looks, and slices side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from generator_gallery import slice_of
from generator_looks import Picture
from generator_shapes import GROUPS, range_of
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

Rows = Mapping[str, Sequence[Mapping[str, float]]]
Cases = Mapping[str, Mapping[str, float]]

INK, MUTED, REAL, HEALTHY = "#22303c", "#7b8794", "#d95f02", "#cfe8d5"
COLORS = ("#2a6f97", "#61a5c2", "#7b6ca8", "#8d99a6")
SIZES = (("LV", "Left ventricle, mL"), ("RV", "Right ventricle, mL"), ("RV/LV", "Right by left ventricle"),
         ("LA", "Left atrium, mL"), ("RA", "Right atrium, mL"), ("mass", "Myocardium, g"),
         ("wall", "Wall, mm"), ("AO diameter", "Aorta, widest, mm"), ("PA diameter", "Pulmonary artery, widest, mm"),
         ("AO", "Aorta as labelled, mL"), ("PA", "Pulmonary artery as labelled, mL"))
MR_LOOKS = (("LV mean", "Left ventricle, mean"), ("MYO mean", "Myocardium, mean"), ("RV mean", "Right ventricle, mean"),
            ("MYO/LV", "Myocardium by left ventricle"), ("RV/LV", "Right by left ventricle"), ("noise", "Noise"),
            ("LV dark share", "Left ventricle, share of dark voxels"), ("LV bright spread", "Spread of the others"),
            ("RV spread", "Right ventricle, spread"), ("MYO spread", "Myocardium, spread"),
            ("edge mm", "Edge of endocardium, mm"))
CT_LOOKS = (("LV mean", "Left ventricle, HU"), ("RV mean", "Right ventricle, HU"), ("MYO mean", "Myocardium, HU"),
            ("MYO - LV", "Myocardium − left ventricle, HU"), ("LV spread", "Left ventricle, spread, HU"),
            ("noise", "Noise, HU"))
MR_MODES = {"mr_bright": "bright blood", "mr_dark": "black blood", "random": "random"}
_HU_PER_UNIT, _HU_OF_ZERO = 450.0, 200.0
"""Of the window of -250 to 650 HU."""
_COLUMNS, _TILES = 6, 8
_RATIOS = (0.2, 6.0)
"""Ratios are drawn in this range; what lies beyond is in the numbers alone."""


def draw_report(path: Path, shapes: Rows, real_shapes: Cases, looks: Rows, real_looks: Mapping[str, Cases],
                gallery: Mapping[str, tuple[Mapping[str, Picture], Sequence[Picture]]]) -> None:
    """Write the picture: sizes in two rows, MR in two, CT in one, and a row of slices for each."""
    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "axes.edgecolor": "#c5ccd3",
                         "axes.labelcolor": INK, "xtick.color": MUTED, "ytick.color": INK, "axes.linewidth": 0.8})
    heights = (6.2, 5.4, 1.8, 1.8, 6.3)
    figure = plt.figure(figsize=(19, sum(heights)), facecolor="white")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights)
    _sizes(parts[0], shapes, real_shapes)
    _looks(parts[1], "MR to a model's eye", MR_LOOKS, MR_MODES, looks, real_looks)
    _looks(parts[2], "CT without contrast (labels of the real one: the shipped model's)", CT_LOOKS,
           {"ct_plain": "plain"}, looks, real_looks)
    _looks(parts[3], "CT with contrast (no real one at hand)", CT_LOOKS, {"ct_contrast": "contrast"}, looks, real_looks)
    _gallery(parts[4], gallery)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _sizes(part: Figure, shapes: Rows, real: Cases) -> None:
    axes = _grid(part, 2, f"Sizes of {len(shapes[GROUPS[-1]])} generated hearts")
    for axis, (name, title) in zip(axes, SIZES, strict=False):
        for place, group in enumerate(GROUPS):
            healthy = range_of(name, group)
            if healthy:
                axis.fill_between([healthy.low, healthy.high], place - 0.42, place + 0.42, color=HEALTHY, lw=0)
            _strip(axis, [one[name] for one in shapes[group]], place, COLORS[place])
        _marks(axis, [one[name] for one in real.values() if name in one], 0, len(GROUPS) - 1)
        _finish(axis, title, GROUPS, axis in (axes[0], axes[_COLUMNS]), (0, None))
        if "/" in name:
            _logarithmic(axis)
    _legend(axes[len(SIZES)], [Patch(color=HEALTHY, label="healthy adults, two deviations\nabout published means"),
                               _strip_key(), _real_key("real cine, three hearts\nat end diastole")])


def _looks(part: Figure, title: str, measures: Sequence[tuple[str, str]], modes: Mapping[str, str], looks: Rows,
           real: Mapping[str, Cases]) -> None:
    axes = _grid(part, -(-len(measures) // _COLUMNS), title)
    for number, (axis, (name, words)) in enumerate(zip(axes, measures, strict=False)):
        for place, mode in enumerate(modes):
            _strip(axis, [_unit(row[name], mode, name) for row in looks[mode] if name in row], place, COLORS[place])
            cases = real.get(mode, {}).values()
            _marks(axis, [_unit(look[name], mode, name) for look in cases if name in look], place, place)
        _finish(axis, words, list(modes.values()), number % _COLUMNS == 0, (None, None))
        if "/" in name:
            _logarithmic(axis)
    for axis in axes[len(measures):]:
        _legend(axis, [_strip_key(), _real_key("real cine, three hearts")])


def _logarithmic(axis: Axes) -> None:
    """Draw ratios so that half and double lie equally far from one."""
    axis.set_xscale("log", base=2)
    axis.set_xlim(*_RATIOS)
    axis.set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"])
    axis.minorticks_off()


def _unit(value: float, mode: str, name: str) -> float:
    """Return a value of a CT in HU."""
    if not mode.startswith("ct"):
        return value
    return value * _HU_PER_UNIT + (_HU_OF_ZERO if name.endswith("mean") else 0.0)


def _grid(part: Figure, rows: int, title: str) -> list[Axes]:
    part.suptitle(title, x=0.012, y=0.985, ha="left", va="top", fontsize=16, fontweight="bold")
    part.subplots_adjust(left=0.115, right=0.985, top=0.86 if rows > 1 else 0.62, bottom=0.08 if rows > 1 else 0.17,
                         wspace=0.13, hspace=0.42)
    return list(part.subplots(rows, _COLUMNS).ravel())


def _strip(axis: Axes, values: Sequence[float], place: int, color: str) -> None:
    """Draw every value as a dot, the middle half as a bar and the median as a line; 5 to 95 % as whiskers."""
    known = np.asarray([value for value in values if np.isfinite(value)])
    if not len(known):
        return
    shift = np.random.default_rng(len(known)).uniform(-0.26, 0.26, len(known))
    axis.plot(known, place + shift, "o", ms=3.2, mew=0, color=color, alpha=0.45, zorder=2)
    low, first, middle, third, high = np.percentile(known, (5, 25, 50, 75, 95))
    axis.plot([low, high], [place, place], color=color, lw=1.3, zorder=3)
    axis.plot([first, third], [place, place], color=color, lw=6, solid_capstyle="butt", alpha=0.9, zorder=3)
    axis.plot([middle, middle], [place - 0.2, place + 0.2], color="white", lw=2.2, zorder=4)


def _marks(axis: Axes, values: Sequence[float], first: int, last: int) -> None:
    for value in values:
        axis.plot([value, value], [first - 0.42, last + 0.42], color=REAL, lw=1.1, alpha=0.75, zorder=5)
        axis.plot(value, first - 0.42, "D", color=REAL, ms=5.5, mec="white", mew=0.6, zorder=6, clip_on=False)


def _finish(axis: Axes, title: str, names: Sequence[str], named: bool, limits: tuple[float | None, float | None],
            ) -> None:
    axis.set_title(title, fontsize=10.5, loc="left", color=INK, pad=9)
    axis.set_yticks(range(len(names)), names if named else [""] * len(names))
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlim(*limits)
    axis.tick_params(length=0)
    axis.grid(axis="x", color="#e8ecef", lw=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _strip_key() -> Line2D:
    return Line2D([], [], color=COLORS[0], lw=6, marker="o", ms=4, mfc=COLORS[0], mec=COLORS[0],
                  label="generated: each, middle half\nand median, 5 to 95 %")


def _real_key(words: str) -> Line2D:
    return Line2D([], [], color=REAL, lw=1.2, marker="D", ms=6, mec="white", label=words)


def _legend(axis: Axes, handles: list) -> None:
    axis.axis("off")
    axis.legend(handles=handles, loc="center left", frameon=False, fontsize=9.5, labelspacing=1.2, handlelength=2.2)


def _gallery(part: Figure, gallery: Mapping[str, tuple[Mapping[str, Picture], Sequence[Picture]]]) -> None:
    part.suptitle("Side by side after the model's normalisation (CT: from -115 to 245 HU of its window)", x=0.012,
                  y=0.985, ha="left", va="top", fontsize=16, fontweight="bold")
    part.subplots_adjust(left=0.012, right=0.988, top=0.9, bottom=0.01, wspace=0.04, hspace=0.1)
    axes = part.subplots(len(gallery), _TILES, squeeze=False)
    for row, (mode, (real, made)) in zip(axes, gallery.items(), strict=True):
        tiles = [(words, REAL, slice_of(one, mode, above)) for name, one in real.items()
                 for words, above in _cuts(name, mode)]
        tiles += [("generated", COLORS[0], slice_of(one, mode)) for one in made]
        for axis in row:
            axis.axis("off")
        for axis, (words, color, image) in zip(row, tiles, strict=False):
            _tile(axis, image, words, color, (-0.7, 0.1) if mode.startswith("ct") else (-1.0, 1.0))


def _cuts(name: str, mode: str) -> list[tuple[str, float]]:
    """Return words and height of the slices of a real scan: a CT is alone and gets three."""
    if not mode.startswith("ct"):
        return [(f"real {name}", 0.0)]
    return [(f"real {name}, 20 mm lower", -20.0), (f"real {name}", 0.0), (f"real {name}, 20 mm higher", 20.0)]


def _tile(axis: Axes, image: np.ndarray, words: str, color: str, window: tuple[float, float]) -> None:
    axis.axis("on")
    axis.imshow(image, cmap="gray", vmin=window[0], vmax=window[1], interpolation="bilinear")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(words, fontsize=11, color=color, loc="left", pad=4)
    for side in axis.spines.values():
        side.set(color=color, linewidth=2.2)

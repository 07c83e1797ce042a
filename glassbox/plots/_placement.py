"""Labels beside points, where they cover neither one another nor what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from glassbox.plots import _style

# Points of print from the marker: tried from the nearest outwards.
_DISTANCES = (6, 11, 17, 24, 32, 42, 54)
_ANGLES = np.deg2rad((0, 180, 45, 135, -45, -135, 90, -90, 22, -22, 158, -158))
# Beyond this, a thin line leads from the label to its point.
_NEAR = 11
_MARKER = 5.0
# Places along a line that a label should keep off.
_STEPS = 40


def place_labels(
    ax: Axes, x: Sequence[float], y: Sequence[float], labels: Sequence[str]
) -> list[Bbox]:
    """Write a label beside each point, as near as there is room.

    The limits of the axes must be final.

    Parameters
    ----------
    ax : Axes
    x, y : sequence of float
        The points, in data.
    labels : sequence of str

    Returns
    -------
    list of Bbox
        Where the labels stand, in pixels.
    """
    # Sizes of texts and the place of the axes are known only once the figure is laid out.
    ax.figure.draw_without_rendering()
    scale = ax.figure.dpi / 72
    points = ax.transData.transform(np.column_stack([x, y]).astype(float))
    room, drawn = ax.get_window_extent(), _drawn_points(ax)
    taken: list[Bbox] = []
    for i, label in enumerate(labels):
        text = ax.annotate(
            label, (x[i], y[i]), xytext=(0, 0), textcoords="offset points", zorder=5,
            fontsize=_style.FONT - 0.5, ha="center", va="center", parse_math=False, gid="label",
        )  # fmt: skip
        size = text.get_window_extent()
        best = None
        for distance in _DISTANCES:
            for angle in _ANGLES:
                box = _box(points[i], angle, distance * scale, size)
                cost = _cost(box, taken, np.delete(points, i, axis=0), drawn, room, scale)
                if best is None or cost < best[0]:
                    best = (cost, box, distance)
            if best[0] == 0:
                break
        _, box, distance = best
        centre = np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])
        text.set_position(tuple((centre - points[i]) / scale))
        if distance > _NEAR:
            _lead(ax, points[i], box)
        taken.append(box)
    return taken


def _box(point: np.ndarray, angle: float, distance: float, size: Bbox) -> Bbox:
    """A label whose nearest edge is that far from the point, in that direction."""
    along = np.array([np.cos(angle), np.sin(angle)])
    half = np.array([size.width, size.height]) / 2
    centre = (
        point
        + along * distance
        + np.sign(np.round(along, 9)) * half * np.minimum(1, 2 * np.abs(along))
    )
    return Bbox([centre - half, centre + half])


def _cost(
    box: Bbox, taken: list[Bbox], others: np.ndarray, drawn: np.ndarray, room: Bbox, scale: float
) -> float:
    """What a label would cover there; out of the axes, or over another, is worst."""
    outside = not (room.x0 <= box.x0 and box.x1 <= room.x1)
    outside |= not (room.y0 <= box.y0 and box.y1 <= room.y1)
    over = sum(_overlap(box, other, 1.5 * scale) for other in taken)
    on_marker = _inside(box, others, _MARKER * scale)
    return 1000 * over + 500 * outside + 100 * on_marker + _inside(box, drawn, 0.5 * scale)


def _overlap(a: Bbox, b: Bbox, gap: float) -> bool:
    return a.x0 < b.x1 + gap and b.x0 < a.x1 + gap and a.y0 < b.y1 + gap and b.y0 < a.y1 + gap


def _inside(box: Bbox, points: np.ndarray, margin: float) -> int:
    if not len(points):
        return 0
    low, high = box.min - margin, box.max + margin
    return int(((points > low) & (points < high)).all(axis=1).sum())


def _drawn_points(ax: Axes) -> np.ndarray:
    """Places on the lines and error bars of the axes, in pixels."""
    paths = [line.get_xydata() for line in ax.lines]
    paths += [path for bars in ax.collections for path in _segments(bars)]
    step = np.linspace(0, 1, _STEPS)[:, None]
    dense = [
        first + step * (second - first)
        for path in paths
        for first, second in zip(ax.transData.transform(path)[:-1],
                                 ax.transData.transform(path)[1:], strict=True)
    ]  # fmt: skip
    return np.concatenate(dense) if dense else np.empty((0, 2))


def _segments(collection: object) -> list[np.ndarray]:
    get = getattr(collection, "get_segments", None)
    return [] if get is None else [np.asarray(segment) for segment in get()]


def _lead(ax: Axes, point: np.ndarray, box: Bbox) -> None:
    """A thin line from a point to the nearest place on its label."""
    near = np.clip(point, box.min, box.max)
    ends = ax.transData.inverted().transform([point, near])
    ax.plot(*ends.T, color="0.5", linewidth=0.5, zorder=2, gid="leader")

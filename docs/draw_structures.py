#!/usr/bin/env python3
"""The pictures of docs/structures and docs/strategies: how each works, in the plane.

python docs/draw_structures.py        # docs/pictures/NAME.svg for each; needs pip install '.[report]'

Boxes, balls, simplices and convex layers are those of the library: they are read from, or checked against, a saved
index, and what is drawn as looked at is checked against the counted work. What strategies keep inside cannot be asked
for; their pictures do the same on a few numbers, in the lines below.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon, Rectangle
from numpy.typing import NDArray

import sublinear as sl
from sublinear.report.figures import COLOURS

PICTURES = Path(__file__).resolve().parent / "pictures"

#: White paper whatever the page, so one set of colours.
INK, BLUE, ORANGE, GREEN, PINK, OCHRE, SKY, GREY = (light for light, _ in COLOURS)
PALE = "#c9d0d6"
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sublinear",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.edgecolor": PALE,
    "text.color": INK,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.columnspacing": 1.3,
}
LEAF = 16  # points of a leaf, and children of a node, in the library's trees
EXTENT = 2.75


@contextmanager
def picture(folder: Path, name: str, panels: int = 1, width: float = 3.7, height: float = 3.7) -> Iterator[list[Any]]:
    """Axes side by side to draw on; writes NAME.svg, the same bytes each time, with what is labelled below."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width * panels, height), facecolor="white", layout="constrained")
        FigureCanvasSVG(figure)
        every = list(figure.subplots(1, panels, squeeze=False)[0])
        for axes in every:
            axes.set_xticks([])
            axes.set_yticks([])
        yield every
        labelled = {}
        for axes in every:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                labelled.setdefault(label, handle)
        if labelled:
            figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=2 if panels == 1 else 4)
        path = folder / f"{name}.svg"
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(path, format="svg", metadata=metadata)
    svg = re.sub(r"(\.\d\d)\d+", r"\1", path.read_text())  # a hundredth of a point is enough
    path.write_text(re.sub(r"[ \t]+\n", "\n", svg))


def plane(axes: Any, extent: float = EXTENT) -> None:
    """A square piece of the plane around 0, without marks on its sides."""
    axes.set_xlim(-extent, extent)
    axes.set_ylim(-extent, extent)
    axes.set_aspect("equal")


def far_side(
    axes: Any, normal: NDArray[Any], threshold: float, extent: float = EXTENT, colour: str = SKY, line: bool = True
) -> None:
    """The half-plane of all p with <p, normal> >= threshold."""
    length = float(np.linalg.norm(normal))
    foot, along = normal * threshold / length**2, np.array([-normal[1], normal[0]]) / length
    ends = foot + np.outer([-3 * extent, 3 * extent], along)
    beyond = ends + 6 * extent * normal / length
    axes.add_patch(Polygon([*ends, *beyond[::-1]], facecolor=colour, alpha=0.22, linewidth=0))
    if line:
        axes.plot(*ends.T, color=INK, linewidth=1.2)


def dots(axes: Any, points: NDArray[Any], colour: str, text: str = "", size: float = 3, **options: Any) -> None:
    """Points, the same in every picture."""
    options = {"linestyle": "none", "marker": "o", "markersize": size, "markeredgewidth": 0, **options}
    axes.plot(*np.reshape(points, (-1, 2)).T, color=colour, label=text or None, **options)


def cloud(count: int, seed: int = 4) -> NDArray[np.float64]:
    """Gaussian points."""
    return np.clip(np.random.default_rng(seed).standard_normal((count, 2)), -2.6, 2.6)


def square(count: int = 16 * LEAF) -> NDArray[np.float64]:
    """Points spread evenly, so that leaves are of one size."""
    return np.random.default_rng(2).uniform(-2.4, 2.4, (count, 2))


NORMAL, THRESHOLD = np.array([0.8, 0.6]), 0.55


def saved_arrays(index: sl.HalfSpaceIndex) -> dict[str, NDArray[Any]]:
    """The named arrays of a saved index; cpp/include/sublinear/kernels/flat_file.hpp has the format."""
    types = {1: "<i1", 2: "<i4", 3: "<i8", 4: "<f4", 5: "<f8"}
    content, arrays, at = index.to_bytes(), {}, 16
    for _ in range(int.from_bytes(content[12:16], "little")):
        length, kind, size = (int(each) for each in np.frombuffer(content, "<u4,<u4,<u8", 1, at)[0])
        name_at, at = at + 16, at + 16 + -(-length // 8) * 8
        array = np.frombuffer(content, types[kind], size, at)
        arrays[content[name_at : name_at + length].decode()] = array
        at += -(-array.nbytes // 8) * 8
    return arrays


def whole_part(arrays: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The points of an index of one part, in its order."""
    rows = arrays["rows"].reshape(-1, 2)
    assert arrays["sizes"].tolist() == [len(rows)]
    return rows


def draw_tree(axes: Any, index: sl.HalfSpaceIndex, draw: Callable[..., None], sides: Callable[..., Any]) -> None:
    """The leaves of a tree, by what a query does with them.

    draw(k, points, **options) draws the bound of leaf k; sides(k, points) are the ends between which its products lie.
    """
    rows = whole_part(saved_arrays(index))
    far_side(axes, NORMAL, THRESHOLD)
    for colour, text in (ORANGE, "cut: its points are looked at"), (GREEN, "reported whole"), (GREY, "passed over"):
        axes.add_patch(Rectangle((9, 9), 1, 1, facecolor="none", edgecolor=colour, label=text))
    cut = 0
    for k in range(len(rows) // LEAF):
        points = rows[k * LEAF : (k + 1) * LEAF]
        low, high = sides(k, points)
        if low >= THRESHOLD:
            colour, inner = GREEN, GREEN
        elif high < THRESHOLD:
            colour, inner = GREY, PALE
        else:
            colour, inner = ORANGE, ""
            cut += 1
        draw(k, points, edgecolor=colour, facecolor="none", linewidth=1.3)
        is_far = points @ NORMAL >= THRESHOLD
        dots(axes, points[is_far], inner or BLUE)
        dots(axes, points[~is_far], inner or ORANGE)
    work = index.report_batch(NORMAL[None], THRESHOLD).work
    assert (work.inner_products, work.bounds) == (cut * LEAF, len(rows) // LEAF)
    plane(axes)


def brute_force(folder: Path) -> None:
    with picture(folder, "brute-force", 2) as (left, right):
        points = cloud(256)
        far_side(left, NORMAL, THRESHOLD)
        is_far = points @ NORMAL >= THRESHOLD
        dots(left, points[is_far], BLUE, "reported")
        dots(left, points[~is_far], ORANGE, "looked at")
        plane(left)
        left.set_title("every point is looked at")
        blocks, panels = 5, 6
        for block in range(blocks):
            for panel in range(panels):
                done = block * panels + panel < 2 * panels + 3
                right.add_patch(
                    Rectangle(
                        (panel, -block - 1),
                        0.94,
                        0.94,
                        facecolor=SKY if done else "white",
                        edgecolor=GREY,
                        alpha=0.75 if done else 1,
                    )
                )
        for block in range(3):
            end = panels - 0.2 if block < 2 else 2.75
            right.annotate(
                "",
                (end, -block - 0.53),
                (0.2, -block - 0.53),
                arrowprops={"arrowstyle": "->", "color": INK, "linewidth": 1.1},
            )
        right.text(-0.3, -blocks / 2, "blocks of points", rotation=90, va="center", ha="right")
        right.text(panels / 2, 0.25, "panels of queries", ha="center")
        right.text(
            panels / 2,
            -blocks - 0.3,
            "a block stays in the cache\nfor all panels, then the next",
            ha="center",
            va="top",
        )
        right.set_xlim(-1.1, panels + 0.3)
        right.set_ylim(-blocks - 1.6, 0.8)
        right.axis("off")


def quantized_scan(folder: Path) -> None:
    levels = 7  # 127 in the library

    def rounded(vector: NDArray[Any]) -> NDArray[Any]:
        scale = np.abs(vector).max() / levels
        return np.round(vector / scale) * scale

    points, normal = cloud(72, seed=7), np.array([0.8, 0.47])
    copies, short = np.array([rounded(each) for each in points]), rounded(normal)
    missing, sizes = np.linalg.norm(points - copies, axis=1), np.linalg.norm(copies, axis=1)
    slack = float(sizes.max() * np.linalg.norm(normal - short) + missing.max() * np.linalg.norm(normal))
    products = copies @ short
    with picture(folder, "quantized-scan", width=4.4, height=4.6) as (axes,):
        far_side(axes, short, THRESHOLD + slack)
        far_side(axes, short, THRESHOLD - slack, colour="white")
        band = np.abs(products - THRESHOLD) < slack
        for mask, colour, text in (
            (products >= THRESHOLD + slack, BLUE, "certainly far: reported"),
            (products <= THRESHOLD - slack, GREY, "certainly not"),
            (band, ORANGE, "open: the exact product decides"),
        ):
            for point, copy in zip(points[mask], copies[mask], strict=True):
                axes.plot(*np.array([point, copy]).T, color=colour, linewidth=0.8)
            dots(axes, points[mask], colour, size=2.5)
            dots(axes, copies[mask], colour, text, size=4.5, marker="s", markerfacecolor="none", markeredgewidth=0.9)
        ends = normal * THRESHOLD / (normal @ normal) + np.outer([-9, 9], [-normal[1], normal[0]])
        axes.plot(*ends.T, color=INK, linewidth=1, linestyle="--", label="the half-plane asked for")
        plane(axes)
        is_far = points @ normal >= THRESHOLD
        assert is_far[products >= THRESHOLD + slack].all()
        assert not is_far[products <= THRESHOLD - slack].any()


def kd_tree(folder: Path) -> None:
    with picture(folder, "kd-tree", width=4.4, height=4.6) as (axes,):

        def draw(_: int, points: NDArray[Any], **options: Any) -> None:
            low, high = points.min(axis=0), points.max(axis=0)
            axes.add_patch(Rectangle(low, *(high - low), **options))

        def sides(_: int, points: NDArray[Any]) -> tuple[float, float]:
            ends = np.stack([points.min(axis=0) * NORMAL, points.max(axis=0) * NORMAL])
            return float(ends.min(axis=0).sum()), float(ends.max(axis=0).sum())

        draw_tree(axes, sl.KDTree(square()), draw, sides)


def ball_tree(folder: Path) -> None:
    with picture(folder, "ball-tree", width=4.4, height=4.6) as (axes,):

        def ball(points: NDArray[Any]) -> tuple[NDArray[Any], float]:
            centre = points.mean(axis=0)
            return centre, float(np.linalg.norm(points - centre, axis=1).max())

        def draw(_: int, points: NDArray[Any], **options: Any) -> None:
            axes.add_patch(Circle(*ball(points), **options))
            dots(axes, ball(points)[0], options["edgecolor"], marker="+", size=5, markeredgewidth=1)

        def sides(_: int, points: NDArray[Any]) -> tuple[float, float]:
            centre, radius = ball(points)
            return float(centre @ NORMAL) - radius, float(centre @ NORMAL) + radius

        draw_tree(axes, sl.BallTree(square()), draw, sides)


def partition_tree(folder: Path) -> None:
    index = sl.PartitionTree(square())
    arrays = saved_arrays(index)
    (values,) = (array for name, array in arrays.items() if name.endswith("level0"))
    corners = values.reshape(-1, LEAF)[:6].T.reshape(-1, 3, 2)  # siblings side by side, value by value
    with picture(folder, "partition-tree", width=4.4, height=4.6) as (axes,):

        def draw(k: int, _: NDArray[Any], **options: Any) -> None:
            axes.add_patch(Polygon(corners[k], **options))

        def sides(k: int, _: NDArray[Any]) -> tuple[float, float]:
            return float((corners[k] @ NORMAL).min()), float((corners[k] @ NORMAL).max())

        draw_tree(axes, index, draw, sides)
        plane(axes, 3.4)


def hull(points: NDArray[Any]) -> list[int]:
    """Corners of the convex hull, counter-clockwise from the smallest (x, y): Andrew's monotone chain."""
    order = np.lexsort((points[:, 1], points[:, 0])).tolist()

    def chain(rows: list[int]) -> list[int]:
        found: list[int] = []
        for row in rows:
            while len(found) > 1:
                (ax, ay), (bx, by) = points[found[-1]] - points[found[-2]], points[row] - points[found[-2]]
                if ax * by - ay * bx > 0:
                    break
                found.pop()
            found.append(row)
        return found

    return order if len(order) < 3 else chain(order)[:-1] + chain(order[::-1])[:-1]


def convex_layers(folder: Path) -> None:
    points, threshold = cloud(90), 0.75
    index = sl.ConvexLayers(points)
    left, layers = points, []
    while len(left):
        layers.append(left[hull(left)])
        left = np.delete(left, hull(left), axis=0)
    assert (np.concatenate(layers) == whole_part(saved_arrays(index))).all()
    with picture(folder, "convex-layers", width=4.4, height=4.6) as (axes,):
        far_side(axes, NORMAL, threshold)
        looked = 0
        for layer in layers:
            axes.add_patch(Polygon(layer, facecolor="none", edgecolor=PALE, linewidth=1))
            dots(axes, layer, PALE)
        for depth, layer in enumerate(layers):
            products = layer @ NORMAL
            start, size = int(products.argmax()), len(layer)
            ways, seen = [], {start}
            for step in (1, -1):
                way, at = [start], start
                while products[at] >= threshold and len(seen) < size:
                    at = (at + step) % size
                    way.append(at)
                    seen.add(at)
                ways.append(way)
            looked += len(seen)
            for way in ways:
                axes.plot(*layer[way].T, color=BLUE, linewidth=1.2)
            far = [at for at in seen if products[at] >= threshold]
            dots(axes, layer[far], BLUE, "" if depth else "reported on the walk", size=4)
            dots(axes, layer[sorted(seen - set(far))], ORANGE, "" if depth else "looked at: the walk ends", size=4.5)
            farthest = {"marker": "o", "markerfacecolor": "none", "markeredgewidth": 1.2}
            dots(axes, layer[start], INK, "" if depth else "farthest corner of the layer", size=8, **farthest)
            if products[start] < threshold:
                break
        plane(axes)
        assert looked == index.report_batch(NORMAL[None], threshold).work.inner_products


RADIUS = 0.35  # of balls
TAU = 1.1


def neurons(count: int = 90, seed: int = 3) -> NDArray[np.float64]:
    """Weights in the plane, biases 0."""
    return cloud(count, seed)


X = np.array([0.84, 0.54])


def can_fire(weights: NDArray[Any], x: NDArray[Any] = X, radius: float = RADIUS, tau: float = TAU) -> NDArray[Any]:
    """Which neurons can fire somewhere in the ball around x."""
    return weights @ x + radius * np.linalg.norm(weights, axis=1) >= tau


def draw_neurons(axes: Any, weights: NDArray[Any], x: NDArray[Any] = X, listed: Any = None) -> None:
    """Neurons by what they can do on x: fire there, fire in its ball, or nothing."""
    fires, able = weights @ x >= TAU, can_fire(weights, x)
    listed = able if listed is None else listed
    dots(axes, weights[~listed], PALE, size=4)
    dots(axes, weights[listed & ~able], OCHRE, "proposed, cannot fire" if (listed & ~able).any() else "", size=5)
    dots(axes, weights[able & ~fires], ORANGE, "can fire in the ball", size=5)
    dots(axes, weights[fires], BLUE, "fires at the input", size=5)


def ball_border(x: NDArray[Any], lowered: float = 0.0, radius: float = RADIUS) -> NDArray[np.float64]:
    """The weights w with <w, x> + radius ||w|| = TAU - lowered, on a curve."""
    angles = np.linspace(-np.pi, np.pi, 721)
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reach = ways @ x + radius
    reach = np.where(reach > 0.08, reach, np.nan)
    return ways * ((TAU - lowered) / reach)[:, None]


def dense(folder: Path) -> None:
    weights = neurons(64)
    products, sizes = weights @ X, np.linalg.norm(weights, axis=1)
    with picture(folder, "dense", width=6.2, height=3.6) as (axes,):
        numbers, able, fires = np.arange(len(weights)), can_fire(weights), products >= TAU
        limits = TAU - RADIUS * sizes
        axes.hlines(limits, numbers - 0.4, numbers + 0.4, color=INK, linewidth=1, label="its limit: the ball lowers it")
        axes.axhline(TAU, color=GREY, linestyle="--", linewidth=1, label="threshold")
        for mask, colour, text in (
            (~able, PALE, "cannot fire"),
            (able & ~fires, ORANGE, "can fire in the ball"),
            (fires, BLUE, "fires at the input"),
        ):
            dots(axes, np.stack([numbers, products], axis=1)[mask], colour, text, size=4.5)
        axes.set_xlim(-1, len(weights))
        axes.set_xlabel("every neuron, one after the other")
        axes.set_ylabel("its product with the input")


def weights_(folder: Path) -> None:
    weights = neurons()
    with picture(folder, "weights", 2) as (left, right):
        border = ball_border(X)
        left.plot(*border.T, color=INK, linewidth=1.2)
        ends = X * TAU / (X @ X) + np.outer([-9, 9], [-X[1], X[0]])
        left.plot(*ends.T, color=GREY, linewidth=1, linestyle="--")
        draw_neurons(left, weights)
        plane(left)
        left.set_title("two weights: the border is curved")
        # One weight a neuron: lifted to (w, |w|) in the plane, where the question is a half-plane.
        line = np.random.default_rng(5).uniform(-2.4, 2.4, 26)
        lifted, x = np.stack([line, np.abs(line)], axis=1), np.array([0.6])
        far_side(right, np.array([x[0], RADIUS]), TAU)
        right.plot([-3, 0, 3], [3, 0, 3], color=PALE, linewidth=1, zorder=0)
        fires, able = line * x[0] >= TAU, line * x[0] + RADIUS * np.abs(line) >= TAU
        for mask, colour in (~able, GREY), (able & ~fires, ORANGE), (fires, BLUE):
            dots(right, lifted[mask], colour, size=5)
        right.set_xlim(-2.75, 2.75)
        right.set_ylim(-1.4, 4.1)
        right.set_aspect("equal")
        right.set_xlabel("weight w")
        right.set_ylabel("norm |w|")
        right.set_title("one weight, lifted: a half-plane")


def data(folder: Path) -> None:
    places = [
        (-1.2, 1.9),
        (0.3, 1.1),
        (-0.4, 0.1),
        (-1.5, -0.9),
        (1.6, 1.4),
        (-0.2, -1.6),
        (1.0, 0.3),
        (0.9, -0.9),
        (1.9, -1.8),
    ]
    inputs, radius, tau = np.array(places), 0.3, 0.62
    before, now = np.array([0.6, 0.8]), np.array([0.98, 0.2])

    def able(weight: NDArray[Any]) -> NDArray[Any]:
        return inputs @ weight + radius * np.linalg.norm(weight) >= tau

    with picture(folder, "data", 2) as (left, right):
        for weight, style, text in (before, "--", "the neuron before its step"), (now, "-", "the neuron now"):
            size = float(np.linalg.norm(weight))
            if style == "-":
                far_side(left, weight, tau - radius * size, line=False)
            ends = weight * tau / size**2 + np.outer([-9, 9], [-weight[1], weight[0]])
            left.plot(*ends.T, color=INK, linewidth=1.2, linestyle=style, label=text)
        states = [(able(before) & able(now), BLUE, "stays"), (~able(before) & able(now), GREEN, "comes into the lists")]
        states += [(able(before) & ~able(now), ORANGE, "leaves them"), (~able(before) & ~able(now), GREY, "")]
        for mask, colour, text in states:
            dots(left, inputs[mask], colour, text, size=5)
            for each in inputs[mask]:
                left.add_patch(Circle(each, radius, facecolor="none", edgecolor=colour, linewidth=1))
        for number, each in enumerate(inputs):
            left.text(each[0] + 0.08, each[1] + 0.08, str(number), color=INK, fontsize=8)
        plane(left)
        left.set_title("a neuron asks: which balls reach beyond my line?")
        heights = np.linspace(2.2, -2.2, len(inputs))
        others = {1: (0, 2, 7), 3: (4, 5, 8)}  # what two more neurons have
        rows = {1: 1.7, 2: 0.0, 3: -1.7}
        for row, names in others.items():
            for name in names:
                right.plot([-1.3, 1.5], [rows[row], heights[name]], color=PALE, linewidth=1)
        for mask, colour, _ in states[:3]:
            for name in np.flatnonzero(mask):
                style = ":" if colour == ORANGE else "-"
                right.plot([-1.3, 1.5], [rows[2], heights[name]], color=colour, linewidth=1.4, linestyle=style)
        for row, height in rows.items():
            right.text(-1.45, height, f"neuron {row}" if row != 2 else "the neuron", ha="right", va="center")
        for name, height in enumerate(heights):
            right.text(1.65, height, f"input {name}", ha="left", va="center")
        right.set_xlim(-2.9, 2.75)
        right.set_ylim(-2.6, 2.6)
        right.axis("off")
        right.set_title("the answers are kept from both sides")


def draw_max_tree(axes: Any, keys: NDArray[Any], leaves: str, maxima: str) -> int:
    """Keys in blocks, the maxima of blocks above, and what a question visits. Returns the number of blocks visited."""
    blocks = keys.reshape(-1, LEAF)
    opened = blocks.max(axis=1) >= 0
    cell, gap = 1.0, 2.0
    for b, block in enumerate(blocks):
        left = b * (LEAF * cell + gap)
        middle = left + LEAF * cell / 2
        axes.plot([middle, middle], [0.45 * LEAF, 1.1], color=INK if opened[b] else PALE, linewidth=1)
        for k, key in enumerate(block):
            colour = PALE if not opened[b] else BLUE if key >= 0 else "#f6d3bd"
            axes.add_patch(Rectangle((left + k * cell, -1), cell * 0.9, 2, facecolor=colour, linewidth=0))
        colour = BLUE if opened[b] else "#f6d3bd"
        axes.add_patch(Rectangle((middle - 2, 0.45 * LEAF), 4, 3, facecolor=colour, linewidth=0))
    width = len(blocks) * (LEAF * cell + gap)
    axes.text(width / 2, 0.45 * LEAF + 4.2, maxima, ha="center")
    axes.text(width / 2, -2.4, leaves, ha="center", va="top")
    for colour, text in (BLUE, "reaches its limit"), ("#f6d3bd", "looked at, does not"), (PALE, "not looked at"):
        axes.add_patch(Rectangle((-99, -99), 1, 1, facecolor=colour, label=text, linewidth=0))
    axes.set_xlim(-1, width)
    axes.set_ylim(-6, 0.45 * LEAF + 7)
    axes.axis("off")
    return int(opened.sum()) + 1


def draw_pairs(axes: Any, rows: str, columns: str, touched_columns: list[int], touched_rows: list[int]) -> None:
    """The table of all pairs, and what a step computes anew."""
    height, width = 9, 15
    for i in range(height):
        for j in range(width):
            anew = j in touched_columns or i in touched_rows
            axes.add_patch(Rectangle((j, -i), 0.9, 0.9, facecolor=ORANGE if anew else PALE, linewidth=0))
    axes.text(width / 2, 1.5, columns, ha="center")
    axes.text(-0.6, -height / 2 + 1, rows, rotation=90, ha="right", va="center")
    axes.add_patch(Rectangle((-99, -99), 1, 1, facecolor=ORANGE, label="computed anew after a step", linewidth=0))
    axes.set_xlim(-2, width + 0.2)
    axes.set_ylim(-height, 3)
    axes.axis("off")


def keys_of(count: int, share: float, seed: int) -> NDArray[np.float64]:
    """Keys of which a share is at least 0, as products of Gaussian weights less their limits are."""
    values = np.random.default_rng(seed).standard_normal(count)
    return values - np.quantile(values, 1 - share)


def dtree(folder: Path) -> None:
    with picture(folder, "dtree", 2, width=4.4, height=2.9) as (left, right):
        draw_max_tree(left, keys_of(8 * LEAF, 0.035, 8), "one input's products with all neurons", "maxima of 16")
        draw_pairs(right, "a tree for each input", "neurons; three of them moved", [2, 7, 11], [])


def wtree(folder: Path) -> None:
    with picture(folder, "wtree", 2, width=4.4, height=2.9) as (left, right):
        draw_max_tree(left, keys_of(8 * LEAF, 0.05, 9), "one neuron's products with all inputs", "maxima of 16")
        draw_pairs(right, "a tree for each neuron", "inputs; three neurons moved", [], [1, 4, 6])


def margin(folder: Path) -> None:
    skin, steps = 0.5, 26
    rng = np.random.default_rng(14)
    moves = {"far": rng.normal(0.0, 0.06, steps), "near": rng.normal(0.045, 0.07, steps)}
    moves["fires"] = rng.normal(-0.02, 0.05, steps)
    starts = {"far": -1.25, "near": -0.82, "fires": 0.22}
    with picture(folder, "margin", 2, width=4.4, height=3.5) as (left, right):
        left.axhspan(-skin, 0, color=SKY, alpha=0.22, linewidth=0)
        left.axhline(0, color=INK, linewidth=1.2)
        for name, colour in ("far", GREY), ("near", ORANGE), ("fires", BLUE):
            keys = starts[name] + np.concatenate([[0], np.cumsum(moves[name])])
            used, listed, drift, asked = 0.0, keys[0] >= -skin, [0.0], [0]
            in_list = [listed]
            for step in range(1, steps + 1):
                used += abs(moves[name][step - 1])
                if used > skin:  # its row moved by more than the skin: asked again
                    used, listed = 0.0, keys[step] >= -skin
                    asked.append(step)
                assert listed or keys[step] < 0
                drift.append(used)
                in_list.append(listed)
            times = np.arange(steps + 1)
            left.plot(times, keys, color=colour, linewidth=1, linestyle=":")
            left.plot(times, np.where(in_list, keys, np.nan), color=colour, linewidth=2.2)
            dots(left, np.stack([np.array(asked), keys[asked]], axis=1), colour, size=6, marker="D")
            right.plot(times, drift, color=colour, linewidth=1.6)
        left.plot([], [], color=GREY, linewidth=2.2, label="in the list")
        left.plot([], [], color=GREY, linewidth=1, linestyle=":", label="not in the list")
        dots(left, np.empty((0, 2)), GREY, "asked: its product is computed", size=6, marker="D")
        left.text(0.4, 0.04, "0: can fire", va="bottom")
        left.text(0.4, -skin + 0.03, "the skin", va="bottom")
        left.set_xlabel("steps of training")
        left.set_title("keys of three neurons for one input")
        left.set_xlim(0, steps)
        right.axhline(skin, color=INK, linewidth=1.2)
        right.text(0.4, skin + 0.01, "the skin", va="bottom")
        right.set_ylim(0, skin * 1.25)
        right.set_xlim(0, steps)
        right.set_xlabel("steps of training")
        right.set_title("how far each has drifted since it was asked")


def static(folder: Path) -> None:
    rng = np.random.default_rng(6)
    then = neurons(60)
    steps = rng.standard_normal(then.shape)
    lengths = rng.uniform(0.05, 0.34, len(then))
    now = then + steps / np.linalg.norm(steps, axis=1, keepdims=True) * lengths[:, None]
    spent = float(lengths.max() * (np.linalg.norm(X) + RADIUS))
    with picture(folder, "static", width=4.6, height=5.0) as (axes,):
        listed = then @ X + RADIUS * np.linalg.norm(then, axis=1) >= TAU - spent
        able = can_fire(now)
        assert listed[able].all()
        axes.plot(*ball_border(X).T, color=INK, linewidth=1.2, label="who can fire now")
        axes.plot(
            *ball_border(X, spent).T, color=GREEN, linewidth=1.4, linestyle="--", label="what the index is asked for"
        )
        for one, other in zip(then, now, strict=True):
            axes.plot(*np.array([one, other]).T, color=PALE, linewidth=1)
        dots(axes, then, GREY, "where the index has a neuron", size=4.5, markerfacecolor="white", markeredgewidth=0.9)
        for mask, colour, text in (
            (~listed, GREY, "where it is now"),
            (listed & ~able, OCHRE, "proposed, cannot fire"),
            (able, BLUE, "can fire in the ball"),
        ):
            dots(axes, now[mask], colour, text, size=4.5)
        plane(axes)


def simhash(folder: Path) -> None:
    weights, bits = neurons(80), 3
    x = X / np.linalg.norm(X)
    with picture(folder, "simhash", 2) as every:
        fires = weights @ x >= TAU
        found = np.zeros(len(weights), bool)
        for axes, angles in zip(every, ((0.35, 1.25, 2.35), (0.1, 0.95, 1.95)), strict=True):
            ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
            normals = np.stack([-ways[:, 1], ways[:, 0]], axis=1)
            same = ((weights @ normals.T > 0) == (x @ normals.T > 0)).all(axis=1)
            assert len(normals) == bits
            turns = np.linspace(-np.pi, np.pi, 2881)
            around = np.stack([np.cos(turns), np.sin(turns)], axis=1)
            inside = around[((around @ normals.T > 0) == (x @ normals.T > 0)).all(axis=1)]
            axes.add_patch(Polygon([(0, 0), inside[0] * 9, inside[-1] * 9], facecolor=SKY, alpha=0.3, linewidth=0))
            for way in ways:
                axes.plot(*np.outer([-9, 9], way).T, color=GREY, linewidth=1)
            found |= same
            dots(axes, weights[~same & ~fires], PALE, size=4.5)
            dots(axes, weights[same & ~fires], OCHRE, "in the input's bucket", size=5)
            dots(axes, weights[same & fires], BLUE, "in it, and fires", size=5)
            dots(axes, weights[fires & ~same], PINK, "fires, in another bucket", size=6.5, marker="X")
            axes.annotate("", x * 2.35, (0, 0), arrowprops={"arrowstyle": "->", "color": INK, "linewidth": 1.2})
            axes.text(*(x * 2.4), "input", ha="center")
            plane(axes)
        every[0].set_title("table 1: three random lines make a bucket")
        every[1].set_title("table 2: three others")


DRAWINGS: dict[str, Callable[[Path], None]] = {
    "brute-force": brute_force,
    "quantized-scan": quantized_scan,
    "kd-tree": kd_tree,
    "ball-tree": ball_tree,
    "partition-tree": partition_tree,
    "convex-layers": convex_layers,
    "dense": dense,
    "weights": weights_,
    "data": data,
    "dtree": dtree,
    "wtree": wtree,
    "margin": margin,
    "static": static,
    "simhash": simhash,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PICTURES, help="folder; default: %(default)s")
    parser.add_argument("names", nargs="*", help="default: all")
    arguments = parser.parse_args()
    for name in arguments.names or DRAWINGS:
        DRAWINGS[name](arguments.out)
        print(arguments.out / f"{name}.svg")


if __name__ == "__main__":
    main()

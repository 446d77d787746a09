"""The figures of a report: SVG whose colours are variables of the page, so that light and dark are one drawing."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sublinear.files import write_whole
from sublinear.intervals import Interval
from sublinear.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: After Okabe and Ito, whose palette colour-blind readers tell apart, without yellow; (light page, dark page).
COLOURS = (
    ("#1b1f24", "#e6edf3"),
    ("#0072b2", "#4c9fe8"),
    ("#d55e00", "#ff8c42"),
    ("#009e73", "#2fd3a5"),
    ("#cc79a7", "#e3a1c6"),
    ("#b07d00", "#f0b429"),
    ("#56b4e9", "#a5dcff"),
    ("#7a858f", "#8d98a3"),
)
#: Beside colours, so that no line is known by its colour alone.
MARKERS = "os^Dvp*Xhd"
DASHES = ("-", "--", "-.", ":")

#: Sizes that have room beside each other under an axis.
_MOST_TICKS = 6

_BELOW_AXES = 0.55  # inches for ticks and label, above the legend

_INK, _FAINT = "#010203", "#040506"  # stand for the text's colour and for that of grids


def _series_colour(number: int) -> str:
    if number >= len(COLOURS):  # rarer ones share colours, not with the two that are compared most
        number = 2 + (number - len(COLOURS)) % (len(COLOURS) - 2)
    return f"#0a0b{number:02x}"


class FigureFiles:
    """Where figures go as files too, for papers: black on white, in the colours of a light page."""

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        known = ("pdf", "svg", "png")
        for each in formats:
            if each not in known:
                raise ValueError(f"format is {each!r}; known are {', '.join(known)}")
        self.folder, self.formats, self.paths = folder, tuple(formats), list[Path]()
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, figure: Figure, title: str) -> None:
        """Writes it under a name made of its title, with a number where that is taken."""
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-") or "figure"
        name, number = base, 1
        while any(path.stem == name for path in self.paths):
            number += 1
            name = f"{base}-{number}"
        _recolour(figure)
        for each in self.formats:
            out = io.BytesIO()
            metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[each]
            figure.savefig(out, format=each, bbox_inches="tight", dpi=200, metadata=metadata)
            path = self.folder / f"{name}.{each}"
            write_whole(path, out.getvalue())
            self.paths.append(path)


_saving: ContextVar[FigureFiles | None] = ContextVar("figures", default=None)


@contextmanager
def saving_figures(folder: Path, formats: Sequence[str]) -> Iterator[FigureFiles]:
    """While it lasts, what is drawn for a page is written to files too. ValueError for an unknown format."""
    files = FigureFiles(folder, formats)
    token = _saving.set(files)
    try:
        yield files
    finally:
        _saving.reset(token)


def _recolour(figure: Figure) -> None:
    """Colours that stand for those of a page become real ones."""
    from matplotlib.colors import to_hex

    real = {_INK: "#000000", _FAINT: "#d0d0d0"} | {_series_colour(k): light for k, (light, _) in enumerate(COLOURS)}
    names = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
    for artist in figure.findobj():
        for name in names:
            get, set_to = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
            if get is None or set_to is None:
                continue
            with suppress(ValueError, TypeError):  # "none", or a colour for each of many
                value = get()
                value = value[0] if getattr(value, "ndim", 1) == 2 and len(value) == 1 else value
                if (found := real.get(to_hex(value))) is not None:
                    set_to(found)


@dataclass(frozen=True)
class Series:
    """One line: its values over x, and for fitted lines those of the fit.

    Two lines of one figure differ in `style`, `dash` or `mark`, whatever their labels say.
    """

    label: str
    x: list[float]
    y: list[float]
    style: int  # the same number, the same colour and marker in every figure
    dash: int = 0
    fit_x: tuple[float, ...] = ()
    fit_y: tuple[float, ...] = ()
    mark: int = 0  # another marker for each setting of a strategy
    reach: tuple[float, ...] = ()  # to both sides of each value, as a bar


@contextmanager
def _drawing(title: str, width: float = 5.2, height: float = 3.5) -> Iterator[tuple[Axes, list[str]]]:
    """Axes to draw on; the SVG is appended to the list when the block ends."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "sublinear",
        "font.family": "sans-serif",
        "font.size": 11,
        "axes.titlesize": 12,
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": _FAINT,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "lines.markersize": 5,
    }
    done: list[str] = []
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        figure.subplots_adjust(bottom=_BELOW_AXES / height)
        yield axes, done
        axes.set_title(_as_text(title), loc="left")
        handles, labels = axes.get_legend_handles_labels()
        if handles:
            columns = 1 if max(map(len, labels)) > 26 else 2
            figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.02, 0.0), ncols=columns, fontsize=10)
        out = io.StringIO()
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(out, format="svg", bbox_inches="tight", transparent=True, metadata=metadata)
    done.append(_for_page(out.getvalue(), title))
    if (files := _saving.get()) is not None:
        files.save(figure, title)


def _as_text(text: str) -> str:
    """For matplotlib, which takes what is between two dollars for mathematics."""
    return one_line(text).replace("$", r"\$")


def _for_page(svg: str, title: str) -> str:
    """The drawing as a part of a page: without prologue and fixed size, its colours those of the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{_escape(title)}" ', 1)
    svg = svg.replace(_INK, "var(--ink)").replace(_FAINT, "var(--faint)")
    for number in range(len(COLOURS)):
        svg = svg.replace(_series_colour(number), f"var(--series-{number})")
    return re.sub(r"font: ([^;\"]*?)'sans-serif'[^;\"]*", r"font: \1sans-serif", svg)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def lines(
    title: str,
    x_label: str,
    y_label: str,
    series: list[Series],
    log: bool = False,
    from_zero: bool = True,
    percent: bool = False,
    whole: bool = True,
) -> str:
    """Series over x, with markers; fitted parts are thin. `log` is of both axes; `whole`: x has whole numbers."""
    with _drawing(title) as (axes, done):
        for each in series:
            colour = _series_colour(each.style)
            marker = MARKERS[(each.style + 3 * each.mark) % len(MARKERS)]
            fitted = len(each.fit_x) > 0
            axes.plot(
                each.x,
                each.y,
                marker=marker,
                color=colour,
                linestyle="none" if fitted else DASHES[each.dash % len(DASHES)],
                label=_as_text(each.label),
                fillstyle="none" if each.dash else "full",
            )
            if each.reach:
                axes.errorbar(each.x, each.y, yerr=each.reach, color=colour, linestyle="none", elinewidth=1.1)
            if fitted:
                axes.plot(each.fit_x, each.fit_y, color=colour, linewidth=1.1, linestyle=DASHES[each.dash % 4])
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if log:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            from matplotlib.ticker import NullLocator

            sizes = sorted({x for each in series for x in each.x})
            if len(sizes) <= _MOST_TICKS:
                axes.set_xticks(sizes)
                axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(_plain_numbers())
        else:
            from matplotlib.ticker import MaxNLocator

            axes.xaxis.set_major_locator(MaxNLocator("auto" if whole else _MOST_TICKS, integer=whole))
            if from_zero:
                axes.set_ylim(bottom=0)
            if percent:
                axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    return done[0]


@dataclass(frozen=True)
class Dots:
    """One mark for each name, with its interval; None where there is none."""

    label: str
    values: list[Interval | None]
    style: int


def dots(title: str, x_label: str, names: list[str], series: list[Dots], percent: bool = False) -> str:
    """A row a name, and in it a mark for each series with its interval; logarithmic where values differ much."""
    ends = [value.value for each in series for value in each.values if value is not None]
    log = not percent and min(ends) > 0 and max(ends) > 30 * min(ends)
    with _drawing(title, height=1.3 + len(names) * (0.16 + 0.11 * len(series))) as (axes, done):
        for number, each in enumerate(series):
            shift = 0.7 * ((number + 0.5) / len(series) - 0.5)
            found = [(place + shift, value) for place, value in enumerate(each.values) if value is not None]
            axes.errorbar(
                [value.value for _, value in found],
                [place for place, _ in found],
                xerr=list(zip(*(_reaches(value, log, percent) for _, value in found), strict=True)),
                linestyle="none",
                marker=MARKERS[each.style % len(MARKERS)],
                color=_series_colour(each.style),
                elinewidth=1.1,
                label=_as_text(each.label),
            )
        axes.set_yticks(list(range(len(names))), list(map(_as_text, names)))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(x_label)
        if log:
            axes.set_xscale("log")
        elif percent:
            axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
        else:
            axes.set_xlim(left=0)
        if not percent and max(ends) >= 1000:
            from matplotlib.ticker import EngFormatter

            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    return done[0]


def _reaches(value: Interval, log: bool, percent: bool) -> tuple[float, float]:
    """How far an interval is drawn to both sides: no share is outside of [0, 1], and no logarithm below 0."""
    half = value.half_width or 0.0
    if percent:
        return min(half, value.value), min(half, 1 - value.value)
    return min(half, 0.9 * value.value) if log else half, half


def _plain_numbers() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009"))


def bars(
    title: str,
    x_label: str,
    names: list[str],
    values: list[float],
    styles: list[int],
    spread: list[Interval] | None = None,
) -> str:
    """One horizontal bar a name, its value written behind it, and a line over its spread; logarithmic where values
    differ much."""
    positive = [value for value in values if value > 0]
    log = bool(positive) and max(positive) > 30 * min(positive)
    ends = [_ends(each) for each in spread or map(Interval, values)]
    with _drawing(title, height=1.1 + 0.34 * len(names)) as (axes, done):
        places = list(range(len(names)))
        axes.barh(places, values, color=[_series_colour(style) for style in styles], height=0.62)
        if spread is not None:
            reaches = [(value - low, high - value) for value, (low, high) in zip(values, ends, strict=True)]
            axes.errorbar(values, places, xerr=list(zip(*reaches, strict=True)), linestyle="none", color=_INK)
        axes.set_yticks(places, list(map(_as_text, names)))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(x_label)
        if log:
            axes.set_xscale("log")
            axes.set_xlim(min(positive) / 2, max(positive) * 4)
        else:
            axes.set_xlim(0, max((high for _, high in ends), default=1) * 1.22 or 1)
        for place, value, (_, high) in zip(places, values, ends, strict=True):
            axes.annotate(
                f"{value:.3g}" if value < 1000 else f"{value:,.0f}".replace(",", "\u2009"),
                (high if value > 0 else axes.get_xlim()[0], place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=10,
            )
    return done[0]


def _ends(interval: Interval) -> tuple[float, float]:
    if interval.low is None or interval.high is None:
        return interval.value, interval.value
    return interval.low, interval.high

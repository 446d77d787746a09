"""What pages are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from sublinear.tables import quantity


@dataclass
class Table:
    """Cells are text; the first column is left-aligned, the others right."""

    columns: list[str]
    rows: list[list[str]]
    folded: bool = False  # shown when asked for


@dataclass
class Section:
    """A part of the page, in the order of its fields."""

    title: str
    lead: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: list[Markup] = field(default_factory=list)
    more: Table | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    command: str | None = None


def machine_facts(content: dict[str, Any]) -> list[tuple[str, str]]:
    """When, where and with what a result was measured, as names and values."""
    where, found = content["machine"], content["versions"]
    facts = [("processor", f"{where['cpu']}, {where['processors']} visible"), ("instruction set", where["simd_level"])]
    facts += [("memory available", quantity(where["memory_available"], "B")), ("system", where["system"])]
    facts.append(("versions", ", ".join(f"{name} {value}" for name, value in found.items() if value)))
    told = [("date", content.get("date")), ("compiler", content.get("build", {}).get("compiler"))]
    told.append(("content of the data", content.get("dataset", {}).get("sha256")))
    return facts + [(name, str(value)) for name, value in told if value]  # earlier versions did not say

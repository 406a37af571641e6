"""The answer: which classes a recording fits, and what must be said with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rule_id.features.targets import wording

__all__ = ["CAVEATS", "Identification", "LayerIdentification"]

CAVEATS = (
    "The answer is one of those ranked above, also for a network that learned in another way or "
    "not at all: what was not among the networks of training cannot be named.",
    "Many rules fit the same activity; the best of those tried need not be the one at work "
    "(Ramesh et al. 2024, eLife 94411).",
    "Architecture and initial state can outweigh the learning rule "
    "(Liu et al. 2025, arXiv 2506.06904).",
    "Untrained networks can match recordings better than trained ones "
    "(Leutenegger et al. 2026, arXiv 2604.16875).",
    "Rules can pass through the same states and differ only in how long they take "
    "(Kepple et al., ICLR 2022).",
)
"""What holds for every verdict, however certain it looks."""

Ranked = list[tuple[str, float]]


@dataclass(frozen=True)
class LayerIdentification:
    """What one layer alone says.

    Attributes:
        layer: Position of the layer, 0 for the first.
        name: Its name in the recording.
        ranked: (class, probability), most probable first.
    """

    layer: int
    name: str
    ranked: Ranked


@dataclass(frozen=True)
class Identification:
    """What may be behind one recording, ranked: rules, or the classes of another target.

    Attributes:
        name: Name of the recording.
        target: What was identified, one of `TARGETS`; its values are the classes below.
        ranked: (class, probability), most probable first; probabilities sum to 1.
        families: (family, probability), sums over the classes of a family, most probable first;
            empty for the targets `family` and `optimizer`.
        layers: The same for each layer alone.
        set: The 90% conformal prediction set, most probable first; all classes, or none, when the
            data cannot say.
        warnings: What must be known to read the answer, the particular before the general.
        observables: What the answer rests on, such as `activation+weight`.
        held_out_accuracy: Share of unseen simulated networks whose class was ranked first from the
            same observables.
        chance: The accuracy of guessing: the larger of 1 / number of classes and the share of the
            commonest class among those networks.
    """

    name: str
    target: str
    ranked: Ranked
    families: Ranked
    layers: list[LayerIdentification]
    set: list[str]
    warnings: list[str]
    observables: str
    held_out_accuracy: float
    chance: float

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON types, the order of every list best first."""
        return {
            "recording": self.name,
            "target": self.target,
            "ranked": _records(self.ranked),
            "families": _records(self.families),
            "layers": [
                {"layer": layer.layer, "name": layer.name, "ranked": _records(layer.ranked)}
                for layer in self.layers
            ],
            "set": self.set,
            "warnings": self.warnings,
            "observables": self.observables,
            "held_out_accuracy": self.held_out_accuracy,
            "chance": self.chance,
        }

    def summary(self) -> str:
        """Return the answer as text: one line a class, a family, a layer and a warning."""
        best = [
            f"{layer.name}: {layer.ranked[0][0]} {layer.ranked[0][1]:.2f}" for layer in self.layers
        ]
        return "\n".join(
            [
                f"{self.name} ({self.observables.replace('+', ', ')})",
                wording(self.target).many,
                *_lines(self.ranked),
                *(["families", *_lines(self.families)] if self.families else []),
                "each layer alone",
                *(f"  {text}" for text in best),
                f"90% set: {', '.join(self.set) or 'none'}",
                f"held-out accuracy {self.held_out_accuracy:.2f} (chance {self.chance:.2f})",
                "to be kept in mind",
                *(f"  - {warning}" for warning in self.warnings),
            ]
        )

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary()


def _records(ranked: Ranked) -> list[dict[str, Any]]:
    return [{"name": name, "probability": probability} for name, probability in ranked]


def _lines(ranked: Ranked) -> list[str]:
    width = max(len(name) for name, _ in ranked)
    return [f"  {name:<{width}}  {probability:.3f}" for name, probability in ranked]

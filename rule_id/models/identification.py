"""The answer: which classes a recording fits, and what must be said with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rule_id.features.targets import wording
from rule_id.models.evidence import Evidence
from rule_id.models.network_map import Place
from rule_id.models.outside import StickingOut
from rule_id.models.view import FAR, Cell, View

__all__ = ["CAVEATS", "Identification", "LayerIdentification", "Outside"]

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

SHOWN, UNLIKELY = 5, 0.01
"""So many classes are printed, and all that are no less probable than that."""


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
class Outside:
    """Where a recording lies among the networks of training.

    Attributes:
        distance: From the middle of the networks of training, 1 where every feature lies at the
            edge of its usual range (`rule_id.models.outside.distances`).
        edge: The distance beyond which 1 of 100 held-out networks lies.
        n: Number of held-out distances that the edge is taken from.
        features: What lies farthest outside its range.
    """

    distance: float
    edge: float
    n: int
    features: list[StickingOut]

    def __bool__(self) -> bool:
        """Say whether it lies outside what was simulated."""
        return self.distance > self.edge


@dataclass(frozen=True)
class Identification:
    """What may be behind one recording, ranked: rules, or the classes of another target.

    Attributes:
        name: Name of the recording.
        signal: `model`, `rate`, `calcium` or `deconvolved`.
        target: What was identified, one of `TARGETS`; its values are the classes below. Of a brain,
            a bundle of rules answers with credit assignments, for an optimizer is not identified.
        n_classes: How many classes could have been named.
        constant: Whether nothing changes in the recording, where the classifier has no class for
            networks that do not learn; nothing is ranked then.
        ranked: (class, probability), most probable first; probabilities sum to 1. Empty for a brain
            outside what was simulated.
        families: (family, probability), sums over the classes of a family, most probable first;
            empty for the targets `family` and `optimizer`.
        priors: How probable each family is before anything is seen, classes being alike.
        layers: The same for each layer alone.
        set: The conformal prediction set, most probable first; all classes, or none, when the data
            cannot say. None of an outside recording, to which its promise does not extend.
        level: Share of simulated networks whose set holds the true class.
        outside: Where the recording lies among the networks of training.
        view: How the recording sees its network.
        cell: How well held-out networks were named that were seen most nearly so.
        costs: (what was not recorded, how many of those networks are named with it), the best
            first.
        warnings: What must be known to read the answer, the particular before the general.
        evidence: What spoke for the first class of the bundle against the second; None where
            nothing is ranked.
        place: Where the recording lies on the map of the bundle; None where it has none.
        trained: How the classifier was made: `model`, `feature_set`, `corpus`, `content_hash` and
            the `versions` of the packages that trained it.
    """

    name: str
    signal: str
    target: str
    n_classes: int
    constant: bool
    ranked: Ranked
    families: Ranked
    priors: dict[str, float]
    layers: list[LayerIdentification]
    set: list[str]
    level: float
    outside: Outside
    view: View
    cell: Cell
    costs: list[tuple[str, float]]
    warnings: list[str]
    evidence: Evidence | None = None
    # For the eye; arrays have no equality of one truth value.
    place: Place | None = field(default=None, compare=False)
    trained: dict[str, Any] = field(default_factory=dict)

    @property
    def observables(self) -> str:
        """What the answer rests on, such as `activation+weight`."""
        return self.view.observables

    @property
    def held_out_accuracy(self) -> float:
        """Share of held-out networks, seen most nearly so, that were named rightly."""
        return self.cell.accuracy[self._key]

    @property
    def chance(self) -> float:
        """What guessing reaches on those networks."""
        return self.cell.chance[self._key]

    @property
    def _key(self) -> str:
        return self.target if self.target in self.cell.accuracy else "class"

    @property
    def verdict(self) -> str:
        """The answer in a sentence.

        Of a brain it says what its statistics resemble and never what it uses.
        """
        many = wording(self.target).many
        among = f"Among {self.n_classes} simulated {many}"
        if self.constant:
            return (
                "Nothing can be said: the recording is the same at every checkpoint, so no "
                "learning is seen in it."
            )
        if self.outside:
            return (
                f"None of these: the recording lies outside what was simulated (distance "
                f"{self.outside.distance:.2f}; of held-out networks 99 in 100 lie within "
                f"{self.outside.edge:.2f})."
            )
        best, probability = self.ranked[0]
        kept = f"the {100 * self.level:g}% set holds {len(self.set)} of {self.n_classes}"
        if self.undecided:
            return (
                f"The data cannot say which of {self.n_classes} simulated {many} it is: "
                f"{self.undecided}. First, under equal priors, is {best} ({probability:.2f}; by "
                f"guessing {1 / self.n_classes:.2f})."
            )
        if self.signal == "model":
            return (
                f"{among}, {best} fits best: probability {probability:.2f} under equal priors; "
                f"{kept}."
            )
        return (
            f"{among}, these statistics most resemble networks trained by {best}, under equal "
            f"priors (probability {probability:.2f} among simulations; {kept})."
        )

    @property
    def undecided(self) -> str:
        """Why the data cannot say; empty where they say something."""
        reasons = []
        if len(self.set) == self.n_classes:
            reasons.append(f"none is excluded at {100 * self.level:g}%")
        elif self.ranked and self.ranked[0][0] not in self.set:
            reasons.append(f"what ranks first is excluded at {100 * self.level:g}%")
        if self.cell.no_better_than_guessing(self._key):
            reasons.append(
                "held-out networks seen like this are named no better than by guessing "
                f"({self.held_out_accuracy:.2f}, chance {self.chance:.2f})"
            )
        return ", and ".join(reasons)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON types, the order of every list best first."""
        return {
            "recording": self.name,
            "signal": self.signal,
            "verdict": self.verdict,
            "undecided": self.undecided,
            "constant": self.constant,
            "target": self.target,
            "ranked": _records(self.ranked),
            "families": _records(self.families),
            "layers": [
                {"layer": layer.layer, "name": layer.name, "ranked": _records(layer.ranked)}
                for layer in self.layers
            ],
            "family_priors": self.priors,
            "set": self.set,
            "level": self.level,
            "outside": bool(self.outside),
            "distance": self.outside.distance,
            "edge": self.outside.edge,
            "sticking_out": [vars(one) for one in self.outside.features],
            "view": self.view.to_dict(),
            "nearest_view": self.cell.view.to_dict(),
            "held_out_accuracy": self.held_out_accuracy,
            "chance": self.chance,
            "costs": [{"without": what, "accuracy": value} for what, value in self.costs],
            "warnings": self.warnings,
            "evidence": self.evidence and vars(self.evidence),
        }

    def summary(self) -> str:
        """Return the answer as text: the verdict, then one line for each thing to know."""
        return "\n".join(
            [
                f"{self.name} ({self.view})",
                self.verdict,
                *(f"  {one}" for one in self.outside.features if self.outside),
                *(self._ranking() if self.ranked else []),
                *(self._trust() if not self.outside else []),
                "to be kept in mind",
                *(f"  - {warning}" for warning in self.warnings),
            ]
        )

    def _ranking(self) -> list[str]:
        """Return classes, families, what each layer alone says, and the prediction set."""
        best = [
            f"{layer.name}: {layer.ranked[0][0]} {layer.ranked[0][1]:.2f}" for layer in self.layers
        ]
        all_the_same = ["were it one of these all the same"] if self.outside else []
        families = [
            (f"{name} (by guessing {self.priors[name]:.2f})", p) for name, p in self.families
        ]
        ending = [] if self.outside else [self._set()]
        return [
            *all_the_same,
            wording(self.target).many,
            *_lines(self.ranked),
            *(
                [f"families, sums over {wording(self.target).many}", *_lines(families)]
                if families
                else []
            ),
            "each layer alone",
            *(f"  {text}" for text in best),
            *ending,
        ]

    def _set(self) -> str:
        text = f"{100 * self.level:g}% set: {', '.join(self.set) or 'none'}"
        guessing = self.cell.no_better_than_guessing(self._key)
        return text + (" (from guesses: it says nothing)" if guessing else "")

    @property
    def seen_alike(self) -> bool:
        """Whether the held-out networks that are quoted were seen much like the recording."""
        return self.cell.view.unlike(self.view) <= FAR

    def _trust(self) -> list[str]:
        """Return how well networks are named that were seen in this way, and at what cost."""
        # Of a brain credit assignments weigh the same, however many rules each has.
        each = ", each weighing the same" if self.signal != "model" else ""
        without = [f"  {what}: {accuracy:.2f}" for what, accuracy in self.costs]
        seen = f"of {self.cell.n} held-out networks seen much like this"
        if not self.seen_alike:
            seen = f"no held-out networks were seen like this; of {self.cell.n} seen otherwise"
        return [
            f"{seen} ({self.cell.view}) "
            f"{self.held_out_accuracy:.2f} are named rightly (chance {self.chance:.2f}"
            f"{each})",
            *(
                ["what was not recorded, and how many are named with it", *without]
                if without
                else []
            ),
        ]

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary()


def _records(ranked: Ranked) -> list[dict[str, Any]]:
    return [{"name": name, "probability": probability} for name, probability in ranked]


def _lines(ranked: Ranked) -> list[str]:
    """Return a line for each of the first, and one for those that are hardly possible."""
    likely = sum(probability >= UNLIKELY for _, probability in ranked)
    shown = ranked[: max(likely, SHOWN)]
    width = max(len(name) for name, _ in shown)
    lines = [f"  {name:<{width}}  {probability:.3f}" for name, probability in shown]
    if left := ranked[len(shown) :]:
        lines.append(f"  {len(left)} others: {sum(p for _, p in left):.3f} together")
    return lines

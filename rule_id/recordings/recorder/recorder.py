"""The recorder: checkpoints of a model in training, and the recording that they make."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rule_id.errors import InputError, one_of
from rule_id.recordings.recorder.checks import require_layers, require_same_shapes, warn_of
from rule_id.recordings.recorder.layers import chosen_answers, chosen_layers, recurrent_layers
from rule_id.recordings.recorder.measuring import Measured, Seen, Wanted, measure
from rule_id.recordings.recorder.passive import eager_model
from rule_id.recordings.recorder.sampling import Limits
from rule_id.recordings.recorder.stimuli import Stimuli
from rule_id.recordings.recorder.writing import recorded_arrays, write_recording
from rule_id.recordings.recording import Recording, recording_from_arrays

__all__ = ["Recorder"]


class Recorder:
    """Records a torch model while it trains, in a loop of one's own.

    At each checkpoint the model is shown the stimuli in evaluation mode, and of each layer are kept

    - its weights, without biases;
    - its activations: its output after the normalisation and nonlinearity that follow it, wherever
      they stand in the code; logits as they are (`rule_id.recordings.recorder.following` has the
      rules). Of what a layer does at several positions or time steps, or in several calls, each
      counts as a stimulus;
    - its activity change: for each stimulus the sum over input units of d(mean output unit)/d(input
      unit) of this layer, exact, from the weights that it runs with.

    The model and its training stay as they are: parameters, buffers, gradients, training modes and
    the states of random number generators, bit for bit.

    Attributes:
        left_out: What is not recorded and why, known after the first checkpoint, which warns of it.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 3))
    >>> recorder = Recorder(model, np.ones((10, 4)))
    >>> for step in range(3):
    ...     recorder.checkpoint(step)
    >>> recorder.layers, recorder.recording().observables
    (('0', '2'), ('weight', 'activation', 'activity_change'))
    """

    def __init__(
        self,
        model: nn.Module,
        stimuli: Any,
        layers: Sequence[str] | None = None,
        *,
        activations: Mapping[str, str] | None = None,
        recurrent: Mapping[str, str] | None = None,
        activity_change: bool = True,
        batch_statistics: Any = "stimuli",
        max_units: int | None = 1000,
        max_stimuli: int | None = 1000,
        max_weights: int | None = 100_000,
        batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        """Choose what is recorded.

        Args:
            model: The model. Compiled, or wrapped for several devices, what is inside is recorded.
            stimuli: What it is shown at every checkpoint, held out from training: a tensor or
                array, a tuple (the model's arguments) or a dictionary (its named arguments) of
                them. They go where the model is, and floating ones take the type of its parameters.
            layers: Names of modules with weights; None for all linear, convolutional and recurrent
                layers that run.
            activations: By layer, the module whose output is its activation, where the rules do not
                find it; the layer itself for its output as it is.
            recurrent: By layer that feeds its own units, as one that is called in each time step
                does, the layer before it, through which these units are fed. Of torch's recurrent
                layers, of which the recurrent matrix alone is recorded, it is known.
            activity_change: Whether activity changes are recorded, where they can be had.
            batch_statistics: What batch normalisation takes mean and variance from, at every
                checkpoint anew, as in a simulation: `stimuli`, or inputs of training, given as
                stimuli are. `running` for its running averages, which begin at 0 and 1.
            max_units: Most units of a layer; of more, a draw is kept, the same at every checkpoint.
                None for all.
            max_stimuli: Most stimuli of a layer, its positions, time steps and calls counted.
            max_weights: Most weights of a layer.
            batch_size: Stimuli in one pass, along first axes; None for all of them.
            seed: Of the draws, 0 or more.

        Raises:
            InputError: The model has no such layers, or an argument is of another kind.
        """
        self.left_out: dict[str, str] = {}
        self._model = eager_model(model)
        self._named = layers is not None
        chosen = chosen_layers(self._model, layers)
        shown = Stimuli(stimuli, batch_size)
        self._wanted = Wanted(
            chosen,
            chosen_answers(self._model, chosen, activations or {}),
            shown,
            _population(batch_statistics, shown, batch_size),
            Limits(max_units, max_stimuli, max_weights, seed),
        )
        self._recurrent = {**recurrent_layers(chosen), **(recurrent or {})}
        self._slopes = activity_change
        self._steps: list[float] = []
        self._seen: dict[str, list[Seen]] = {}

    @property
    def steps(self) -> tuple[float, ...]:
        """The steps of the checkpoints so far."""
        return tuple(self._steps)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, in the order in which they first ran; none before the first checkpoint."""
        return tuple(self._seen)

    def checkpoint(self, step: float) -> None:
        """Record the model as it is now.

        Args:
            step: When this is, in any unit; it rises from checkpoint to checkpoint.

        Raises:
            InputError: The step does not rise, the model cannot run on the stimuli, a layer that
                was named does not run or none does, or a layer has other shapes than at the first
                checkpoint.
        """
        step = self._checked_step(step)
        if self._steps:
            layers = self._measure().layers
            require_same_shapes(self._seen, layers)
        else:
            layers = self._first()
            self._seen = {layer: [] for layer in layers}
        for layer, seen in self._seen.items():
            seen.append(layers[layer])
        self._steps.append(step)

    def recording(self, name: str = "model") -> Recording:
        """Return the recording so far, as `rule_id.models.identify` takes it.

        Args:
            name: The id of the network.

        Raises:
            InputError: There are not yet two checkpoints, or nothing finite was recorded.
        """
        self._require_two()
        tables = recorded_arrays(self._seen)
        return recording_from_arrays(
            name,
            np.asarray(self._steps),
            tables["activations"],
            tables["weights"],
            tables["activity_change"],
            "gradient" if tables["activity_change"] else None,
            layers=self.layers,
            recurrent=self._known_recurrent(),
        )

    def save(self, path: str | Path) -> None:
        """Write the recording so far to an npz file, which `rule-id identify` reads.

        It may be written again after each checkpoint: the file is complete at all times.

        Args:
            path: The file; its name ends in .npz.

        Raises:
            InputError: There are not yet two checkpoints, the name ends otherwise, or the arrays
                take more than a file may.
        """
        self._require_two()
        steps, tables = np.asarray(self._steps), recorded_arrays(self._seen)
        write_recording(Path(path), steps, tables, self._known_recurrent())

    def _checked_step(self, step: Any) -> float:
        if not isinstance(step, numbers.Real) or isinstance(step, bool) or not math.isfinite(step):
            raise InputError(f"step must be a finite number; got {step!r}")
        if self._steps and step <= self._steps[-1]:
            raise InputError(f"step must rise; got {step} after {self._steps[-1]}")
        return float(step)

    def _require_two(self) -> None:
        if len(self._steps) < 2:
            raise InputError(
                f"a recording must have 2 checkpoints or more; there are {len(self._steps)}"
            )

    def _known_recurrent(self) -> dict[str, str | None]:
        return {name: fed_by for name, fed_by in self._recurrent.items() if name in self._seen}

    def _measure(self) -> Measured:
        return measure(self._model, self._wanted, self._slopes)

    def _taken(self) -> Measured:
        """Measure, and blame the stimuli if the model cannot run on them."""
        try:
            return self._measure()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"stimuli must be what the model takes: {reason}") from error

    def _first(self) -> dict[str, Seen]:
        """Measure for the first time, and find out what can be recorded."""
        left_out = {}
        try:
            layers, others = self._measure() if self._slopes else self._taken()
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            # Layers are cut off from each other for it; a model that itself takes gradients while
            # it runs needs them whole. What fails without it too is the model's own error.
            self._slopes = False
            left_out["activity_change"] = f"with it the model fails: {error}".splitlines()[0]
            layers, others = self._taken()
        require_layers(self._wanted.layers, self._named, layers, others)
        self.left_out = left_out | others
        warn_of(self.left_out, layers)
        return layers


def _population(given: Any, stimuli: Stimuli, batch_size: int | None) -> Stimuli | None:
    if isinstance(given, str):
        one_of("batch_statistics", given, ("stimuli", "running"))
        return stimuli if given == "stimuli" else None
    return Stimuli(given, batch_size, "batch_statistics")

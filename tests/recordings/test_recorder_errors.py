"""What the recorder refuses, in one line each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rule_id import Recorder
from rule_id.errors import InputError
from rule_id.recordings.recorder import checks, writing

X = torch.ones(12, 6)


class Net(nn.Module):
    """A model of which one layer runs when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12))
        self.head, self.spare = nn.Linear(12, 3), nn.Linear(12, 3)
        self.runs_spare, self.cut = False, 12

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x[: self.cut])
        return self.spare(x) if self.runs_spare else self.head(x)


BAD = {
    "no module": (
        {"model": lambda x: x}, "model must be a torch.nn.Module that runs in Python; got function"
    ),
    "a compiled script": (
        {"model": torch.jit.ScriptModule()}, "that runs in Python; got ScriptModule"
    ),
    "no layer": (
        {"model": nn.Sequential(nn.ReLU())},
        "must have a linear, convolutional or recurrent layer.*; Sequential has none",
    ),
    "a layer without weights yet": (
        {"model": nn.LazyLinear(3)}, "model must have all its weights; model has none before its"
    ),
    "an unknown layer": (
        {"layers": ["conv1"]}, "name modules of the model, body.0, head, spare; got 'conv1'"
    ),
    "one name": ({"layers": "head"}, "layers must be a list of names of modules; got 'head'"),
    "no names": ({"layers": []}, r"layers must be a list of names of modules; got \[\]"),
    "a name twice": ({"layers": ["head", "head"]}, "name each module once; got head, head"),
    "a container": (
        {"layers": ["body"]}, r"a matrix of weights called weight; body \(Sequential\) has none"
    ),
    "a normalisation": (
        {"layers": ["body.1"]}, r"a matrix of weights called weight; body.1 \(BatchNorm1d\) has"
    ),
    "a list of stimuli": ({"stimuli": [X, X]}, "stimuli must be a tensor or an.*; got a list"),
    "text": ({"stimuli": {"x": "hello"}}, "stimuli must be a tensor .*; got a str"),
    "an array of text": ({"stimuli": np.array(["a"])}, "stimuli must be .*; got a ndarray"),
    "no stimuli": ({"stimuli": ()}, "stimuli must be a tensor .*; got an empty tuple"),
    "none of them": ({"stimuli": X[:0]}, r"stimuli must hold a number or more; got shape \(0, 6\)"),
    "NaN": ({"stimuli": X * torch.nan}, "stimuli must be free of NaN; got 72 of them"),
    "a number": ({"stimuli": torch.tensor(1.0)}, r"must hold a number or more; got shape \(\)"),
    "unequal ones in batches": (
        {"stimuli": (X, X[:5]), "batch_size": 4},
        "stimuli must have as many on each first axis to be shown in batches; got 12, 5",
    ),
    "no batch": ({"batch_size": 0}, "batch_size must be a whole number, 1 or more.*; got 0"),
    "half a unit": ({"max_units": 0.5}, "max_units must be a whole number, 1 or .*; got 0.5"),
    "no weights": ({"max_weights": 0}, "max_weights must be a whole number, 1 or more.*; got 0"),
    "a negative seed": ({"seed": -1}, "seed must be a whole number, 0 or more; got -1"),
    "unknown statistics": (
        {"batch_statistics": "mine"},
        "batch_statistics must be one of stimuli, running; got 'mine'",
    ),
    "statistics of nothing": (
        {"batch_statistics": None}, "batch_statistics must be a tensor or .*; got a NoneType"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Recorder(**{"model": Net(), "stimuli": X, **arguments})
    assert "\n" not in str(caught.value)


def test_a_long_list_of_layers_is_cut_short() -> None:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(33)))
    with pytest.raises(InputError, match="28, 29 and 3 more; got 'x'"):
        Recorder(model, X, ["x"])


BAD_STEPS = {
    "the same": (5, "step must rise; got 5 after 5"),
    "an earlier one": (2.5, "step must rise; got 2.5 after 5"),
    "NaN": (float("nan"), "step must be a finite number; got nan"),
    "text": ("6", "step must be a finite number; got '6'"),
    "yes": (True, "step must be a finite number; got True"),
}


@pytest.mark.parametrize(("step", "message"), BAD_STEPS.values(), ids=BAD_STEPS)
def test_steps_must_rise(step: object, message: str) -> None:
    recorder = Recorder(Net(), X, ["head"])
    recorder.checkpoint(np.int64(5))
    with pytest.raises(InputError, match=message):
        recorder.checkpoint(step)
    assert recorder.steps == (5,)


def test_there_must_be_two_checkpoints(tmp_path) -> None:
    recorder = Recorder(Net(), X, ["head"])
    for n in range(2):
        for finish in (recorder.recording, lambda: recorder.save(tmp_path / "r.npz")):
            with pytest.raises(InputError, match=f"2 checkpoints or more; there are {n}"):
                finish()
        recorder.checkpoint(n)
    with pytest.raises(InputError, match="path must end in .npz; got r.npy"):
        recorder.save("r.npy")
    recorder.save(tmp_path / "r.npz")


def test_a_layer_that_does_not_run_is_left_out_or_refused() -> None:
    recorder = Recorder(Net(), X)
    with pytest.warns(UserWarning, match=r"^not recorded: spare \(it does not run as a module\)$"):
        recorder.checkpoint(0)
    assert recorder.layers == ("body.0", "head")
    with pytest.raises(InputError, match="must run each layer that is named; spare: it does not"):
        Recorder(Net(), X, ["head", "spare"]).checkpoint(0)


def test_a_model_of_which_no_layer_runs_is_refused() -> None:
    class Idle(nn.Linear):
        def forward(self, x: Tensor) -> tuple[Tensor]:
            return (x,)

    with pytest.raises(InputError, match="model must run a layer; 0: it gives a tuple, not floats"):
        Recorder(nn.Sequential(Idle(6, 6)), X).checkpoint(0)


def test_layers_must_be_the_same_at_every_checkpoint() -> None:
    model = Net()
    recorder = Recorder(model, X, ["body.0", "head"])
    recorder.checkpoint(0)
    model.runs_spare = True
    with pytest.raises(InputError, match="the same layers at every checkpoint; not head"):
        recorder.checkpoint(1)
    model.runs_spare, model.cut = False, 5
    with pytest.raises(
        InputError, match=r"the same shapes .* activation of body.0 \(12, 12\); got \(5, 12\)"
    ):
        recorder.checkpoint(1)
    assert recorder.steps == (0,) and len(recorder._seen["head"]) == 1


def test_what_no_file_may_hold_is_warned_of_and_refused(tmp_path, monkeypatch) -> None:
    for module in (checks, writing):
        monkeypatch.setattr(module, "MAX_BYTES", 10_000)
    recorder = Recorder(Net(), X, ["body.0"])
    with pytest.warns(UserWarning, match="a checkpoint takes .* lower max_units, max_stimuli or"):
        recorder.checkpoint(0)
    for step in range(1, 12):
        recorder.checkpoint(step)
    with pytest.raises(InputError, match="a recording must take at most .* lower max_units"):
        recorder.save(tmp_path / "r.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("slopes", [True, False])
def test_stimuli_of_a_shape_that_the_model_cannot_take_are_refused(slopes) -> None:
    recorder = Recorder(nn.Linear(6, 3), torch.ones(12, 5), activity_change=slopes)
    with pytest.raises(InputError, match="stimuli must be what the model takes: mat1 and mat2 "):
        recorder.checkpoint(0)

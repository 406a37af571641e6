"""Recurrent layers: each time step counts as a stimulus."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from rule_id import Recorder
from rule_id.errors import InputError
from rule_id.recordings import read_recording

TIME, STIMULI, N_IN, UNITS = 5, 4, 3, 6
DRAW = torch.Generator().manual_seed(0)
SEQUENCES = torch.randn(TIME, STIMULI, N_IN, generator=DRAW)
STATE = torch.randn(2, STIMULI, UNITS, generator=DRAW)


def rows(by_time: Tensor) -> np.ndarray:
    """(time, stimuli, ...) with stimuli one after the other."""
    return by_time.transpose(0, 1).flatten(0, 1).detach().numpy()


def slopes(cell: nn.RNNCellBase, x: Tensor, state: Tensor | tuple[Tensor, Tensor]) -> np.ndarray:
    """The sum over units of d(mean h')/dh for each stimulus, from the whole Jacobian."""

    def step(h: Tensor, x: Tensor, *c: Tensor) -> Tensor:
        return cell(x, (h, *c))[0] if c else cell(x, h)

    h, *c = state if isinstance(state, tuple) else (state,)
    jacobian = torch.func.vmap(torch.func.jacrev(step))(h, x, *c)
    return jacobian.mean(1).sum(1).detach().numpy()


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_stack_is_seen_layer_by_layer(kind: type[nn.RNNBase], batch_first: bool) -> None:
    torch.manual_seed(0)
    model = kind(N_IN, UNITS, num_layers=2, batch_first=batch_first, dropout=0.5)
    state = (STATE, STATE.flip(0)) if kind is nn.LSTM else STATE
    given = SEQUENCES.transpose(0, 1) if batch_first else SEQUENCES
    # Stimuli are a tuple of tensors; the state is given by a module around it.
    recorder = Recorder(WithState(model, state), given)
    recorder.checkpoint(0)
    seen = {layer: one[0] for layer, one in recorder._seen.items()}
    assert recorder.layers == ("rnn.l0", "rnn.l1")
    output = model.eval()(given, state)[0]
    output = output.transpose(0, 1) if batch_first else output
    np.testing.assert_allclose(seen["rnn.l1"].activation, rows(output), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(seen["rnn.l1"].weight, model.weight_hh_l1.detach())
    if kind is nn.RNN:
        h, w = seen["rnn.l1"].activation, model.weight_hh_l1.detach().numpy()
        expected = ((1 - h**2) * w.sum(1)).mean(1)
        np.testing.assert_allclose(seen["rnn.l1"].change, expected, rtol=1e-5, atol=1e-6)


class WithState(nn.Module):
    def __init__(self, rnn: nn.Module, state) -> None:
        super().__init__()
        self.rnn, self.state = rnn, state

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x, self.state)[0]


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_each_call_of_a_cell_is_a_time_step(kind: type[nn.RNNCellBase]) -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = kind(N_IN, UNITS)

        def forward(self, x: Tensor) -> list[Tensor]:
            states = [None]
            for now in x:
                states.append(self.cell(now, states[-1]))
            return states[1:]

    torch.manual_seed(0)
    model = Loop()
    recorder = Recorder(model, SEQUENCES)
    recorder.checkpoint(0)
    (seen,) = recorder._seen["cell"]
    states = model(SEQUENCES)
    hs = [one[0] if kind is nn.LSTMCell else one for one in states]
    np.testing.assert_allclose(seen.activation, torch.cat(hs).detach(), rtol=1e-5, atol=1e-6)
    changes = [
        slopes(model.cell, x, state) for x, state in zip(SEQUENCES[1:], states, strict=False)
    ]
    found = seen.change[STIMULI:]
    np.testing.assert_allclose(found, np.concatenate(changes), rtol=1e-4, atol=1e-6)


LEFT_OUT = {
    "both directions": ({"bidirectional": True}, False, "it runs in both directions of time"),
    "a projected state": ({"proj_size": 2}, False, "it projects its state"),
    "packed sequences": ({}, True, "it is fed with a PackedSequence, not a tensor"),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(("options", "packed", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_cannot_be_recorded_is_left_out_and_said_so(options, packed, reason) -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(N_IN, UNITS, **options), nn.Linear(N_IN, 2)

        def forward(self, x: Tensor) -> Tensor:
            pack = nn.utils.rnn.pack_sequence
            self.rnn(pack(list(x)) if packed else x)
            return self.fc(x)

    recorder = Recorder(Reader(), SEQUENCES)
    with pytest.warns(UserWarning, match=f"not recorded: rnn \\({reason}\\)"):
        recorder.checkpoint(0)
    assert recorder.layers == ("fc",) and recorder.left_out == {"rnn": reason}
    with pytest.raises(InputError, match=f"model must run each layer .*; rnn: {reason}"):
        Recorder(Reader(), SEQUENCES, ["rnn"]).checkpoint(0)


def test_nothing_is_cut_off_without_activity_changes() -> None:
    recorder = Recorder(nn.GRU(N_IN, UNITS), SEQUENCES, activity_change=False)
    recorder.checkpoint(0)
    (seen,) = recorder._seen["model"]
    assert seen.change is None and seen.activation.shape == (TIME * STIMULI, UNITS)


class ByHand(nn.Module):
    """A recurrent layer that is called in each time step."""

    def __init__(self) -> None:
        super().__init__()
        self.u, self.w, self.out = (
            nn.Linear(N_IN, UNITS),
            nn.Linear(UNITS, UNITS),
            nn.Linear(UNITS, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[1], UNITS)
        for now in x:
            h = torch.tanh(self.u(now) + self.w(h))
        return self.out(h)


def compared_layers(recorder: Recorder, model: nn.Module, path) -> list[str]:
    """Layers of which it is said whether they change as the next one would have it."""
    for step in range(3):
        with torch.no_grad():
            for own in model.parameters():
                own += 0.1 * torch.randn(own.shape, generator=DRAW)
        recorder.checkpoint(step)
    recorder.save(path)
    rows = recorder.recording().trajectories.rows
    pd.testing.assert_frame_equal(
        read_recording(path).trajectories.rows.assign(network="model"), rows
    )
    last = rows[rows["checkpoint"] == 2]
    return last["layer_name"][last["weight_agreement_00"].notna()].tolist()


def test_what_feeds_units_that_run_in_time_is_told_and_kept_in_the_file(tmp_path) -> None:
    """Not known of nn.RNN, and so of no layer that ends in one either."""
    torch.manual_seed(0)
    model, given = ByHand(), SEQUENCES.transpose(0, 1)
    recorder = Recorder(Turned(model), given, recurrent={"inner.w": "inner.u"})
    assert compared_layers(recorder, model, tmp_path / "a.npz") == ["inner.u", "inner.w"]
    stack = nn.Sequential(nn.Linear(N_IN, UNITS), nn.RNN(UNITS, UNITS, batch_first=True))
    recorder = Recorder(stack, given)
    assert compared_layers(recorder, stack, tmp_path / "b.npz") == []


class Turned(nn.Module):
    """Stimuli first, as a recorder shows them."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.transpose(0, 1))

"""The recorder in somebody's loop: what it takes, what it keeps, what it refuses."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import rule_id
from rule_id import Recorder
from rule_id.recordings import read_recording
from rule_id.recordings.recorder import recorder as recorder_module
from rule_id.recordings.recorder import writing
from rule_id.recordings.recorder.sampling import Limits

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(20, 6, generator=DRAW)


def mlp(width: int = 12, **options) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, width, **options), nn.Tanh(), nn.Linear(width, 3, **options)
    )  # fmt: skip


@torch.no_grad()
def learn(model: nn.Module) -> None:
    draw = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn(parameter.shape, generator=draw, dtype=parameter.dtype)


def recorded(model: nn.Module, stimuli=X, layers=None, *, steps=(0, 5, 9), **options) -> Recorder:
    recorder = Recorder(model, stimuli, layers, **options)
    for step in steps:
        recorder.checkpoint(step)
        learn(model)
    return recorder


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def test_what_is_saved_reads_as_what_was_recorded(tmp_path: Path) -> None:
    recorder = recorded(mlp())
    recorder.save(tmp_path / "mine.npz")
    read, own = read_recording(tmp_path / "mine.npz"), recorder.recording("mine")
    pd.testing.assert_frame_equal(read.trajectories.rows, own.trajectories.rows)
    pd.testing.assert_frame_equal(read.trajectories.networks, own.trajectories.networks)
    assert (read.name, read.signal, read.observables) == (own.name, "model", own.observables)
    assert recorder.steps == (0, 5, 9) and recorder.layers == ("0", "2")
    assert recorder.left_out == {}


def test_each_checkpoint_is_of_the_weights_of_its_time(tmp_path: Path) -> None:
    model = mlp()
    recorder, weights, answers = Recorder(model, X), [], []
    for step in range(3):
        recorder.checkpoint(step)
        weights.append(model[0].weight.detach().clone())
        answers.append(model[:2](X).detach())
        learn(model)
    recorder.save(tmp_path / "r.npz")
    found = arrays(tmp_path / "r.npz")
    np.testing.assert_array_equal(found["weights/0"], torch.stack(weights))
    np.testing.assert_array_equal(found["activations/0"], torch.stack(answers))
    assert found["activity_change/2"].shape == (3, 20)
    assert {array.dtype for key, array in found.items() if "/" in key} == {np.dtype("float32")}


def test_the_file_is_complete_after_each_checkpoint(tmp_path: Path, monkeypatch) -> None:
    model, path = mlp(), tmp_path / "growing.npz"
    recorder = Recorder(model, X)
    recorder.checkpoint(0)
    for step in (1, 2, 3):
        recorder.checkpoint(step)
        recorder.save(path)
        assert read_recording(path).trajectories.rows["step"].max() == step
    before = path.read_bytes()

    def broken(file, **_) -> None:
        file.write(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(writing.np, "savez", broken)
    with pytest.raises(OSError, match="no space left"):
        recorder.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 4), nn.Linear(6, 4)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return self.b(right).relu(), {"a": self.a(left).relu()}


def test_models_take_several_inputs_and_return_several_outputs() -> None:
    torch.manual_seed(0)
    model, y = Both(), X.flip(0)
    by_place = recorded(copy.deepcopy(model), (X, y.numpy().astype("float64")))
    by_name = recorded(copy.deepcopy(model), {"right": y, "left": X})
    assert by_place.layers == ("b", "a")
    for recorder in (by_place, by_name):
        for layer, given in (("a", X), ("b", y)):
            expected = model.get_submodule(layer)(given).relu().detach()
            np.testing.assert_array_equal(recorder._seen[layer][0].activation, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_recorded_as_single(dtype: torch.dtype) -> None:
    single, other = recorded(mlp(), steps=(0,)), recorded(mlp().to(dtype), steps=(0,))
    for one, same in zip(single._seen["0"][0], other._seen["0"][0], strict=True):
        assert same.dtype == np.float32
        np.testing.assert_allclose(same, one, rtol=0.02, atol=0.02)


def test_batches_change_nothing() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    whole, parts = (recorded(copy.deepcopy(model), X[:, None], steps=(0,), batch_size=size)
                    for size in (None, 7))  # fmt: skip
    for layer in whole.layers:
        for one, same in zip(whole._seen[layer][0], parts._seen[layer][0], strict=True):
            np.testing.assert_allclose(same, one, rtol=1e-5, atol=1e-6)


def test_batch_normalisation_takes_its_statistics_from_where_it_is_told() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Linear(12, 3))
    z = model[0](X).detach()

    def seen(**options) -> np.ndarray:
        return recorded(copy.deepcopy(model), steps=(0,), **options)._seen["0"][0].activation

    def expected(of: Tensor) -> Tensor:
        return torch.tanh((z - of.mean(0)) / (of.var(0, correction=0) + 1e-5).sqrt())

    np.testing.assert_allclose(seen(), expected(z), atol=1e-5)
    np.testing.assert_allclose(seen(batch_statistics="running"), torch.tanh(z), atol=1e-5)
    training = torch.randn(50, 6)
    of_training = seen(batch_statistics=training)
    np.testing.assert_allclose(of_training, expected(model[0](training).detach()), atol=1e-5)
    # The first of several batches of stimuli as well: of all of them together.
    np.testing.assert_allclose(seen(batch_size=8), expected(z), atol=1e-5)
    model[1].eval()
    np.testing.assert_allclose(seen(), torch.tanh(z), atol=1e-5)
    model[1] = nn.BatchNorm1d(12, track_running_stats=False)
    np.testing.assert_allclose(seen(batch_statistics="running"), expected(z), atol=1e-5)


class Shared(nn.Module):
    """A layer of several calls, and two of the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.encoder = nn.Linear(6, 6), nn.Linear(6, 4)
        self.again, self.decoder = self.inner, nn.Linear(4, 6)
        self.decoder.weight = nn.Parameter(self.encoder.weight.detach().T.contiguous())
        self.twin = nn.Linear(6, 4)
        self.twin.weight = self.encoder.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x).tanh()
        x = self.again(x[:, :]).relu()
        return self.decoder(self.encoder(x) + self.twin(x))


def test_calls_of_a_shared_layer_stand_one_behind_the_other() -> None:
    torch.manual_seed(0)
    model = Shared()
    first = model.inner(X).tanh()
    expected = torch.cat([first, model.inner(first).relu()]).detach()
    weight = model.encoder.weight.detach().clone()
    recorder = recorded(model, batch_size=20)
    assert recorder.layers == ("inner", "encoder", "twin", "decoder")
    np.testing.assert_array_equal(recorder._seen["inner"][0].activation, expected)
    for layer in ("encoder", "twin"):
        np.testing.assert_array_equal(recorder._seen[layer][0].weight, weight)
    by_its_other_name = recorded(Shared(), layers=["again"])
    assert by_its_other_name.layers == ("again",)
    in_batches = recorded(Shared(), steps=(0,), batch_size=6)
    assert in_batches._seen["inner"][0].activation.shape == (40, 6)


def test_calls_of_other_sizes_are_left_out() -> None:
    class Pyramid(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, padding=1)

        def forward(self, x: Tensor) -> list[Tensor]:
            return [self.conv(x), self.conv(functional.avg_pool2d(x, 2)), self.conv(-x)]

    recorder = Recorder(Pyramid(), torch.randn(3, 1, 4, 4))
    with pytest.warns(UserWarning, match=r"1 of 3 calls of conv \(they have other numbers of"):
        recorder.checkpoint(0)
    assert recorder._seen["conv"][0].activation.shape == (6, 32)


def test_large_layers_are_drawn_from_alike_at_all_checkpoints() -> None:
    limits = {"max_units": 30, "max_stimuli": 7, "max_weights": 100}
    whole = recorded(mlp(width=200), max_units=None, max_stimuli=None, max_weights=None)
    some, again, others = (recorded(mlp(width=200), **limits, seed=seed) for seed in (0, 0, 1))
    n_units = some.recording().trajectories.rows["n_units"]
    assert n_units.tolist() == [30.0] * 3 + [3.0] * 3
    for what, n in (("activation", 210), ("weight", 100), ("change", 7)):
        everything, kept, same, other = (
            np.stack([getattr(seen, what).ravel() for seen in recorder._seen["0"]])
            for recorder in (whole, some, again, others)
        )
        # A column is all that an entry was over the checkpoints.
        columns = {tuple(column) for column in everything.T}
        assert kept.shape == (3, n) and {tuple(column) for column in kept.T} <= columns
        np.testing.assert_array_equal(same, kept)
        assert not np.array_equal(other, kept)


def test_layers_of_one_size_are_drawn_from_apart() -> None:
    limits = Limits(5, None, None, seed=0)
    assert not np.array_equal(limits.kept("units", "a", 50), limits.kept("units", "b", 50))


def test_nothing_is_drawn_from_small_layers() -> None:
    seen = recorded(mlp(), steps=(0,))._seen["0"][0]
    assert seen.activation.shape == (20, 12) and seen.weight.shape == (12, 6)


class Feedback(torch.autograd.Function):
    """Forward through W, backward through weights of its own."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx, signal: Tensor) -> tuple[Tensor, None]:
        return signal @ torch.ones_like(ctx.saved_tensors[0]), None


class FeedbackLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return Feedback.apply(x, self.weight)


def test_activity_changes_are_of_the_weights_that_the_model_runs_with() -> None:
    model = nn.Sequential(FeedbackLinear(6, 12, bias=False), nn.Tanh(), nn.Linear(12, 3))
    z = model[0](X)
    expected = ((1 - z.tanh() ** 2) * model[0].weight.sum(1)).mean(1).detach()
    found = recorded(model, steps=(0,))._seen["0"][0].change
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


class Bent(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


class NoGradient(nn.Module):
    """A nonlinearity that may not let gradients through."""

    through = False

    def forward(self, x: Tensor) -> Tensor:
        with torch.set_grad_enabled(self.through and torch.is_grad_enabled()):
            return x.relu()


def test_a_layer_without_an_exact_gradient_has_no_activity_change() -> None:
    for first, second in ((Bent(6, 9), nn.Identity()), (nn.Linear(6, 9), NoGradient())):
        recorder = Recorder(nn.Sequential(first, second, nn.Linear(9, 3)), X)
        with pytest.warns(UserWarning, match=r"activity_change/0 \(torch gives no exact gradient"):
            recorder.checkpoint(0)
        seen = recorder._seen
        assert seen["0"][0].change is None and seen["2"][0].change is not None
        assert (seen["0"][0].activation >= 0).all()


def test_a_model_that_takes_gradients_while_it_runs_has_no_activity_changes() -> None:
    class Energy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 9), nn.Linear(9, 1)

        def forward(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                x.requires_grad_()
                energy = self.b(torch.tanh(self.a(x))).sum()
                return torch.autograd.grad(energy, x)[0]

    model = Energy()
    recorder = Recorder(model, X)
    with pytest.warns(UserWarning, match=r"activity_change \(with it the model fails: .*"):
        recorder.checkpoint(0)
    recorder.checkpoint(1)
    assert recorder.recording().observables == ("weight", "activation")
    expected = model.a(X).tanh().detach()
    np.testing.assert_array_equal(recorder._seen["a"][0].activation, expected)


def test_activity_changes_may_be_left_out(tmp_path: Path) -> None:
    recorder = recorded(mlp(), activity_change=False)
    assert recorder.recording().observables == ("weight", "activation")
    recorder.save(tmp_path / "r.npz")
    assert sorted(arrays(tmp_path / "r.npz")) == [
        "activations/0", "activations/2", "signal", "steps", "weights/0", "weights/2",
    ]  # fmt: skip


def test_an_activity_change_that_is_lost_is_missing() -> None:
    model = nn.Sequential(nn.Linear(6, 12), NoGradient())
    recorder = Recorder(model, X)
    for step, through in enumerate((True, False, True)):
        model[1].through = through
        recorder.checkpoint(step)
    recording = recorder.recording()
    rows = recording.trajectories.rows
    assert rows["activity_change_raw_mean"].isna().tolist() == [False, True, False]
    assert rows["activation_raw_mean"].notna().all()
    assert any(text.startswith("activity_change/0 has NaN") for text in recording.warnings)


def test_what_was_wrapped_is_recorded_inside() -> None:
    model = mlp()
    compiled = nn.Module()
    compiled._orig_mod = model
    for wrapped in (nn.DataParallel(model), compiled):
        assert recorded(wrapped).layers == ("0", "2")


@pytest.mark.slow
def test_a_compiled_model_is_recorded_as_written() -> None:
    plain, compiled = mlp(), torch.compile(mlp(), backend="eager")
    compiled(X)
    in_place = mlp()
    in_place.compile(backend="eager")
    in_place(X)
    expected = recorded(plain)._seen["0"][2]
    for model in (compiled, in_place):
        for one, same in zip(recorded(model)._seen["0"][2], expected, strict=True):
            np.testing.assert_array_equal(one, same)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_on_a_gpu() -> None:
    expected = recorded(mlp())
    model = mlp().cuda()
    torch.cuda.manual_seed(1)
    before = torch.cuda.get_rng_state()
    recorder = Recorder(nn.Sequential(*model, nn.Dropout(0.5)), X)
    recorder.checkpoint(0)
    assert torch.equal(torch.cuda.get_rng_state(), before) and model[0].weight.is_cuda
    for layer in recorder.layers:
        for one, same in zip(recorder._seen[layer][0], expected._seen[layer][0], strict=True):
            np.testing.assert_allclose(one, same, rtol=1e-3, atol=1e-4)


def test_torch_is_only_needed_for_the_recorder() -> None:
    assert rule_id.Recorder is recorder_module.Recorder
    with pytest.raises(AttributeError, match="module 'rule_id' has no attribute 'Camera'"):
        _ = rule_id.Camera

from __future__ import annotations

import numpy as np
import pytest
import torch
from courses import CHECKPOINTS, STATISTICS, planted

from rule_id.evaluation.baselines.convolution import ConvolutionBaseline
from rule_id.evaluation.baselines.inputs import apply_scaling


def scores_by_hand(model: ConvolutionBaseline, X: np.ndarray) -> np.ndarray:
    """Each filter at each place, as a sum over channels and checkpoints, flags among them."""
    z = apply_scaling(model.imputer_.transform(X), model.scaling_)
    channels = [z[:, c * CHECKPOINTS : (c + 1) * CHECKPOINTS] for c in range(STATISTICS)]
    channels += [np.repeat(z[:, [c]], CHECKPOINTS, axis=1) for c in (-3, -2, -1)]
    series = np.stack(channels, axis=1)
    filters, offsets, readout, biases = model.weights_
    length = filters.shape[2]
    found = np.stack(
        [
            np.einsum("nct,fct->nf", series[:, :, start : start + length], filters) + offsets
            for start in range(0, CHECKPOINTS - length + 1, model.stride)
        ],
        axis=2,
    )
    found = np.maximum(found, 0)
    pooled = {"max": found.max(axis=2), "avg": found.mean(axis=2)}.get(
        model.pool, found.reshape(len(X), -1)
    )
    return pooled @ readout.T + biases


@pytest.mark.parametrize("pool", [None, "max", "avg"])
@pytest.mark.parametrize(("share", "stride", "length"), [(0.01, 1, 1), (0.25, 2, 3), (1.0, 4, 10)])
def test_scores_are_those_of_the_formula(pool, share, stride, length) -> None:
    X, y = planted(1.0)
    model = ConvolutionBaseline(
        CHECKPOINTS, kernel_share=share, stride=stride, n_filters=5, pool=pool, epochs=3
    ).fit(X, y)
    assert model.weights_[0].shape == (5, STATISTICS + 3, length)
    scores = scores_by_hand(model, X)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)


def test_initial_weights_are_uniform_as_glorot_says_and_biases_0() -> None:
    X, y = planted(1.0)
    filters, offsets, readout, biases = (
        ConvolutionBaseline(CHECKPOINTS, n_filters=40, epochs=0).fit(X, y).weights_
    )
    for weights, fans in ((filters, (7 + 40) * 3), (readout, 40 * 8 + 3)):
        limit = np.sqrt(6 / fans)
        assert 0.97 * limit < np.abs(weights).max() <= limit
        assert weights.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
    assert not offsets.any() and not biases.any()


def test_decay_shrinks_weights() -> None:
    X, y = planted(0.5)
    fits = [
        ConvolutionBaseline(CHECKPOINTS, weight_decay=decay, epochs=30).fit(X, y).weights_
        for decay in (0.0, 0.1)
    ]
    loose, tight = (sum(np.square(one).sum() for one in weights) for weights in fits)
    assert tight < 0.9 * loose


def test_rows_that_fill_no_batch_are_left_out_of_an_epoch() -> None:
    X, y = planted(1.0, n=300)
    steps = []
    original = torch.optim.Adam.step

    def counted(self, *args, **kwargs):
        steps.append(1)
        return original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", counted)
        for batch_size, expected in ((1024, 1), (300, 1), (200, 1), (150, 2), (100, 3)):
            steps.clear()
            ConvolutionBaseline(CHECKPOINTS, batch_size=batch_size, epochs=1).fit(X, y)
            assert len(steps) == expected


def test_a_fit_leaves_shared_generators_and_threads_as_they_were() -> None:
    X, y = planted(1.0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    try:
        ConvolutionBaseline(CHECKPOINTS, epochs=2).fit(X, y).predict_proba(X)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)

"""What changes of a layer have to do with the next: closed forms, and rules that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rule_id.observables.feedback import AHEAD_PAIRS, ahead_tables, stage
from rule_id.observables.pairs import agreement_table

T = 5
BELOW = np.tril_indices(T, -1)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def learned(back, *, relu: bool = False, rate: float = 1e-3, steps: int = 20, seed: int = 0):
    """Weights of two layers at T checkpoints; errors come back through back(V) (m, n)."""
    rng = np.random.default_rng(seed)
    w, v = rng.normal(size=(12, 8)) / 8**0.5, rng.normal(size=(4, 12)) / 12**0.5
    x, y = rng.normal(size=(8, 200)), rng.normal(size=(4, 200))
    seen = []
    for _ in range(T):
        seen.append((w.copy(), v.copy()))
        for _ in range(steps):
            z = w @ x
            h = np.maximum(z, 0) if relu else z
            error = v @ h - y
            d = back(v) @ error * ((z > 0) if relu else 1)
            w, v = w - rate * d @ x.T / 10, v - rate * error @ h.T / 10
    return (np.stack(part) for part in zip(*seen, strict=True))


def test_each_is_what_its_equation_says() -> None:
    w, v = drawn(T, 6, 4), drawn(T, 3, 6, seed=1)
    found = ahead_tables(w, v, 6)
    norm = np.linalg.norm
    for t, s in zip(*BELOW, strict=True):
        d, e = w[t] - w[s], v[t] - v[s]
        a, b = d @ ((w[t] + w[s]) / 2).T, ((v[t] + v[s]) / 2).T @ e
        gram = v[s].T @ v[s]
        inverse = np.linalg.solve(gram + np.diag(gram).mean() * np.eye(6), b)
        signed = ((np.sign(v[t]) + np.sign(v[s])) / 2).T @ e
        expected = (
            6**0.5 * norm(v[s] @ d) / norm(v[s]) / norm(d),
            6**0.5 * norm(e @ d) / norm(e) / norm(d),
            cosine(a, b),
            cosine(np.diag(a), np.diag(b)),
            cosine(a, signed / norm(signed) - b / norm(b)),
            cosine(a, inverse / norm(inverse) - b / norm(b)),
        )
        for name, value in zip(AHEAD_PAIRS, expected, strict=True):
            assert found[name][t, s] == pytest.approx(value), name
    for t in range(T):
        assert found["weight_agreement"][t, t] == pytest.approx(
            cosine(w[t] @ w[t].T, v[t].T @ v[t])
        )
    assert np.isnan(found["weight_agreement"][np.triu_indices(T, 1)]).all()


def test_under_gradient_descent_units_of_a_linear_network_send_as_they_receive() -> None:
    found = ahead_tables(*learned(np.transpose, rate=1e-4), 12)
    assert (found["weight_agreement"][BELOW] > 0.999).all()
    assert (found["weight_sign_contrast"][BELOW] < -0.1).all()
    assert (found["weight_inverse_contrast"][BELOW] < -0.1).all()


def test_feedback_through_signs_is_on_the_side_of_signs() -> None:
    found = ahead_tables(*learned(lambda v: np.sign(v).T), 12)
    assert (found["weight_sign_contrast"][BELOW] > 0.1).all()
    assert (found["weight_agreement"][BELOW] < 0.95).all()


def test_feedback_through_a_pseudo_inverse_is_on_its_side() -> None:
    found = ahead_tables(*learned(np.linalg.pinv, rate=1e-4), 12)
    assert (found["weight_inverse_contrast"][BELOW] > 0.1).all()
    assert (found["weight_sign_contrast"][BELOW] < 0.0).all()


def test_random_feedback_does_not_agree_at_first() -> None:
    found = []
    for seed in range(40):
        fixed = drawn(12, 4, seed=seed)
        weights = learned(lambda v, fixed=fixed: fixed, rate=1e-5, seed=seed)
        found.append(ahead_tables(*weights, 12)["weight_agreement"][1, 0])
    assert abs(np.mean(found)) < 4 * np.std(found) / 40**0.5


def test_of_relu_units_as_much_comes_in_as_goes_out_under_gradient_descent() -> None:
    """Hence the diagonals of A and B are the same, and the whole agrees more than not."""
    w, v = learned(np.transpose, relu=True, rate=1e-4)
    incoming, outgoing = (w**2).sum(2), (v**2).sum(1)
    np.testing.assert_allclose(incoming[-1] - incoming[0], outgoing[-1] - outgoing[0], atol=3e-4)
    found = ahead_tables(w, v, 12)
    assert (found["weight_agreement"][BELOW] > 0.5).all()
    assert (found["weight_unit_agreement"][BELOW] > 0.999).all()


def test_units_that_run_in_time_receive_and_send_through_their_own_weights_as_well() -> None:
    """h = U x + W h' + W h'' ...: under gradient descent A and B are equal with W in both."""
    rng = np.random.default_rng(0)
    sizes = ((9, 5), (9, 9), (3, 9))
    weights = [torch.as_tensor(rng.normal(size=s) / (2 * s[1] ** 0.5)) for s in sizes]
    x, y = (torch.as_tensor(rng.normal(size=s)) for s in ((4, 5, 60), (3, 60)))
    seen = []
    for _ in range(T):
        seen.append([one.numpy().copy() for one in weights])
        u, w, v = (one.requires_grad_() for one in weights)
        h = torch.zeros(9, 60, dtype=torch.float64)
        for now in x:
            h = u @ now + w @ h
        slopes = torch.autograd.grad(((v @ h - y) ** 2).mean(), weights)
        weights = [(one - 1e-3 * g).detach() for one, g in zip(weights, slopes, strict=True)]
    u, w, v = (np.stack(part) for part in zip(*seen, strict=True))
    ahead, own = stage(u, w, v[..., None])
    assert ahead.shape == (T, 12, 9) and own.shape == (T, 9, 14)
    assert (ahead_tables(own, ahead, 9)["weight_agreement"][BELOW] > 0.999).all()
    # Without what comes in from outside they are not.
    assert (ahead_tables(w, v, 9)["weight_agreement"][BELOW] < 0.9).all()
    assert stage(u, w, v[..., :8, None]) is None
    assert stage(u[:, :8], w, v[..., None]) is None


def test_gain_of_changes_made_through_the_weights_ahead() -> None:
    """Under backprop one example changes W by V^T d x^T: gain sqrt(m) |V V^T d| / (|V| |V^T d|)."""
    v, d, x = drawn(3, 8), drawn(3), drawn(5)
    w = np.stack([np.zeros((8, 5)), np.outer(v.T @ d, x)])
    found = ahead_tables(w, np.stack([v, v]), 8)["weight_gain"][1, 0]
    norm = np.linalg.norm
    expected = 8**0.5 * norm(v @ v.T @ d) / (norm(v) * norm(v.T @ d))
    assert found == pytest.approx(expected) and found > 1


def test_gains_are_one_where_changes_have_nothing_to_do_with_each_other() -> None:
    w, v = drawn(400, 2, 30, 6), drawn(400, 2, 4, 30, seed=1)
    found = ahead_tables(w, v, 30)
    for name in ("weight_gain", "weight_change_gain"):
        square = found[name][:, 1, 0] ** 2
        assert square.mean() == pytest.approx(1, abs=4 * square.std() / 20)
    for name in AHEAD_PAIRS[2:]:
        value = found[name][:, 1, 0]
        assert value.mean() == pytest.approx(0, abs=4 * value.std() / 20)


def test_gain_is_largest_along_the_strongest_direction_ahead() -> None:
    v = np.outer(drawn(4), drawn(6))
    w = np.stack([np.zeros((6, 3)), np.outer(v[0], drawn(3))])
    found = ahead_tables(w, np.stack([v, v]), 6)["weight_gain"]
    assert found[1, 0] == pytest.approx(6**0.5)


def test_noise_of_each_checkpoint_cancels_on_average() -> None:
    """Networks that stay where they are, seen with noise, agree no more than they disagree."""
    w, v = drawn(300, 1, 12, 8), drawn(300, 1, 4, 12, seed=1)
    seen = [x + drawn(300, 2, *x.shape[2:], seed=2 + k) for k, x in enumerate((w, v))]
    found = ahead_tables(*seen, 12)["weight_agreement"][:, 1, 0]
    assert found.mean() == pytest.approx(0, abs=4 * found.std() / 300**0.5)


def test_weights_all_alike_in_size_have_no_contrast() -> None:
    v = np.sign(drawn(T, 3, 6))
    found = ahead_tables(drawn(T, 6, 4), v, 6)
    assert np.isnan(found["weight_sign_contrast"]).all()
    assert np.isfinite(found["weight_agreement"][BELOW]).all()


def test_without_change_nothing_is_said_of_it() -> None:
    w, v = (np.repeat(x, T, axis=0) for x in (drawn(1, 6, 4), drawn(1, 3, 6)))
    for table in ahead_tables(w, v, 6).values():
        assert np.isnan(table[BELOW]).all() and np.isfinite(table.diagonal()).all()


@settings(deadline=None, max_examples=25)
@given(st.floats(1e-8, 1e8), st.integers(0, 100))
def test_units_of_weights_do_not_matter(factor: float, seed: int) -> None:
    w, v = drawn(T, 6, 4, seed=seed), drawn(T, 3, 6, seed=seed + 1)
    other = ahead_tables(factor * w, v / factor, 6)
    for name, table in ahead_tables(w, v, 6).items():
        np.testing.assert_allclose(other[name], table, rtol=1e-8, atol=1e-10)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 100))
def test_names_of_units_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w, v = drawn(T, 6, 4, seed=seed), drawn(T, 3, 6, seed=seed + 1)
    out, inputs = rng.permutation(6), rng.permutation(4)
    other = ahead_tables(w[:, out][:, :, inputs], v[:, :, out], 6)
    for name, table in ahead_tables(w, v, 6).items():
        np.testing.assert_allclose(other[name], table, atol=1e-12)


def test_changes_of_two_layers_that_go_together() -> None:
    x, way = drawn(T, 9), drawn(9, seed=1)
    other = drawn(1, 9, seed=2) + 3 * x
    found = agreement_table(x, other)
    np.testing.assert_allclose(found[BELOW], 1)
    np.testing.assert_allclose(
        found.diagonal(), [cosine(a, b) for a, b in zip(x, other, strict=True)]
    )
    np.testing.assert_allclose(agreement_table(x, way - x)[BELOW], -1)
    assert np.isnan(agreement_table(x, np.repeat(way[None], T, axis=0))[BELOW]).all()


def test_torch_and_numpy_say_the_same() -> None:
    w, v = drawn(2, T, 6, 4), drawn(2, T, 3, 6, seed=1)
    m = np.array([6.0, 5.0])
    found = ahead_tables(torch.as_tensor(w), torch.as_tensor(v), torch.as_tensor(m))
    for name, table in ahead_tables(w, v, m).items():
        np.testing.assert_allclose(found[name].numpy(), table, atol=1e-12)
    both = agreement_table(torch.as_tensor(w[:, :, 0]), torch.as_tensor(w[:, :, 1]))
    np.testing.assert_allclose(both.numpy(), agreement_table(w[:, :, 0], w[:, :, 1]))

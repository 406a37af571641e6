"""The linear support vector machine of the 2020 paper, with and without principal components."""

from __future__ import annotations

import numpy as np

from rule_id.evaluation.baselines.estimator import BaselineEstimator, softmax
from rule_id.evaluation.baselines.inputs import N_FLAGS, apply_scaling, fit_scaling

__all__ = ["SvmBaseline", "one_vs_rest"]


class SvmBaseline(BaselineEstimator):
    """A linear support vector machine for each class against the rest, on z-scores.

    Probabilities are the softmax of the k scores. They order classes and are not calibrated.

    Args:
        C: Weight of the margin against the norm of the weights, > 0.
        n_components: Principal components of the z-scores to keep, at least 1, and at most as many
            as there are rows or columns; None for the z-scores themselves. Flags pass by.
        n_flags: Last columns that are flags: neither scaled nor in the components.
        max_iter: Iterations of the optimizer. The problem is solved for all purposes after 500;
            with the largest C the loss then is still some 6% above its minimum.
        random_state: Accepted as every baseline does; nothing is drawn at random.

    Attributes:
        classes_: The k classes, sorted.
        coef_: Weights (inputs, k) of z-scores, or of components and flags.
        intercept_: Shape (k,).
        n_iter_: Iterations that were made; fewer than `max_iter` when the minimum was found.

    Source: Nayebi et al., NeurIPS 2020.
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        n_components: int | None = None,
        n_flags: int = N_FLAGS,
        max_iter: int = 500,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        """Store the parameters."""
        self.C = C
        self.n_components = n_components
        self.n_flags = n_flags
        self.max_iter = max_iter
        self.random_state = random_state

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        self.scaling_ = fit_scaling(X, self.n_flags)
        z = apply_scaling(X, self.scaling_)
        if self.n_components is not None:
            from sklearn.decomposition import PCA

            values = z[:, : z.shape[1] - self.n_flags]
            n_components = min(self.n_components, *values.shape)
            # Few columns and many rows: the covariance is small, and nothing is drawn at random.
            pca = PCA(n_components, svd_solver="covariance_eigh")
            # Where nothing varies the shares of variance, which nobody asks for, are 0 / 0.
            with np.errstate(invalid="ignore"):
                self.pca_ = pca.fit(values)
        weights, self.n_iter_ = one_vs_rest(self._reduced(z), codes, self.C, self.max_iter)
        self.coef_, self.intercept_ = weights[:-1], weights[-1]

    def _probabilities(self, X: np.ndarray) -> np.ndarray:
        inputs = self._reduced(apply_scaling(X, self.scaling_))
        return softmax(inputs @ self.coef_ + self.intercept_)

    def _reduced(self, z: np.ndarray) -> np.ndarray:
        """Return principal components and flags where asked for, else the z-scores."""
        if self.n_components is None:
            return z
        n_values = z.shape[1] - self.n_flags
        return np.hstack([self.pca_.transform(z[:, :n_values]), z[:, n_values:]])


def one_vs_rest(
    X: np.ndarray, codes: np.ndarray, C: float, max_iter: int
) -> tuple[np.ndarray, int]:
    r"""Fit k linear support vector machines, one class against the rest.

    The weights w of class c, with the intercept as the weight of a constant 1, minimise

    .. math:: \tfrac12 |w|^2 + C \sum_i u_i \max(0, 1 - s_i\, w \cdot x_i)^2

    with s = 1 for its rows and -1 for others, and row weights u such that classes have the same
    total. This is `sklearn.svm.LinearSVC` with sample weights u. Its solvers take one feature, or
    one row, at a time through sparse storage; here all classes share two dense matrix products an
    iteration.

    Args:
        X: Inputs (n, d), finite.
        codes: Class of each row (n,), from 0 to k - 1.
        C: Weight of the margin, > 0.
        max_iter: Iterations of L-BFGS.

    Returns:
        Weights and, last, intercepts (d + 1, k), and the number of iterations made.
    """
    from scipy.optimize import minimize
    from sklearn.utils.class_weight import compute_sample_weight

    inputs = np.hstack([X, np.ones((len(X), 1))])
    signs = np.where(codes[:, None] == np.arange(codes.max() + 1), 1.0, -1.0)
    costs = C * compute_sample_weight("balanced", codes)[:, None]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(inputs.shape[1], -1)
        short = np.maximum(0, 1 - signs * (inputs @ weights))
        value = 0.5 * np.vdot(weights, weights) + np.sum(costs * short**2)
        return float(value), (weights - 2 * inputs.T @ (costs * signs * short)).ravel()

    start = np.zeros(inputs.shape[1] * signs.shape[1])
    options = {"maxiter": max_iter, "maxfun": 2 * max_iter, "maxcor": 20, "ftol": 1e-12}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x).reshape(inputs.shape[1], -1), int(found.nit)

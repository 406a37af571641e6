from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rule_id.tasks import accuracy, cross_entropy
from rule_id.tasks.loss import (
    CROSS_ENTROPY,
    NT_XENT,
    TEMPERATURE,
    cursor,
    cursor_error,
    determination,
    expected_reward,
    greedy_reward,
    nt_xent,
    partner_found,
    squared_error,
)

NO_TARGET = torch.zeros(1, 4)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_cross_entropy_and_accuracy_by_hand() -> None:
    output = torch.tensor([[[0.0, 0.0], [np.log(3.0), 0.0]]])
    target = torch.tensor([[0, 1]])
    expected = torch.tensor([[np.log(2), np.log(4)]], dtype=output.dtype)
    torch.testing.assert_close(cross_entropy(output, target), expected)
    assert float(accuracy(output, target)) == 0.5


def test_cross_entropy_is_that_of_torch() -> None:
    output = random(3, 8, 5)
    target = torch.randint(5, (3, 8), generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.cross_entropy(output.mT, target, reduction="none")
    torch.testing.assert_close(cross_entropy(output, target), expected)


def test_chance_of_classes_is_the_largest_ones_share() -> None:
    assert CROSS_ENTROPY.chance(np.array([0, 2, 2, 1])) == 0.5


def test_squared_error_by_hand() -> None:
    output, target = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[0.0, 4.0]]])
    assert float(squared_error(output, target)) == (1 + 4) / 4


def test_determination_of_perfect_and_of_constant_answers() -> None:
    target = random(2, 50, 3)
    mean = target.mean(1, keepdim=True).expand_as(target)
    torch.testing.assert_close(determination(target, target), torch.ones(2).double())
    torch.testing.assert_close(determination(mean, target), torch.zeros(2).double())
    assert (determination(mean + 1, target) < 0).all()


def test_nt_xent_of_two_examples_by_hand() -> None:
    # Views 1 and 3 point along x, 2 at the angle a, 4 along y: cosines are cos a, 1, 0; ...
    a = 0.7
    output = torch.tensor([[[2.0, 0.0], [math.cos(a), math.sin(a)], [5.0, 0.0], [0.0, 3.0]]])
    c, s, t = math.cos(a), math.sin(a), TEMPERATURE
    e = [math.exp(value / t) for value in (1, c, s, 0)]
    expected = [
        math.log(e[1] + e[0] + e[3]) - 1 / t,
        math.log(e[1] + e[1] + e[2]) - s / t,
        math.log(e[0] + e[1] + e[3]) - 1 / t,
        math.log(e[3] + e[2] + e[3]) - s / t,
    ]
    got = nt_xent(output.double(), NO_TARGET)[0]
    torch.testing.assert_close(got, torch.tensor(expected).double(), atol=1e-5, rtol=0)
    assert float(partner_found(output, NO_TARGET)) == 0.75  # 2's nearest is 1 (or 3) unless s > c


def test_nt_xent_of_one_example_is_nothing() -> None:
    torch.testing.assert_close(nt_xent(random(1, 2, 3), NO_TARGET), torch.zeros(1, 2).double())


def test_nt_xent_without_any_difference_is_that_of_guessing() -> None:
    torch.testing.assert_close(
        nt_xent(torch.ones(1, 8, 3), NO_TARGET)[0], torch.full((8,), math.log(7))
    )
    assert NT_XENT.chance(np.zeros(8)) == 1 / 7


def test_nt_xent_has_a_finite_gradient_at_zero_and_far_away() -> None:
    output = torch.stack([torch.zeros(4, 3), 1e6 * torch.ones(4, 3)]).requires_grad_()
    nt_xent(output, NO_TARGET).sum().backward()
    assert output.grad is not None and torch.isfinite(output.grad).all()


def test_nt_xent_does_not_depend_on_length() -> None:
    output = random(1, 6, 4)
    longer = output * torch.rand(1, 6, 1).add(1)
    torch.testing.assert_close(
        nt_xent(output, NO_TARGET), nt_xent(longer, NO_TARGET), rtol=1e-5, atol=1e-5
    )


def test_partners_that_are_alike_are_found() -> None:
    views = random(2, 20, 6)
    near = views + 0.01 * random(2, 20, 6).flip(1)
    assert partner_found(torch.cat([views, near], 1), NO_TARGET).tolist() == [1, 1]
    assert (partner_found(torch.cat([views, near.flip(1)], 1), NO_TARGET) < 0.2).all()


def test_reward_of_certain_and_of_undecided_policies() -> None:
    reward = torch.tensor([[[1.0, 0.0, 5.0], [3.0, 0.0, 0.0]]])
    certain = torch.tensor([[[0.0, 0.0, 1e3], [0.0, 1e3, 0.0]]])
    torch.testing.assert_close(expected_reward(certain, reward), torch.tensor([[-5.0, 0.0]]))
    torch.testing.assert_close(
        expected_reward(torch.zeros(1, 2, 3), reward), torch.tensor([[-2.0, -1.0]])
    )


def test_greedy_reward_is_one_at_best_and_zero_for_any_arm() -> None:
    reward = random(1, 30, 5)
    torch.testing.assert_close(greedy_reward(reward, reward), torch.ones(1).double())
    of_each = torch.nn.functional.one_hot(torch.arange(5)).double()
    always = [greedy_reward(arm.expand(1, 30, 5), reward) for arm in of_each]
    torch.testing.assert_close(torch.stack(always).mean(), torch.tensor(0.0).double())
    assert float(greedy_reward(-reward, reward)) < 0


def test_the_cursor_is_where_the_decoder_moves_it() -> None:
    output, decoder, wanted = random(3, 7, 4), random(3, 2, 4), random(3, 7, 2)
    y = torch.cat([wanted, decoder.flatten(1)[:, None].expand(3, 7, 8)], -1)
    expected = torch.einsum("eij,ebj->ebi", decoder, output)
    reached, to = cursor(output, y)
    torch.testing.assert_close(reached, expected)
    assert torch.equal(to, wanted)
    torch.testing.assert_close(cursor_error(output, y), (expected - wanted).square().sum(-1) / 2)


@pytest.mark.parametrize("loss", [squared_error, expected_reward])
def test_losses_take_targets_of_the_outputs_shape(loss) -> None:  # noqa: ANN001
    assert loss(random(2, 3, 4), random(2, 3, 4)).shape == (2, 3)

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features import extract
from rule_id.models import CAVEATS, PATTERNS, Identification, identify, train
from rule_id.models.fit import best_fit
from rule_id.recordings import Recording, recording_from_arrays
from rule_id.trajectories import STATISTICS, Trajectories, observable_of

ALL = ("weight", "activation", "activity_change")


def recording(
    rule: str = "backprop+adam", observables=ALL, signal: str = "model", n_checkpoints: int = 9
) -> Recording:
    """A made-up network that no bundle has seen, of which some observables were recorded."""
    made = synthetic_trajectories(1, 1, n_checkpoints=n_checkpoints, signal=2.5, seed=7)
    name = f"b0000.{rule}.0"
    one = made.select([name])
    missing = [s for s in STATISTICS if observable_of(s) not in observables]
    rows = one.rows.assign(**dict.fromkeys(missing, np.float32(np.nan)))
    return Recording(name, signal, Trajectories(one.networks, rows, name), tuple(observables))


@pytest.fixture(scope="module")
def invariant():
    table = extract(synthetic_trajectories(n_blocks=15, signal=2.5, n_checkpoints=9), "invariant")
    return train(table, model="linear", tune=False, held_out=0.4)


def test_answers_are_ranked_and_sum_to_one(bundle):
    (answer,) = identify(recording(), bundle)
    for ranked in (answer.ranked, answer.families, *(layer.ranked for layer in answer.layers)):
        probabilities = [probability for _, probability in ranked]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1)
    assert {rule for rule, _ in answer.ranked} == set(bundle.classes)
    families = dict(answer.families)
    backprop = sum(p for rule, p in answer.ranked if rule.startswith("backprop+"))
    assert families["backprop"] == pytest.approx(backprop)
    assert [layer.name for layer in answer.layers] == ["layer1", "layer2"]
    assert answer.set == [rule for rule, _ in answer.ranked if rule in answer.set]


def test_probabilities_of_a_network_are_tempered_and_those_of_layers_are_not(linear):
    def at(temperature):
        same = {
            kind: dict.fromkeys(patterns, temperature)
            for kind, patterns in linear.temperatures.items()
        }
        return identify(recording(), dataclasses.replace(linear, temperatures=same))[0]

    cold, warm = at(0.5), at(1.0)
    expected = {rule: p**2 for rule, p in warm.ranked}
    total = sum(expected.values())
    assert dict(cold.ranked) == pytest.approx({k: p / total for k, p in expected.items()}, rel=1e-6)
    assert cold.layers == warm.layers


def test_rules_are_found_in_networks_never_seen(xgboost):
    rules = xgboost.classes
    answers = identify([recording(rule) for rule in rules], xgboost)
    assert [answer.name for answer in answers] == [f"b0000.{rule}.0" for rule in rules]
    assert sum(a.ranked[0][0] == rule for a, rule in zip(answers, rules, strict=True)) >= 3


def test_the_dictionary_is_what_the_command_prints(linear):
    (answer,) = identify(recording(), linear)
    told = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert list(told)[:7] == [
        "recording", "signal", "verdict", "undecided", "constant", "target", "ranked",
    ]  # fmt: skip
    assert told["view"]["observables"] == "activation+weight+activity_change"
    assert (told["outside"], told["level"], told["signal"]) == (False, 0.9, "model")
    assert told["target"] == "rule"
    assert list(told["ranked"][0]) == list(told["families"][0]) == ["name", "probability"]
    assert list(told["layers"][0]) == ["layer", "name", "ranked"]
    assert list(told["layers"][0]["ranked"][0]) == ["name", "probability"]
    assert told["held_out_accuracy"] == answer.held_out_accuracy
    assert told["warnings"][-len(CAVEATS) :] == list(CAVEATS)


def test_the_text_holds_the_verdict_the_accuracy_beside_chance_and_every_warning(linear):
    (answer,) = identify(recording(observables=["activation"]), linear)
    text = str(answer)
    assert text == answer.summary()
    assert f"{answer.held_out_accuracy:.2f} are named rightly (chance 0.25)" in text
    assert text.splitlines()[1] == answer.verdict
    assert all(warning in text for warning in answer.warnings)
    assert all(rule in text for rule in linear.classes)
    assert "90% set: none" in str(dataclasses.replace(answer, set=[]))


def test_of_many_classes_those_that_are_hardly_possible_share_a_line(linear):
    (answer,) = identify(recording(), linear)
    many = [("likely", 0.9), *((f"rule {k:02d}", 0.1 / 29) for k in range(29))]
    lines = str(dataclasses.replace(answer, ranked=many)).splitlines()
    first = lines.index("rules") + 1
    assert [line.split()[-1] for line in lines[first : first + 5]] == ["0.900", *["0.003"] * 4]
    assert lines[first + 5] == "  25 others: 0.086 together"
    alike = [(f"rule {k:02d}", 1 / 30) for k in range(30)]
    text = str(dataclasses.replace(answer, ranked=alike))
    assert "rule 29" in text and "others" not in text


@pytest.mark.parametrize(
    ("target", "heading"),
    [("family", "families"), ("credit_assignment", "credit assignments"),
     ("optimizer", "optimizers")],
)  # fmt: skip
def test_what_the_bundle_is_for_is_answered(of_target, target, heading):
    bundle = of_target[target]
    (answer,) = identify(recording(), bundle)
    assert answer.target == answer.to_dict()["target"] == target
    assert {name for name, _ in answer.ranked} == set(bundle.classes) >= set(answer.set)
    assert sum(probability for _, probability in answer.ranked) == pytest.approx(1)
    assert answer.chance == bundle.scores[answer.observables]["network"]["chance"]
    lines = str(answer).splitlines()
    assert f" simulated {heading}" in lines[1] and answer.ranked[0][0] in lines[1]
    assert lines[2] == heading
    with_families = target == "credit_assignment"
    assert bool(answer.families) == bool(answer.to_dict()["families"]) == with_families
    assert sum(line.startswith("families, sums over ") for line in lines) == with_families


def test_families_of_credit_assignments_are_sums_over_them(of_target):
    (answer,) = identify(recording(), of_target["credit_assignment"])
    assert dict(answer.families)["backprop"] == pytest.approx(dict(answer.ranked)["backprop"])


def test_families_are_found_in_networks_never_seen(of_target, table):
    rules = table.meta.drop_duplicates("rule").set_index("rule")["family"]
    answers = identify([recording(rule) for rule in rules.index], of_target["family"])
    right = [
        answer.ranked[0][0] == rules[rule]
        for answer, rule in zip(answers, rules.index, strict=True)
    ]
    assert sum(right) >= 3


@pytest.mark.parametrize(
    ("observables", "pattern"),
    [
        (ALL, "activation+weight+activity_change"),
        (["activation"], "activation"),
        (["activation", "weight"], "activation+weight"),
        (["weight"], "weight"),
    ],
)
def test_what_is_missing_still_gets_an_answer_with_the_accuracy_that_remains(
    bundle, observables, pattern
):
    (answer,) = identify(recording(observables=observables), bundle)
    assert answer.observables == pattern
    assert answer.held_out_accuracy == bundle.scores[pattern]["network"]["accuracy"]
    assert answer.chance == 0.25
    missing = " and ".join(name for name in PATTERNS[list(PATTERNS)[-1]] if name not in observables)
    better = bundle.scores[list(PATTERNS)[-1]]["network"]["accuracy"]
    assert dict(answer.costs).get(missing) == (better if missing else None)


def test_a_file_answers_as_the_recording_does(bundle, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"steps": np.arange(5), "activations/V1": rng.normal(size=(5, 10, 6)),
              "activations/V2": rng.normal(size=(5, 10, 6))}  # fmt: skip
    np.savez(tmp_path / "mouse.npz", **arrays)
    same = recording_from_arrays(
        "mouse", np.arange(5), {name: arrays[f"activations/{name}"] for name in ("V1", "V2")}
    )
    bundle.write(tmp_path / "bundle")
    from_file = identify([tmp_path / "mouse.npz"], tmp_path / "bundle")
    assert from_file == identify(same, bundle)
    assert isinstance(from_file[0], Identification)


def test_warnings_of_the_recording_come_first(linear):
    warned = dataclasses.replace(recording(), warnings=("weights/a has NaN.",))
    assert identify(warned, linear)[0].warnings[0] == "weights/a has NaN."


@pytest.mark.parametrize("signal", ["rate", "calcium", "deconvolved"])
def test_arbitrary_units_ask_for_invariant_features(linear, invariant, signal):
    source = recording(observables=["activation"], signal=signal)
    with pytest.raises(InputError, match=f"signal {signal} has arbitrary units, .* invariant, not"):
        identify(source, linear)
    (answer,) = identify(source, invariant)
    text = " ".join(answer.warnings)
    assert "do not carry over to a brain" in text and "arousal, movement, drift" in text
    assert ("unknown offset" in text) == (signal == "calcium")


def test_of_a_brain_the_optimizer_is_not_identified_and_nothing_is_said_to_be_used(invariant):
    source = recording(observables=["activation"], signal="rate")
    (answer,) = identify(source, invariant)
    (model,) = identify(dataclasses.replace(source, signal="model"), invariant)
    assert answer.target == "credit_assignment" and model.target == "rule"
    assert answer.n_classes == 3
    # Two rules of backprop, one of each other: equal priors of credit assignments.
    rules = dict(model.ranked)
    mean = (rules["backprop+adam"] + rules["backprop+momentum"]) / 2
    others = rules["feedback_alignment+momentum"] + rules["information_alignment+momentum"]
    assert dict(answer.ranked)["backprop"] == pytest.approx(mean / (mean + others))
    alike = dict.fromkeys(("backprop", "fixed feedback", "learned feedback"), 1 / 3)
    assert answer.priors == pytest.approx(alike)
    # A family of one credit assignment is as probable as that is.
    assert dict(answer.families)["backprop"] == pytest.approx(dict(answer.ranked)["backprop"])
    order = [name for name, _ in answer.ranked]
    assert answer.set == sorted(answer.set, key=order.index)
    for one, other in zip(answer.layers, model.layers, strict=True):
        assert sum(p for _, p in one.ranked) == pytest.approx(1)
        assert one.name == other.name
    assert {rule.partition("+")[0] for rule in model.set} == set(answer.set)
    told = dataclasses.replace(answer, set=[answer.ranked[0][0]])
    assert told.verdict.startswith(
        "Among 3 simulated credit assignments, these statistics most resemble networks trained by "
    )
    assert answer.chance == pytest.approx(1 / 3)
    assert "under equal priors" in answer.verdict and " uses " not in str(answer)
    text = str(answer)
    assert "momentum" not in text.partition("to be kept in mind")[0]


def test_an_optimizer_of_a_brain_is_refused(table):
    corpus = synthetic_trajectories(n_blocks=15, signal=2.5, n_checkpoints=9)
    bundle = train(extract(corpus, "invariant"), target="optimizer", model="linear", tune=False)
    source = recording(observables=["activation"], signal="rate")
    with pytest.raises(InputError, match="signal rate the optimizer is not identified"):
        identify(source, bundle)


def strange(signal: str = "model") -> Recording:
    """A recording whose activations do what none of training did."""
    usual = recording(observables=["activation"], signal=signal)
    rows = usual.trajectories.rows
    names = [name for name in STATISTICS if observable_of(name) == "activation"]
    odd = rows[names].mul(np.where(rows["checkpoint"] % 2, 30.0, 1.0), axis=0)
    changed = rows.assign(**odd.astype(np.float32))
    return dataclasses.replace(
        usual, trajectories=Trajectories(usual.trajectories.networks, changed, usual.name)
    )


def test_none_of_these_outside_what_was_simulated_with_what_sticks_out(linear, invariant):
    (usual,) = identify(recording(observables=["activation"]), linear)
    assert not usual.outside and usual.outside.distance < usual.outside.edge
    (answer,) = identify(strange(), linear)
    assert answer.outside and answer.verdict.startswith("None of these: the recording lies outside")
    first = answer.outside.features[0]
    assert first.feature.startswith("activation") and str(first) in str(answer)
    assert first.value > first.high or first.value < first.low
    # A model is still ranked, without a promise that would not hold; of a brain nothing is.
    assert answer.ranked and not answer.set
    assert "were it one of these all the same" in str(answer)
    assert "set:" not in str(answer) and "are named rightly" not in str(answer)
    (brain,) = identify(strange("rate"), invariant)
    assert brain.outside and not (brain.ranked or brain.families or brain.layers or brain.set)
    assert "The data cannot say" not in str(brain)


def test_an_accuracy_of_networks_that_were_seen_otherwise_is_not_that_of_this_recording(linear):
    (answer,) = identify(recording(), linear)
    assert answer.seen_alike and "held-out networks seen much like this" in str(answer)
    view = dataclasses.replace(answer.view, checkpoints=answer.cell.view.checkpoints * 100)
    far = dataclasses.replace(answer, view=view)
    assert not far.seen_alike and "no held-out networks were seen like this; of" in str(far)


def test_where_nothing_changes_nothing_is_said(linear):
    usual = recording()
    rows = usual.trajectories.rows
    first = rows.groupby("layer")[list(STATISTICS)].transform("first")
    still = dataclasses.replace(
        usual,
        trajectories=Trajectories(usual.trajectories.networks, rows.assign(**first), usual.name),
    )
    (answer,) = identify(still, linear)
    assert answer.verdict.startswith("Nothing can be said: the recording is the same at every")
    assert not (answer.ranked or answer.families or answer.layers or answer.set)
    # A classifier that knows networks which do not learn has an answer.
    classes = ["no_learning", *linear.classes[1:]]
    renamed = dict(zip(linear.classes, classes, strict=True))
    knowing = dataclasses.replace(
        linear,
        classes=classes,
        families={renamed[name]: family for name, family in linear.families.items()},
        conformal={
            kind: {p: {renamed[n]: s for n, s in own.items()} for p, own in by.items()}
            for kind, by in linear.conformal.items()
        },
    )
    assert identify(still, knowing)[0].ranked


def test_the_verdict_is_that_the_data_cannot_say_where_they_cannot(linear):
    (answer,) = identify(recording(), linear)
    assert answer.undecided == ""
    everything = dataclasses.replace(answer, set=linear.classes)
    assert everything.verdict.startswith(
        "The data cannot say which of 4 simulated rules it is: none is excluded at 90%. First"
    )
    excluded = dataclasses.replace(answer, set=[answer.ranked[1][0]])
    assert "what ranks first is excluded at 90%" in excluded.verdict
    # 48 networks, chance 1/4: two standard errors are 0.125.
    for accuracy, beyond in ((0.37, False), (0.38, True)):
        cell = dataclasses.replace(answer.cell, accuracy={"class": accuracy, "family": 0.9})
        guessing = dataclasses.replace(answer, cell=cell).undecided
        assert (guessing == "") == beyond
        assert beyond or f"no better than by guessing ({accuracy:.2f}, chance 0.25)" in guessing


def test_a_lower_level_gives_a_smaller_set_and_one_must_be_possible(linear):
    sizes = [len(identify(recording(), linear, level=level)[0].set) for level in (0.5, 0.8, 0.95)]
    assert sizes == sorted(sizes)
    assert "80% set" in str(identify(recording(), linear, level=0.8)[0])
    with pytest.raises(InputError, match="level must lie between 0 and 1; got 1.5"):
        identify(recording(), linear, level=1.5)


def test_of_a_menu_the_better_for_what_was_recorded_answers(table, linear, tmp_path):
    one = train(table, model="linear", tune=False, held_out=0.4, observables=["activation"])
    assert one.patterns == ["activation"] and len(one.feature_names) < len(linear.feature_names)
    better = [
        dataclasses.replace(cell, accuracy={name: 0.99 for name in cell.accuracy})
        for cell in one.cells
    ]
    menu = [linear, dataclasses.replace(one, cells=better)]
    seen = recording(observables=["activation"])
    assert identify(seen, menu)[0].ranked == identify(seen, one)[0].ranked
    low = [
        dataclasses.replace(cell, accuracy=dict.fromkeys(cell.accuracy, 0.0)) for cell in one.cells
    ]
    worse = [linear, dataclasses.replace(one, cells=low)]
    assert identify(seen, worse)[0].ranked == identify(seen, linear)[0].ranked
    for place, bundle in enumerate(menu):
        bundle.write(tmp_path / str(place))
    assert identify(seen, tmp_path)[0].ranked == identify(seen, one)[0].ranked


def test_a_classifier_whose_networks_were_seen_otherwise_comes_last(linear):
    seen = recording()
    noisy = [
        dataclasses.replace(
            cell,
            view=dataclasses.replace(cell.view, noise_std=cell.view.noise_std + 3),
            accuracy=dict.fromkeys(cell.accuracy, 1.0),
        )
        for cell in linear.cells
    ]
    other = dataclasses.replace(linear, cells=noisy)
    for menu in ([linear, other], [other, linear]):
        assert best_fit(seen, menu).bundle is linear
    assert best_fit(seen, [other]).bundle is other


def test_a_menu_is_of_one_target(linear, of_target):
    with pytest.raises(InputError, match="bundles of one target; got family, rule"):
        identify(recording(), [linear, of_target["family"]])
    with pytest.raises(InputError, match="bundles of one target; got none"):
        identify(recording(), [])


def test_nothing_usable_is_refused(invariant):
    source = recording(observables=["weight"], signal="calcium")
    with pytest.raises(InputError, match="must hold an observable that the signal calcium leaves"):
        identify(source, invariant)


def test_values_at_checkpoints_need_the_same_number_of_them():
    corpus = synthetic_trajectories(n_blocks=8, n_checkpoints=5)
    for paper in (False, True):
        bundle = train(extract(corpus, "trajectory", paper=paper), model="linear", tune=False)
        assert len(identify(recording(n_checkpoints=5), bundle)) == 1
    with pytest.raises(InputError, match="checkpoints it was trained on, 5; got 9; use a model of"):
        identify(recording(), bundle)


def test_a_bundle_that_ships_is_found_by_its_name(monkeypatch, tmp_path, linear):
    monkeypatch.setattr(sys.modules["rule_id.models.menu"], "reference_path", tmp_path.joinpath)
    linear.write(tmp_path / "linear-summary")
    by_name = identify(recording(), "linear-summary")[0]
    assert by_name.ranked == identify(recording(), linear)[0].ranked
    with pytest.raises(InputError, match="one that ships, of summary, .*; there is no no_such"):
        identify(recording(), "no_such")


def test_the_reference_bundle_is_chosen_by_the_signal(monkeypatch, tmp_path, linear, invariant):
    monkeypatch.setattr(sys.modules["rule_id.models.menu"], "reference_path", tmp_path.joinpath)
    with pytest.raises(InputError, match="has no reference bundle, rule_id/reference/summary"):
        identify(recording())
    linear.write(tmp_path / "summary")
    invariant.write(tmp_path / "invariant")
    rate = recording(signal="rate", observables=["activation"])
    by_default = identify([recording(), rate])
    assert by_default[0] == identify(recording(), linear)[0]
    assert by_default[1] == identify(rate, invariant)[0]

"""HyperParameters: values, ranges, conditions and names, as Keras Tuner has them."""

import json
import math
from pathlib import Path

import optuna
import pytest

from fastnn import tuner as kt
from fastnn.tuner import kinds
from fastnn.tuner.objective import objective_of
from fastnn.tuner.oracles import schedule

GOLDEN = json.loads((Path(__file__).parent / "golden" / "tuner.json").read_text("utf-8"))


def asked(choose=None):
    """All kinds of the golden file, asked for in order."""
    hp = kt.HyperParameters()
    hp.choose = choose
    return hp, [getattr(hp, kind)(**arguments) for kind, arguments in GOLDEN["kinds"]]


def test_defaults_and_configuration_are_keras_tuners():
    hp, values = asked()
    assert values == GOLDEN["defaults"]
    config = hp.get_config()
    for own, golden in zip(config["space"], GOLDEN["config"]["space"], strict=True):
        assert own == golden
        assert list(own["config"]) == list(golden["config"])
    assert config["values"] == GOLDEN["config"]["values"]


def test_values_in_order_are_keras_tuners():
    hp, _ = asked()
    for entry, golden in zip(hp.space, GOLDEN["values"], strict=True):
        if entry.name == "e":  # Keras Tuner loses the last step, 1.0, by rounding
            golden = [*golden, 1.0]
        if entry.name in "bc":  # and has floats for whole numbers
            assert all(type(value) is int for value in entry.values)
        assert entry.values == golden or entry.values == pytest.approx(golden, 1e-12, 1e-12)


def test_rounding_loses_no_step():
    assert len(kinds.Float("x", 0, 0.3, step=0.1).values) == 4
    assert kinds.Int("x", 1, 1000, step=10, sampling="log").values == [1, 10, 100, 1000]


@pytest.mark.parametrize(("kind", "arguments"), GOLDEN["kinds"], ids=lambda x: str(x)[:30])
def test_optuna_gives_all_values_and_no_other(kind, arguments):
    entry = kinds.KINDS[kind](**arguments)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    found = [entry.ask(study.ask()) for _ in range(150)]
    assert all(type(value) is type(entry.default) for value in found)
    if getattr(entry, "step", 1) is not None:
        assert set(found) == set(entry.values)
        return
    assert all(entry.min_value <= value <= entry.max_value for value in found)
    middle = sorted(found)[75]
    expected = entry._between(0.5)
    share = {"linear": 0.2, "log": 0.5, "reverse_log": 0.2}[entry.sampling]
    assert abs(middle - expected) < share * (entry.max_value - entry.min_value)
    if entry.sampling == "log":
        assert 0.4 < sum(value < expected for value in found) / 150 < 0.6


def test_reverse_log_is_dense_at_the_upper_end():
    entry = kinds.Float("x", 0.001, 1, sampling="reverse_log")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=2))
    found = [entry.ask(study.ask()) for _ in range(200)]
    assert sum(value > 0.9 for value in found) > 100


def test_a_name_is_one_hyperparameter():
    values = iter(range(100))
    hp = kt.HyperParameters()
    hp.choose = lambda entry: next(values)
    assert [hp.Int("a", 0, 9), hp.Int("b", 0, 9), hp.Int("a", 5, 6)] == [0, 1, 0]
    assert len(hp.space) == 2
    assert hp.get("a") == hp["a"] == 0
    assert "a" in hp
    assert "c" not in hp
    with pytest.raises(KeyError, match="no hyperparameter 'c'"):
        hp.get("c")


def test_inactive_ones_are_listed_but_have_no_value():
    hp = kt.HyperParameters()
    hp.Choice("model", ["a", "b"])
    with hp.conditional_scope("model", ["b"]):
        assert hp.Int("units", 1, 3) is None
        with hp.conditional_scope("units", [2]):
            assert hp.Boolean("deep") is None
    with hp.conditional_scope("model", "a"):
        assert hp.Int("units", 5, 9) == 5  # another one of the same name
    assert hp.Float("rate", 0, 1, parent_name="model", parent_values=["b"]) is None
    assert hp.values == {"model": "a", "units": 5}
    assert [entry.name for entry in hp.space] == ["model", "units", "deep", "units", "rate"]
    assert len({entry.label for entry in hp.space}) == 5
    assert hp.is_active("units")
    assert not hp.is_active("deep")
    assert not hp.is_active(hp.space[1])
    with pytest.raises(ValueError, match="not active"):
        hp.get("deep")
    with pytest.raises(ValueError, match="no hyperparameter 'other'"), \
            hp.conditional_scope("other", [1]):
        pass


def test_names_have_their_scopes_in_front():
    hp = kt.HyperParameters()
    with hp.name_scope("one"), hp.name_scope("two"):
        hp.Boolean("a")
        with hp.conditional_scope("a", [False]):
            assert hp.Int("b", 3, 4) == 3
        assert hp.get("a") is False
    assert hp.values == {"one/two/a": False, "one/two/b": 3}


def test_copies_and_files_have_the_same_space():
    hp, _ = asked()
    with hp.conditional_scope("l", ["x"]):
        hp.Int("deep", 1, 2)
    again = kt.HyperParameters.from_config(json.loads(json.dumps(hp.get_config())))
    assert again.get_config() == hp.get_config() == hp.copy().get_config()
    assert again.space == hp.space
    assert again.is_active("deep")


def test_merge_overrides_what_is_there():
    hp = kt.HyperParameters()
    hp.Int("a", 1, 5)
    other = kt.HyperParameters()
    other.Int("a", 3, 4)
    other.Boolean("b")
    kept = hp.copy()
    kept.merge(other, overwrite=False)
    assert kept.values == {"a": 1, "b": False}
    hp.merge(other)
    assert hp.values == {"a": 3, "b": False}
    assert hp.space[0].max_value == 4


@pytest.mark.parametrize(("ask", "error", "words"), [
    (lambda hp: hp.Int("n", 1.5, 3), ValueError, "min_value must be a whole number"),
    (lambda hp: hp.Int("n", 4, 3), ValueError, "must not lie above"),
    (lambda hp: hp.Float("n", 0, 3, sampling="log"), ValueError, "min_value above 0"),
    (lambda hp: hp.Float("n", 1, 3, sampling="cubic"), ValueError, "sampling must be one of"),
    (lambda hp: hp.Float("n", 1, 3, step=1, sampling="log"), ValueError, "step must be above 1"),
    (lambda hp: hp.Float("n", 1, 3, step=0), ValueError, "step must be above 0"),
    (lambda hp: hp.Choice("n", []), TypeError, "at least one number"),
    (lambda hp: hp.Choice("n", [1, "a"]), TypeError, "all of one type"),
    (lambda hp: hp.Choice("n", ["a"], ordered=True), ValueError, "only numbers"),
    (lambda hp: hp.Choice("n", [1], default=2), ValueError, "default must be one of"),
    (lambda hp: hp.Boolean("n", default="no"), ValueError, "True or False"),
])
def test_wrong_ranges(ask, error, words):
    with pytest.raises(error, match=words) as info:
        ask(kt.HyperParameters())
    assert "'n'" in str(info.value)


def test_objectives():
    assert objective_of("val_loss").direction == "min"
    assert objective_of("val_f1_score").direction == "max"
    assert objective_of(None).name == "default_objective"
    both = objective_of(["val_loss", kt.Objective("speed", "max")])
    assert both.get_value({"val_loss": 2, "speed": 3}) == -1
    assert not both.has_value({"val_loss": 2})
    assert objective_of("auc") == kt.Objective("auc", "max")
    assert objective_of("loss").better_than(1, math.nan)
    assert not objective_of("loss").better_than(math.nan, 1)
    with pytest.raises(ValueError, match="small or large"):
        objective_of("speed")
    with pytest.raises(ValueError, match="direction"):
        kt.Objective("speed", "up")
    with pytest.raises(TypeError, match="objective must be"):
        objective_of(3)


@pytest.mark.parametrize("case", GOLDEN["hyperband"], ids=lambda case: str(case[:3]))
def test_hyperbands_rounds_are_keras_tuners(case):
    *sizes, golden = case
    steps = schedule(*sizes)
    # Keras Tuner names a later round's bracket after the newest one, not after its own
    found = sorted((s.round, s.initial_epoch, s.epochs) for s in steps)
    assert found == sorted(tuple(entry[1:]) for entry in golden)
    for number, step in enumerate(steps):
        assert all(other < number for other in step.before)
        assert not step.before or step.rank < len(step.before)
        assert {steps[other].epochs for other in step.before} <= {step.initial_epoch}

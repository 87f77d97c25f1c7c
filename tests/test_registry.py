"""Names find classes; everything else is a clear error."""

from __future__ import annotations

import abc

import pytest

from fastnn import registry


class Shape:
    def __init__(self, size=1):
        self.size = size

    def get_config(self):
        return {"size": self.size}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class BigSquare(Shape):
    pass


class ReLU(Shape):
    pass


class Triangle(Shape):
    """Of the family, but never registered."""


@pytest.fixture(autouse=True)
def tables(monkeypatch):
    monkeypatch.setattr(registry, "_tables", {})
    registry.register("test_shape", "box", "Quadrat")(BigSquare)
    registry.register("test_shape")(ReLU)


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("MeanSquaredError", "mean_squared_error"),
        ("ReLU", "relu"),
        ("LeakyReLU", "leaky_relu"),
        ("GlorotUniform", "glorot_uniform"),
        ("SGD", "sgd"),
        ("RMSprop", "rmsprop"),
        ("AdamW", "adamw"),
        ("L1L2", "l1l2"),
        ("F1Score", "f1_score"),
    ],
)
def test_snake_case(name, snake):
    assert registry.snake_case(name) == snake


@pytest.mark.parametrize(
    "name", ["BigSquare", "bigsquare", "big_square", "BIG_SQUARE", "box", "BOX", "quadrat"]
)
def test_a_name_in_any_case_gives_a_new_instance(name):
    first, second = registry.get("test_shape", name), registry.get("test_shape", name)
    assert type(first) is type(second) is BigSquare
    assert first is not second


@pytest.mark.parametrize("name", ["big-square", " box", "big square", ""])
def test_nothing_but_case_is_ignored(name):
    with pytest.raises(ValueError, match="Unknown test shape"):
        registry.get("test_shape", name)


def test_none_classes_and_instances():
    assert registry.get("test_shape", None) is None
    assert type(registry.get("test_shape", ReLU)) is ReLU
    for shape in (BigSquare(3), Triangle()):
        assert registry.get("test_shape", shape) is shape
    assert type(registry.get("test_shape", Triangle)) is Triangle


def test_serialize_and_get_are_inverse():
    saved = registry.serialize(BigSquare(7))
    assert saved == {"class_name": "BigSquare", "config": {"size": 7}}
    again = registry.get("test_shape", saved)
    assert type(again) is BigSquare and again.size == 7
    assert registry.get("test_shape", {"class_name": "box"}).size == 1
    assert registry.serialize(None) is None


def test_a_class_without_from_config_gets_the_config_as_arguments():
    class Plain:
        def __init__(self, size):
            self.size = size

    registry.register("plain")(Plain)
    assert registry.get("plain", {"class_name": "plain", "config": {"size": 2}}).size == 2


def test_an_unknown_name_lists_the_close_and_the_known_ones():
    with pytest.raises(ValueError) as error:
        registry.get("test_shape", "rleu")
    assert str(error.value) == (
        "Unknown test shape: 'rleu'. Did you mean 'relu'? Known: big_square, relu."
    )
    with pytest.raises(ValueError) as error:
        registry.get_class("test_shape", "hexagon")
    assert str(error.value) == "Unknown test shape: 'hexagon'. Known: big_square, relu."
    with pytest.raises(ValueError, match=r"Unknown colour: 'red'\. Known: none\."):
        registry.get("colour", "red")


@pytest.mark.parametrize("wrong", [3, 2.5, object(), object, {}, {"name": "box"}, ["box"], int])
def test_anything_else_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="Expected a name, a class or an instance for the test sha"):
        registry.get("test_shape", wrong)


def test_an_object_of_another_kind_is_refused():
    class Colour:
        pass

    registry.register("colour")(Colour)
    with pytest.raises(TypeError, match="Colour"):
        registry.get("test_shape", Colour())


def test_a_shared_library_base_does_not_make_kinds_equal():
    class First(abc.ABC):  # noqa: B024
        pass

    class Second(abc.ABC):  # noqa: B024
        pass

    class Other(abc.ABC):  # noqa: B024
        pass

    registry.register("mixed")(First)
    registry.register("mixed")(Second)
    with pytest.raises(TypeError):
        registry.get("mixed", Other())


def test_a_taken_name_is_an_error_and_changes_nothing():
    class Box:
        pass

    with pytest.raises(ValueError, match=r"'box' is taken by .*BigSquare"):
        registry.register("test_shape", "carton")(Box)
    assert registry.get_class("test_shape", "box") is BigSquare
    with pytest.raises(ValueError, match="Unknown"):
        registry.get_class("test_shape", "carton")
    registry.register("colour")(Box)  # another kind has names of its own
    assert registry.register("test_shape", "box")(BigSquare) is BigSquare


def test_an_interactive_session_may_define_a_class_again():
    def define(alias):
        cls = type("Cell", (Shape,), {"__module__": "__main__", "__qualname__": "Cell"})
        return registry.register("test_shape", alias)(cls)

    define("old")
    second = define("new")
    assert registry.get_class("test_shape", "cell") is second
    assert registry.get_class("test_shape", "new") is second
    with pytest.raises(ValueError, match="Unknown"):
        registry.get_class("test_shape", "old")
    assert registry.names("test_shape") == ["BigSquare", "ReLU", "Cell"]


def test_names_and_classes_keep_the_order_of_registration():
    assert registry.names("test_shape") == ["BigSquare", "ReLU"]
    assert registry.classes("test_shape") == [BigSquare, ReLU]
    assert registry.names("nothing") == []

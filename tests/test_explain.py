"""A training step written out: its numbers are those of the step that is then taken."""

import doctest
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import layers
from fastnn.initializers import Constant
from fastnn.optimizers import SGD
from fastnn.understanding.notation import Html, Latex, Text
from fastnn.understanding.rules import RULES

WORKED = """\
A step of sgd on one row
  x = (8, 8)
  y = 4
1. Forwards
  o₁₁ = W¹₁₁ · x₁ + W¹₂₁ · x₂ + b₁₁ = 0.1 · 8 + 0.1 · 8 + 0 = 1.6
  o₁₂ = W¹₁₂ · x₁ + W¹₂₂ · x₂ + b₁₂ = 0.1 · 8 + 0.1 · 8 + 0 = 1.6
  ŷ = W²₁₁ · o₁₁ + W²₂₁ · o₁₂ + b₂₁ = 0.1 · 1.6 + 0.1 · 1.6 + 0 = 0.32
2. The loss
  L = (y − ŷ)² = (4 − 0.32)² = 13.5424
3. Backwards: the chain rule
  ∂L/∂ŷ = −2(y − ŷ) = −2 · (4 − 0.32) = −7.36
  ∂L/∂W²₁₁ = ∂L/∂ŷ · ∂ŷ/∂W²₁₁ = −2(y − ŷ) · o₁₁ = −7.36 · 1.6 = −11.776
  ∂L/∂W²₂₁ = ∂L/∂ŷ · ∂ŷ/∂W²₂₁ = −2(y − ŷ) · o₁₂ = −7.36 · 1.6 = −11.776
  ∂L/∂b₂₁ = ∂L/∂ŷ · ∂ŷ/∂b₂₁ = −2(y − ŷ) = −7.36
  ∂L/∂W¹₁₁ = ∂L/∂ŷ · ∂ŷ/∂o₁₁ · ∂o₁₁/∂W¹₁₁ = −2(y − ŷ) · W²₁₁ · x₁ = −7.36 · 0.1 · 8 = −5.888
  ∂L/∂W¹₁₂ = ∂L/∂ŷ · ∂ŷ/∂o₁₂ · ∂o₁₂/∂W¹₁₂ = −2(y − ŷ) · W²₂₁ · x₁ = −7.36 · 0.1 · 8 = −5.888
  ∂L/∂W¹₂₁ = ∂L/∂ŷ · ∂ŷ/∂o₁₁ · ∂o₁₁/∂W¹₂₁ = −2(y − ŷ) · W²₁₁ · x₂ = −7.36 · 0.1 · 8 = −5.888
  ∂L/∂W¹₂₂ = ∂L/∂ŷ · ∂ŷ/∂o₁₂ · ∂o₁₂/∂W¹₂₂ = −2(y − ŷ) · W²₂₁ · x₂ = −7.36 · 0.1 · 8 = −5.888
  ∂L/∂b₁₁ = ∂L/∂ŷ · ∂ŷ/∂o₁₁ · ∂o₁₁/∂b₁₁ = −2(y − ŷ) · W²₁₁ = −7.36 · 0.1 = −0.736
  ∂L/∂b₁₂ = ∂L/∂ŷ · ∂ŷ/∂o₁₂ · ∂o₁₂/∂b₁₂ = −2(y − ŷ) · W²₂₁ = −7.36 · 0.1 = −0.736
4. The update
  W¹₁₁ = 0.1 − 0.001 · (−5.888) = 0.105888
  W¹₁₂ = 0.1 − 0.001 · (−5.888) = 0.105888
  W¹₂₁ = 0.1 − 0.001 · (−5.888) = 0.105888
  W¹₂₂ = 0.1 − 0.001 · (−5.888) = 0.105888
  b₁₁ = 0 − 0.001 · (−0.736) = 0.000736
  b₁₂ = 0 − 0.001 · (−0.736) = 0.000736
  W²₁₁ = 0.1 − 0.001 · (−11.776) = 0.111776
  W²₂₁ = 0.1 − 0.001 · (−11.776) = 0.111776
  b₂₁ = 0 − 0.001 · (−7.36) = 0.00736"""


def worked(W=None, dtype="float64"):
    """The notes' 2-2-1 network."""
    tenth = Constant(0.1)
    model = fastnn.Sequential([fastnn.Input((2,)), layers.Dense(2, kernel_initializer=tenth),
                               layers.Dense(1, kernel_initializer=tenth)], dtype=dtype)
    model.compile(SGD(0.001), fastnn.losses.SumSquaredError())
    if W is not None:
        model.set_weights(W)
    return model


def test_the_notes_worked_example_is_the_golden_output():
    x, y = fastnn.datasets.notes.package()
    assert str(worked().explain_step(x[0], y[0])) == WORKED
    assert str(worked(dtype="float32").explain_step(x[0], y[0])) == WORKED


def test_the_notes_nine_derivatives_with_their_indices_corrected():
    """With weights that all differ a swapped index shows: w2_21, not w2_11, leads to neuron 2."""
    W1, b1 = np.array([[0.2, -0.3], [0.5, 0.7]]), np.array([0.1, -0.2])
    W2, b2 = np.array([[1.5], [-0.4]]), np.array([0.3])
    x, y = np.array([8.0, 3.0]), 4.0
    found = worked([W1, b1, W2, b2]).explain_step(x, y)
    o = x @ W1 + b1
    e = -2 * (y - (o @ W2 + b2).item())
    expected = {
        "W²₁₁": e * o[0], "W²₂₁": e * o[1], "b₂₁": e,
        "W¹₁₁": e * W2[0, 0] * x[0], "W¹₂₁": e * W2[0, 0] * x[1], "b₁₁": e * W2[0, 0],
        "W¹₁₂": e * W2[1, 0] * x[0], "W¹₂₂": e * W2[1, 0] * x[1], "b₁₂": e * W2[1, 0]}
    gradients = {step.name: step.gradient for step in found.steps}
    assert gradients.keys() == expected.keys()
    for name, value in expected.items():
        assert gradients[name] == pytest.approx(value, rel=1e-12)
    text = found.text()
    line = next(row for row in text.splitlines() if row.startswith("  ∂L/∂W¹₁₂ ="))
    assert "−2(y − ŷ) · W²₂₁ · x₁" in line
    assert line.endswith(f" = {e * W2[1, 0] * 8:.6g}".replace("-", "−"))


def networks():
    dense = layers.Dense
    yield [dense(3, "tanh"), dense(2, "sigmoid"), dense(1)], "mse", 0.7
    yield [dense(3, "relu"), dense(1, "sigmoid")], "binary_crossentropy", 1
    yield [dense(4), layers.Activation("elu"), dense(3, "softmax")], "categorical_crossentropy", [
        0, 1, 0]
    yield [dense(4, "softplus"), dense(3, "softmax")], "sparse_categorical_crossentropy", 2
    yield [dense(2, "gelu", use_bias=False), dense(3)], "mae", [1.0, 0.0, -1.0]
    yield [dense(3, "sigmoid"), dense(2, "sigmoid")], "mse", [1, 0]
    yield [layers.Flatten(), dense(3, kernel_regularizer="l2"), layers.ReLU(),
           dense(2, "sigmoid")], "binary_crossentropy", [1, 0]
    yield [dense(3, "tanh"), dense(1)], fastnn.losses.BinaryCrossentropy(from_logits=True), 1


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.9), "adam",
                                       SGD(0.1, clipnorm=0.01)])
def test_the_numbers_are_those_of_the_step_then_taken(number, optimizer):
    fastnn.utils.set_random_seed(number)
    stack, loss, y = list(networks())[number]
    model = fastnn.Sequential([fastnn.Input((2,)), *stack], dtype="float64")
    optimizer = fastnn.optimizers.get(optimizer)
    model.compile(type(optimizer).from_config(optimizer.get_config()), loss)
    x, Y = np.array([[0.8, -1.3]]), np.array([y])
    model.train_on_batch(-x, Y)  # so that the optimizer has a state
    gradients, old = model.gradients(x, Y), model.get_weights()
    found = model.explain_step(x[0], y)
    assert found.loss == pytest.approx(model.row_losses(x, Y)[0], rel=1e-12)
    text = found.text()

    def flat(arrays):
        return np.concatenate([np.ravel(a) for a in arrays])

    # the chain rule by hand, and the backend's gradient without penalties
    [own] = model.row_gradients(x, Y)
    written = flat(a for stage in found.numbers.stages
                   for a in ((stage.dW,) if stage.b is None else (stage.dW, stage.dz)))
    np.testing.assert_allclose(written, flat(own.values()), rtol=1e-9, atol=1e-12)
    model.train_on_batch(x, Y)
    np.testing.assert_allclose([s.gradient for s in found.steps], flat(gradients.values()),
                               rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose([s.old for s in found.steps], flat(old), rtol=1e-12)
    np.testing.assert_allclose([s.new for s in found.steps], flat(model.get_weights()), rtol=1e-9)
    assert len(re.findall("^  ∂L/∂[Wb]", text, re.M)) == len(found.steps)


def test_every_written_product_is_right():
    """The last numbers of each line of the chain rule are a product and its result."""
    fastnn.utils.set_random_seed(2)
    model = fastnn.Sequential([fastnn.Input((3,)), layers.Dense(3, "tanh"),
                               layers.Dense(3, "sigmoid"), layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    text = model.explain_step([1.0, -2.0, 0.5], 1, digits=12).text().replace("−", "-")
    lines = [line.split(" = ") for line in text.splitlines() if line.startswith("  ∂L/∂W")]
    assert len(lines) == 9 + 9 + 3
    for parts in lines:
        product = np.prod([float(n.strip("()")) for n in parts[-2].split(" · ")])
        assert product == pytest.approx(float(parts[-1]), rel=1e-9)


def test_a_saturated_output_is_still_explained():
    model = fastnn.Sequential([layers.Dense(1, "sigmoid", input_dim=1)])
    model.set_weights([[[1000.0]], [0.0]])
    model.compile("sgd", "binary_crossentropy")
    found = model.explain_step([1.0], 0)
    assert found.loss == 1000 and found.steps[0].gradient == 1
    assert "(ŷ − y)" in found.text()


def test_penalties_and_clipped_updates_are_said():
    model = fastnn.Sequential([layers.Dense(1, input_dim=1, kernel_regularizer="l2",
                                            kernel_initializer="ones")])
    model.compile("sgd", "mse")
    assert "penalty's part is 0.02" in model.explain_step([1.0], [5.0]).text()
    model.compile(SGD(0.01, clipnorm=0.1), "mse")
    assert "W¹₁₁: 1 → 1.001" in model.explain_step([1.0], [5.0]).text()


def test_long_sums_and_many_weights_are_cut():
    model = fastnn.Sequential([layers.Dense(50, input_dim=40), layers.Dense(1)])
    model.compile("sgd", "mse")
    text = model.explain_step(np.ones(40), 1.0, limit=5).text()
    assert "and 1995 more weights" in text and "and 45 more neurons" in text
    assert len(text.splitlines()) < 60 and max(map(len, text.splitlines())) < 200
    assert "x = (1, 1, 1, …, 1, 1)" in text


def test_indices_of_two_figures_have_a_comma():
    assert Text().symbol("W", 12, (3, 11)) == "W¹²₃,₁₁"
    assert Latex().symbol("W", 12, (3, 11)) == "W^{12}_{3,11}"


def test_latex_is_balanced_and_has_every_line():
    model = worked()
    latex = model.explain_step([8, 8], 4).latex()
    assert latex.startswith(r"\begin{align*}") and latex.endswith(r"\end{align*}")
    assert latex.count("{") == latex.count("}") and "−" not in latex and "∂" not in latex
    assert (r"\frac{\partial L}{\partial W^{1}_{11}} &= \frac{\partial L}{\partial \hat{y}} \cdot "
            r"\frac{\partial \hat{y}}{\partial o_{11}} \cdot "
            r"\frac{\partial o_{11}}{\partial W^{1}_{11}} = -2(y - \hat{y}) \cdot W^{2}_{11} \cdot "
            r"x_{1} = -7.36 \cdot 0.1 \cdot 8 = -5.888 \\") in latex
    assert Latex().number(1.5e-7) == r"1.5 \cdot 10^{-7}"
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("agg")
    for line in latex.splitlines()[1:-1]:
        if r"\text" not in line:
            parser.parse(f"${line.removesuffix(chr(92) * 2).replace('&', '')}$")


def test_html_is_well_formed():
    class Check(HTMLParser):
        open = ()

        def handle_starttag(self, tag, attrs):
            self.open = (*self.open, tag)

        def handle_endtag(self, tag):
            assert self.open[-1] == tag
            self.open = self.open[:-1]

    found = worked().explain_step([8, 8], 4)
    check = Check()
    check.feed(found.html())
    assert check.open == () and found._repr_html_() == found.html()
    assert "∂<i>L</i>/∂<i>W</i><sup>1</sup><sub>11</sub>" in found.html()
    assert Html().text("<b>") == "&lt;b&gt;"


def test_what_cannot_be_explained_is_an_error():
    def step(*stack, loss="mse", y=1.0, x=(1.0, 2.0)):
        model = fastnn.Sequential([fastnn.Input((2,)), *stack])
        model.compile("sgd", loss)
        return model.explain_step(x, y)

    with pytest.raises(ValueError, match="BatchNormalization"):
        step(layers.BatchNormalization(), layers.Dense(1))
    with pytest.raises(ValueError, match="one row, received 2"):
        step(layers.Dense(1), x=np.ones((2, 2)))
    with pytest.raises(ValueError, match="single outputs"):
        step(layers.Dense(2), loss="cosine_similarity", y=[1.0, 0.0])
    with pytest.raises(ValueError, match="single numbers"):
        step(layers.Dense(2, "softmax"), layers.Dense(1))
    with pytest.raises(ValueError, match="no Dense layer"):
        step(layers.Flatten(), y=[1.0, 0.0])
    with pytest.raises(ValueError, match="style must be one of text, latex, html"):
        step(layers.Dense(1)).to("pdf")


def test_explaining_changes_nothing():
    model = worked()
    model.compile("adam", "mse")
    model.train_on_batch([[1.0, 2.0]], [1.0])
    before = model.params.copy(), model.trainer.memory.slots.copy(), model.trainer.step
    model.explain_step([8, 8], 4)
    np.testing.assert_array_equal(model.params, before[0])
    np.testing.assert_array_equal(model.trainer.memory.slots, before[1])
    assert model.trainer.step == before[2]


def test_the_examples_of_the_guide():
    fastnn.utils.set_random_seed(0)
    guide = Path(__file__).parents[1] / "docs" / "understand.md"
    failed, tried = doctest.testfile(str(guide), module_relative=False, encoding="utf-8")
    assert tried > 30 and not failed
    text = guide.read_text("utf-8")
    assert [name for name in RULES if f"| `{name}` |" not in text] == []

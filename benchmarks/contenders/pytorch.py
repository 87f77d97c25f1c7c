"""PyTorch: eager with its default optimizers, with fused ones, and with torch.compile.

Keras's Adam adds epsilon to the uncorrected root, PyTorch's to the corrected one. The two are equal
if PyTorch's epsilon is 1e-7 / sqrt(1 - beta_2^t), which is set before each step. RMSprop adds
epsilon inside the root in Keras and outside in PyTorch, so the update is written out: tensor by
tensor where the optimizer is the default one, with the ``_foreach`` functions otherwise (there is
no fused RMSprop on the CPU).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


def names() -> dict[str, str]:
    formulas = "Adam's epsilon set anew each step, RMSprop written out: Keras's formulas"
    return {
        "PyTorch eager": f"`torch.optim` as it is by default; {formulas}",
        "PyTorch fused": f"`fused=True` (RMSprop: `torch._foreach_`); {formulas}",
        "PyTorch compile": f"`torch.compile` of network and loss, `fused=True`; {formulas}",
    }


def versions() -> dict[str, str]:
    return {"PyTorch": torch.__version__}


class Run:
    """A Sequential of Linear layers, and the loop that everybody writes around it."""

    other_mathematics = ""

    def __init__(self, name, task, shuffle=True):
        torch.manual_seed(1)
        self.workload, self.shuffle = task.workload, shuffle
        self.X, self.T = torch.from_numpy(task.X), torch.from_numpy(task.T)
        self.model = _network(task)
        self.optimizer = _optimizer(self.workload.optimizer, list(self.model.parameters()),
                                    fused=name != "PyTorch eager")
        self.loss_and_hits = self._loss_and_hits
        if name == "PyTorch compile":
            torch._dynamo.reset()  # it gives up on a function that it compiled for many networks
            self.loss_and_hits = torch.compile(self._loss_and_hits, dynamic=False)

    def fit(self, epochs):
        n, losses = len(self.X), []
        for _ in range(epochs):
            order = torch.randperm(n) if self.shuffle else torch.arange(n)
            loss = hits = 0.0
            for rows in order.split(self.workload.batch):
                batch_loss, batch_hits = self.loss_and_hits(
                    self.X.index_select(0, rows), self.T.index_select(0, rows))
                self.optimizer.zero_grad()
                batch_loss.backward()
                self.optimizer.step()
                loss += batch_loss.detach() * len(rows)
                hits += batch_hits
            losses.append(float(loss) / n)
            self.accuracy = float(hits) / n
        return losses

    def _loss_and_hits(self, x, t):
        """The mean loss of a batch, and how many of its rows are classified right."""
        z = self.model(x)
        if self.workload.loss == "mse":
            if self.workload.output == "linear":
                return functional.mse_loss(z, t), 0
            hits = (z.detach().argmax(1) == t.argmax(1)).sum()
            return functional.mse_loss(torch.sigmoid(z), t), hits
        if self.workload.loss == "binary_crossentropy":
            hits = ((z.detach() > 0) == (t > 0.5)).sum()
            return functional.binary_cross_entropy_with_logits(z, t), hits
        return functional.cross_entropy(z, t), (z.detach().argmax(1) == t).sum()

    @torch.inference_mode()
    def predict(self, X):
        z = self.model(torch.from_numpy(X))
        if self.workload.output == "sigmoid":
            z = torch.sigmoid(z)
        elif self.workload.output == "softmax":
            z = torch.softmax(z, 1)
        return z.numpy()


def _network(task) -> nn.Sequential:
    """The layers with the task's weights; it returns logits."""
    model = nn.Sequential()
    for W, b in zip(task.weights[::2], task.weights[1::2], strict=True):
        if len(model):
            model.append(ACTIVATIONS[task.workload.hidden]())
        linear = nn.Linear(*W.shape)
        linear.weight.data = torch.from_numpy(W.T.copy())
        linear.bias.data = torch.from_numpy(b.copy())
        model.append(linear)
    return model


def _optimizer(name, params, fused):
    if name == "sgd":
        return torch.optim.SGD(params, 0.01, fused=fused or None)
    if name == "adam":
        return KerasAdam(params, 0.001, fused=fused or None)
    return KerasRMSprop(params, fused)


class KerasAdam(torch.optim.Adam):
    """PyTorch's own update with the epsilon of each step that makes it Keras's."""

    steps = 0

    def step(self, closure=None):
        self.steps += 1
        self.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**self.steps) ** 0.5
        return super().step(closure)


class KerasRMSprop:
    """v <- 0.9 v + 0.1 g^2; p <- p - lr g / sqrt(v + epsilon)."""

    def __init__(self, params, foreach):
        self.params, self.v = params, [torch.zeros_like(p) for p in params]
        self.step = self._all_at_once if foreach else self._one_by_one

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    @torch.no_grad()
    def _one_by_one(self):
        for p, v in zip(self.params, self.v, strict=True):
            v.mul_(0.9).addcmul_(p.grad, p.grad, value=0.1)
            p.addcdiv_(p.grad, (v + 1e-7).sqrt_(), value=-0.001)

    @torch.no_grad()
    def _all_at_once(self):
        grads = [p.grad for p in self.params]
        torch._foreach_mul_(self.v, 0.9)
        torch._foreach_addcmul_(self.v, grads, grads, 0.1)
        roots = torch._foreach_add(self.v, 1e-7)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(self.params, grads, roots, -0.001)

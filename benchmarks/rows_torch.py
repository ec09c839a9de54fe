"""PyTorch, in an environment of its own: a plain loop, and Lightning. Run as a program by throughput.py."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from session import Session
from torch import nn

TRIAL_STEPS = 50


class LastOutput(nn.Module):
    """An LSTM's output at the last step of an image read row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 64, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of shape (batch, 64)."""
        return self.lstm(x.reshape(-1, 28, 28))[0][:, -1]


def make_network(name: str) -> nn.Module:
    """The networks of networks.py, their weights drawn as Keras draws them."""
    stacks: dict[str, Callable[[], list[nn.Module]]] = {
        "cnn": lambda: [
            *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10)),
        ],
        "lstm": lambda: [LastOutput(), nn.Linear(64, 10)],
        "mlp": lambda: [*_hidden(784, 128), *_hidden(128, 64), nn.Linear(64, 10)],
        "mlp-dropout": lambda: [
            *(*_hidden(784, 128), nn.Dropout(0.2)),
            *(*_hidden(128, 64), nn.Dropout(0.2)),
            nn.Linear(64, 10),
        ],
    }
    network = nn.Sequential(*stacks[name]())
    for parameter_name, parameter in network.named_parameters():
        if "weight_hh" in parameter_name:
            nn.init.orthogonal_(parameter)
        elif parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
    # Convolutions on a CPU are faster with the channels last.
    return network.to(memory_format=torch.channels_last) if name == "cnn" else network


def _hidden(inputs: int, units: int) -> list[nn.Module]:
    return [nn.Linear(inputs, units), nn.ReLU()]


def make_optimizer(network: nn.Module) -> torch.optim.Optimizer:
    """Adam in its fused form, with the epsilon of Keras."""
    return torch.optim.Adam(network.parameters(), lr=0.001, eps=1e-7, fused=True)


def loop(session: Session, name: str, batch: int, x: torch.Tensor, y: torch.Tensor) -> None:
    """A plain loop; every batch is gathered from the whole tensor by a shuffled index."""
    network = make_network(name)
    optimizer = make_optimizer(network)
    while True:
        session.epoch_ended(*_epoch(network, optimizer, batch, x, y))


def _epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, batch: int, x: torch.Tensor, y: torch.Tensor
) -> tuple[float, float]:
    """Train on every example once; gives mean loss and accuracy."""
    criterion = nn.CrossEntropyLoss()
    total, right = torch.zeros(()), torch.zeros((), dtype=torch.int64)
    for rows in torch.randperm(len(x)).split(batch):
        labels = y[rows]
        logits = network(x[rows])
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach()
        right += (logits.detach().argmax(1) == labels).sum()
    return float(total) * batch / len(x), float(right) / len(x)


def use_best_threads(session: Session, name: str, batch: int, x: torch.Tensor, y: torch.Tensor) -> None:
    """Choose between one thread and all by a short trial: small operations are slower when they are shared out."""
    seconds = {}
    trial = TRIAL_STEPS * batch
    for count in {1, torch.get_num_threads()}:
        torch.set_num_threads(count)
        network = make_network(name)
        optimizer = make_optimizer(network)
        _epoch(network, optimizer, batch, x[: 10 * batch], y[: 10 * batch])
        began = time.perf_counter()
        _epoch(network, optimizer, batch, x[:trial], y[:trial])
        seconds[count] = time.perf_counter() - began
    best = min(seconds, key=seconds.__getitem__)
    torch.set_num_threads(best)
    session.note("1 thread" if best == 1 else f"{best} threads")


def lightning(session: Session, name: str, batch: int, x: torch.Tensor, y: torch.Tensor) -> None:
    """Lightning's Trainer without logger, checkpoint and bar; its loader fetches whole batches."""
    import lightning as pl
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

    class Classifier(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.criterion = make_network(name), nn.CrossEntropyLoss()
            self.total, self.right = torch.zeros(()), torch.zeros((), dtype=torch.int64)

        def training_step(self, pair: Any, number: int) -> torch.Tensor:
            images, labels = pair
            logits = self.network(images)
            loss: torch.Tensor = self.criterion(logits, labels)
            self.total += loss.detach()
            self.right += (logits.detach().argmax(1) == labels).sum()
            return loss

        def on_train_epoch_end(self) -> None:
            session.epoch_ended(float(self.total) * batch / len(x), float(self.right) / len(x))
            self.total.zero_()
            self.right.zero_()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return make_optimizer(self)

    sampler = BatchSampler(RandomSampler(range(len(x))), batch, drop_last=True)
    loader = DataLoader(TensorDataset(x, y), sampler=sampler, batch_size=None)
    trainer = pl.Trainer(
        max_epochs=-1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Classifier(), loader)


def main() -> None:
    """Train one row: its name, network, batch size, data file, images and seconds."""
    row, name, batch, path, images, seconds = sys.argv[1:]
    session = Session(int(images), float(seconds))
    torch.manual_seed(42)
    with np.load(Path(path)) as file:
        x = torch.from_numpy(file["x_train"][: int(images)].astype("float32") / 255)
        y = torch.from_numpy(file["y_train"][: int(images)].astype("int64"))
    x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last) if name == "cnn" else x.flatten(1)
    use_best_threads(session, name, int(batch), x, y)
    {"torch": loop, "lightning": lightning}[row](session, name, int(batch), x, y)


if __name__ == "__main__":
    main()

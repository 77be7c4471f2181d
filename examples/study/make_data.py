"""Make the study's rows by rule, from a seed: three kinds of text, each with two tasks.

What is asked of a text stands in the instruction alone: of "Anna gave Tom a lamp." either the giver
or the receiver is wanted. A model that does not read its instruction is right half of the time at
most. Every answer is one word, and one token of SmolLM2's tokenizer.

    python examples/study/make_data.py DEST [--seed N] [--train N] [--test N]
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

Text = tuple[str, dict[str, str]]
"""A text, and task -> its answer."""


def _words(text: str) -> list[str]:
    return text.split()


NAMES = _words(
    "Adam Alice Anna Ben Daniel David Frank George Henry Jack James Jane John Maria Mark "
    "Martin Mary Max Paul Peter Rose Sam Sarah Simon Tom"
)
THINGS = _words("lamp book ring clock bag map key box cup ball chair basket letter ticket toy")
GIVING = (
    "{giver} gave {receiver} a {thing}.",
    "{giver} handed a {thing} to {receiver}.",
    "{receiver} got a {thing} from {giver}.",
    "{receiver} was given a {thing} by {giver}.",
    "The {thing} went from {giver} to {receiver}.",
    "The {thing} came to {receiver} from {giver}.",
)

PARTS = {
    "film": _words("plot cast ending script acting hero scene"),
    "meal": _words("soup salad sauce dessert bread fish rice"),
    "phone": _words("screen battery charger camera ringtone keypad display"),
    "car": _words("engine brakes steering gearbox boot clutch bonnet"),
}
QUALITIES = {
    "good": _words("great lovely superb excellent pleasing perfect wonderful splendid"),
    "bad": _words("poor awful dreadful terrible useless disappointing horrible hopeless"),
}
REVIEWS = (
    "The {one} was {how}, and the {other} was {also}.",
    "First the {one}: {how}. Then the {other}: {also}.",
    "I found the {one} {how} and the {other} {also}.",
    "A {how} {one}. The {other}, too, was {also}.",
)

ANIMALS = _words("dog cat horse lion bear mouse bird wolf fox bee snake rat bat owl")
FOODS = _words("apple orange lemon berry fig lime bread rice egg soup corn")
CLOTHES = _words("shirt hat coat boot sock cap tie belt")


def gift(draw: random.Random) -> Text:
    """Make a sentence in which someone gives something to someone."""
    giver, receiver = draw.sample(NAMES, 2)
    frame, thing = draw.choice(GIVING), draw.choice(THINGS)
    text = frame.format(giver=giver, receiver=receiver, thing=thing)
    return text, {"giver": giver, "receiver": receiver}


def review(draw: random.Random) -> Text:
    """Make a review that does not name what it is about."""
    subject, opinion = draw.choice(list(PARTS)), draw.choice(list(QUALITIES))
    one, other = draw.sample(PARTS[subject], 2)
    how, also = draw.sample(QUALITIES[opinion], 2)
    text = draw.choice(REVIEWS).format(one=one, other=other, how=how, also=also)
    return text.replace("A a", "An a").replace("A e", "An e"), {
        "opinion": opinion,
        "subject": subject,
    }


def things(draw: random.Random) -> Text:
    """Make a list of an animal, a food and a garment, in any order."""
    animal, food, garment = draw.choice(ANIMALS), draw.choice(FOODS), draw.choice(CLOTHES)
    words = draw.sample([animal, food, garment], 3)
    return ", ".join(words) + ".", {"animal": animal, "food": food}


KINDS: tuple[Callable[[random.Random], Text], ...] = (gift, review, things)


def rows(seed: int, train: int, test: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield ("train" or "test", row): so many texts of each kind, none of them twice."""
    for kind in KINDS:
        draw, seen = random.Random(f"{seed} {kind.__name__}"), set[str]()
        while len(seen) < train + test:
            text, answers = kind(draw)
            if text in seen:
                continue
            split = "test" if len(seen) < test else "train"
            number = len(seen) if split == "test" else len(seen) - test
            seen.add(text)
            for task, answer in answers.items():
                row = {"unique_id": f"{task}-{split}-{number}", "task_name": task}
                yield split, row | {"text": text, "target_txt": answer}


def make(dest: Path, seed: int, train: int, test: int) -> None:
    """Write DEST/train.jsonl and DEST/test.jsonl; both tasks of a text are asked."""
    dest.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for split, row in rows(seed, train, test):
        lines[split].append(json.dumps(row) + "\n")
    for split, some in lines.items():
        (dest / f"{split}.jsonl").write_text("".join(some), "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the study's rows.")
    parser.add_argument("dest", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=600, help="texts of each kind to train on")
    parser.add_argument("--test", type=int, default=300, help="texts of each kind to test on")
    given = parser.parse_args()
    make(given.dest, given.seed, given.train, given.test)

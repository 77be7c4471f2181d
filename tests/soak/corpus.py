"""Sound inputs to begin with, and what fuzzing changes in them."""

from __future__ import annotations

import copy
import gzip
import json
import random
from typing import Any

import orjson

from instraug.models.journal.framing import frame
from instraug.rewriting.config import Config, as_plain
from tests.commandline import EXAMPLES
from tests.fakeserver import answers

ANSWER = {"model": "m", "messages": [{"role": "user", "content": "Is {A} in {B}? Say so."}]}
ROWS = b'{"task":"t","text":"a \\u00e9 {x}","region":[1,2.5,null,true]}\n\n{"n":-1e5}\r\n'
TABLE = (
    "task_name\tinstructions\n"
    'VQA\t"Look at {image}. ""Why"" {question}?"\n'
    "refcoco\tFind {text} in {region[0]} {{so}}\n"
)
SOURCE = (
    "def refcoco(image_src, text, region=None, options=None):\n"
    "    instructs = [\n"
    '        f"""Locate "{text}" in {region}.""",\n'
    "        f'Where is {text}? {options_token} {\"||||\".join(options)}',\n"
    "    ]\n"
)
META = "meta_prompts:\n- id: a\n  title: A\n  kind: direct\n  text: 'Rewrite {A}.'\n  examples:\n"
META += "  - {source: 'Is {A}?', rewrite: 'Would {A} be?'}\n"
REPLIES: list[dict[str, Any]] = [
    {"intent": "aa"},
    {"reply": "aa", "model": "m", "choices": [["hi", "stop"]], "usage": [1, 2, False], "raw": "{}"},
    {"withdrawn": "bb"},
    {"score": "cc", "scorer": "s", "value": 0.5},
]


def seeds(name: str) -> list[bytes]:
    """Return sound inputs of a target."""
    tasks = [p.read_bytes() for p in sorted((EXAMPLES / "tasks").glob("*.yaml"))]
    config = orjson.dumps({k: v for k, v in as_plain(Config()).items() if v is not None})
    several: dict[str, list[bytes]] = {
        "task_yaml": tasks,
        "config_yaml": [config, META.encode(), b"rewrites: 3\nrules: {off: [copy]}\n"],
        "jsonl": [ROWS],
        "gzipped": [gzip.compress(ROWS), gzip.compress(ROWS) * 2],
        "table": [TABLE.encode()],
        "source": [SOURCE.encode()],
        "template": [b"Is the {text} in {region[0].name}? {{ok}} {options_token} {options}"],
        "reply": [json.dumps(odd(answers.chat(ANSWER))).encode() for odd in answers.ODD.values()],
        "said": [
            b'Sure! Here is the rewritten instruction:\n\n"Is the object {A} in {B}?"',
            b"<think>so</think>```text\nWould {A} lie in {B}?\n```\nNote: done",
            b"1. Does {A} stand in {B} {C}?\n2. {{A}} { A }",
        ],
        "journal": [b"".join(map(frame, REPLIES)) * 3],
    }  # fmt: skip
    return several[name]


PIECES = [
    b"{", b"}", b"{{", b"}}", b"[", b"]", b"\n", b"\r", b"\r\n", b"\0", b"\x1b[2J", b"\xff\xfe",
    b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\t", b'"', b"'", b"\\", b"\\u0000",
    b"\\ud800", b": ", b"- ", b"&a ", b"*a", b"!!python/object/apply:os.system ", b"<<: ", b"%",
    b"|\n ", b"? ", b"...\n", b"---\n", b"no", b"010", b"1e999", b"NaN", b"-Infinity", b"9" * 400,
    b"null", b"[" * 3000, b'{"a":' * 300, b"{text.__class__}", b"{0}", b"{A}", b"{text:>9}", b",",
    b'{"crc":"', b'{"crc":"00000000",', b"```", b"<think>", b"</think>", b"```text\n", b"1. ",
    b'"choices":', b'"content":', b"true", b"0", b"-1", b"1.5", b"\xf0\x9f\x98\x80", b"\xcc\x81",
    b"{text}" * 40, b" " * 500, b"a" * 5000, b"\\" * 300, b"(" * 300, b"'" * 99, b"f'''",
]  # fmt: skip
"""What breaks parsers."""


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the data with one to six edits: bytes flipped, cut, moved, repeated, put in."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(made))
        end = min(len(made), at + chance.choice((0, 1, 1, 2, 8, 64)))
        kind = chance.random()
        if kind < 0.45:
            made[at:end] = chance.choice(PIECES)
        elif kind < 0.6:
            made[at:end] = chance.randbytes(end - at or 1)
        elif kind < 0.8:
            made[at:end] = b""
        elif kind < 0.9:
            made[at:at] = made[at:end] * chance.choice((1, 2, 50))
        else:
            del made[at:]
    return bytes(made)


VALUES: list[Any] = [
    None, True, -1, 0, 10**18, 1.5, "", "x", "\0", "../../etc/passwd", "/etc/passwd", [], {}, [[]],
    [None], {"a": None}, "{text.__class__}", "\x1b[2J", ["\ud800"], {"": ""}, "a" * 999,
]  # fmt: skip
"""What stands where something else should."""


def reshaped(value: Any, chance: random.Random) -> Any:
    """Return JSON data with one to three values replaced, dropped or repeated."""
    made = copy.deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        within: Any = None
        here = made
        while isinstance(here, dict | list) and here and (within is None or chance.random() < 0.8):
            key = chance.choice(list(here) if isinstance(here, dict) else range(len(here)))
            within, here = here, here[key]
        if within is None:
            return chance.choice(VALUES)
        if chance.random() < 0.3:
            del within[key]
        else:
            within[key] = copy.deepcopy(chance.choice(VALUES))
    return made

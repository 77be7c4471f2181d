"""A choice among texts, as a grammar of the model's own tokens.

A grammar of letters lets a model spell a text by any tokens that add up to it. llama.cpp then takes
the likeliest of those, often an odd one ("Te", "l", "l"), and the log-probabilities of the answer
say nothing of how likely the text is. So the texts are split into tokens as the model itself does.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from typing import Any

from instraug.errors import RequestFailed
from instraug.models.gbnf import of_tokens, texts_of

_SECONDS = 60.0

_FAVOUR = 100.0
"""Added to the logit of each token of a choice (nats)."""

_LEAST = 64
"""Tokens that are sorted at each step, at least; the vocabulary has a quarter of a million."""


def constrained(grammar: str, before: str, server: Any, key: str) -> dict[str, Any]:
    """Return the parameters of a request that force its answer into a grammar.

    llama.cpp tries its favourite token first, and the grammar on its whole vocabulary only if that
    one does not fit. So the tokens of the choice are made its favourites; this changes neither what
    it chooses among them nor the log-probabilities, and halves what the grammar costs.

    Args:
        grammar: A choice, as `gbnf.one_of` writes it, each text with a line break at its end, is
            written in tokens; any other grammar is sent as it is.
        before: What a text begins with behind the prompt: "" or a space.
        server: llama.cpp's server, which knows the model's tokens.
        key: What its port asks for.

    Raises:
        RequestFailed: the server does not answer.
    """
    texts = texts_of(grammar)
    if not texts:
        return {"grammar": grammar}
    spelled: list[list[int]] = [[]]
    for token, piece in _tokens("".join(f"{before}{text}" for text in texts), server, key):
        spelled[-1].append(token)
        if piece.endswith("\n"):
            spelled.append([])
    spelled.pop()
    if len(spelled) != len(texts):
        return {"grammar": grammar}
    favourites = sorted({token for tokens in spelled for token in tokens})
    return {
        "grammar": of_tokens(spelled),
        "logit_bias": [[token, _FAVOUR] for token in favourites],
        "top_k": max(_LEAST, len(texts)),
    }


def _tokens(text: str, server: Any, key: str) -> list[tuple[int, str]]:
    """Return a text's tokens, each with its piece of it ("" where it is part of a letter)."""
    host = server.listening_address.removeprefix("http://")
    asked = {"content": text, "with_pieces": True, "add_special": False}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    connection = HTTPConnection(host, timeout=_SECONDS)
    try:
        connection.request("POST", "/tokenize", json.dumps(asked), headers)
        found = json.loads(connection.getresponse().read())["tokens"]
    except (OSError, HTTPException, ValueError, KeyError) as error:
        raise RequestFailed(f"the embedded model split no text into tokens: {error}") from None
    finally:
        connection.close()
    return [(t["id"], t["piece"] if isinstance(t["piece"], str) else "") for t in found]

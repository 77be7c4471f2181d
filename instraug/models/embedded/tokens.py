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


def in_tokens(grammar: str, before: str, server: Any, key: str) -> str:
    """Return a grammar in tokens, if it is a choice among texts; any other one as it is.

    Args:
        grammar: As `gbnf.one_of` writes it; each text ends with a line break.
        before: What a text begins with behind the prompt: "" or a space.
        server: llama.cpp's server, which knows the model's tokens.
        key: What its port asks for.

    Raises:
        RequestFailed: the server does not answer.
    """
    texts = texts_of(grammar)
    if not texts:
        return grammar
    spelled: list[list[int]] = [[]]
    for token, piece in _tokens("".join(f"{before}{text}" for text in texts), server, key):
        spelled[-1].append(token)
        if piece.endswith("\n"):
            spelled.append([])
    spelled.pop()
    return of_tokens(spelled) if len(spelled) == len(texts) else grammar


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

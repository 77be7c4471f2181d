"""The fake server's promises: distinct rewrites that keep their tokens, and a usable process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakeserver.rewriter import rewrite

TEMPLATES = [
    "Describe {A} briefly.",
    "Generate a caption for {A}.",
    'Is the object "{A}" in {B}?',
    "In this task, you are given an image and you will need to generate some text to describe it.",
    "{A} is a region in image. Locate the region first and generate a description.\n\n{B}: {A}",
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_has_many_rewrites(template: str) -> None:
    """At least thirty, none a copy, tokens kept, strictly between 0.5 and 1.5 times the words."""
    seen = {rewrite(template, str(i)) for i in range(400)} - {template}
    assert len(seen) >= 30
    tokens = sorted(re.findall(r"\{[A-Z]+\}", template))
    for text in seen:
        assert sorted(re.findall(r"\{[A-Z]+\}", text)) == tokens
        assert 0.5 < len(text.split()) / len(template.split()) < 1.5


@given(
    st.text(alphabet=st.sampled_from("ab {}AB12\n.,\"'\u00e9"), max_size=60), st.text(max_size=5)
)
def test_tokens_survive_any_surroundings(text: str, seed: str) -> None:
    """Every brace stays where its neighbours are, and equal seeds give equal rewrites."""
    done = rewrite(text, seed)
    assert done == rewrite(text, seed)
    assert re.findall(r"\{[^{}\s]*\}", done) == re.findall(r"\{[^{}\s]*\}", text)


def test_it_runs_as_a_process() -> None:
    """The URL is the first line of stdout; GET /stats tells what it saw; SIGTERM ends it."""
    command = [sys.executable, "-m", "tests.fakeserver", "--fault", "0=500", "--fault", "2=html"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = server.stdout.readline().strip()
        body = {"model": "m", "messages": [{"role": "user", "content": "Describe {A} now."}]}
        ask = Request(f"{url}/chat/completions", json.dumps(body).encode())  # noqa: S310
        with pytest.raises(OSError, match="500"):
            urlopen(ask)  # noqa: S310
        with urlopen(ask) as answer:  # noqa: S310
            said = json.load(answer)["choices"][0]["message"]["content"]
        with urlopen(url.replace("/v1", "/stats")) as answer:  # noqa: S310
            stats = json.load(answer)
        server.terminate()
    assert "{A}" in said
    assert [c["fault"] for c in stats["calls"]] == ["500", None]
    assert server.returncode == 0

"""The embedded model, real: what it is told, what it answers, and how it fails."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from instraug.errors import FatalEndpointError, RejectedRequest, RequestFailed, UsageError
from instraug.models.chat import Chat, Message, Reply
from instraug.models.embedded import model as local
from instraug.models.embedded.model import LocalModel, spelled
from instraug.models.endpoint.wire import read_reply
from instraug.models.gbnf import one_of
from instraug.rewriting.grammar.routes import routes
from instraug.rewriting.prompts.hold_back import hold_back
from instraug.rewriting.prompts.requests import AS_TEXT
from instraug.tasks.placeholders import mask, restore

EXAMPLE = (
    Message("system", "Say it in other words."),
    Message("user", "Name the bird in {A}."),
    Message("assistant", "Which bird is in {A}?"),
)
TEMPLATE = hold_back(mask('Decide if the song in {clip} is "{title}". {options_token} {options}'))
GRAMMARS = tuple(islice(routes(TEMPLATE), 4))
CHAT = Chat(
    model="gguf:0",
    messages=(*EXAMPLE, Message("user", TEMPLATE.text)),
    temperature=0.4,
    top_p=0.9,
    max_tokens=48,
    seed=7,
    sample=0,
    grammar='root ::= answer\nanswer ::= "One."\n',
)
REAL = replace(CHAT, grammar=max(GRAMMARS, key=len))


def ask(model: LocalModel, *chats: Chat) -> list[Reply]:
    async def all_of_them() -> list[Reply]:
        return await asyncio.gather(*map(model.complete, chats))

    return asyncio.run(all_of_them())


class Engine:
    """A stand-in for llama.cpp's server that answers what it is told to."""

    answer: Any = None
    bodies: list[dict[str, Any]]

    def __init__(self) -> None:
        self.bodies = []

    def handle_completions(self, body: dict[str, Any]) -> Any:
        self.bodies.append(body)
        return self.answer

    handle_chat_completions = handle_completions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 32)
    return path


@pytest.fixture
def faked(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LocalModel, Engine]]:
    """A model whose llama.cpp is a stand-in."""
    engine = Engine()
    monkeypatch.setattr(local, "_engine", lambda: None)
    monkeypatch.setattr(LocalModel, "_loaded", lambda self: engine)
    model = LocalModel(f"local:{file}", AS_TEXT, slots=2)
    yield model, engine
    model.close()


def choice(text: str, *logprobs: float, index: int = 0) -> dict[str, Any]:
    content = [{"token": "x", "logprob": p, "top_logprobs": [{"token": "y"}]} for p in logprobs]
    return {
        "index": index,
        "text": text,
        "finish_reason": "stop",
        "logprobs": {"content": content},
    }


def test_a_chat_becomes_a_text_that_goes_on_with_the_answer() -> None:
    """Each text stays on its line, and what many chats share comes first."""
    told = spelled((*EXAMPLE, Message("user", "Name\nthe  song.")), AS_TEXT)
    assert told == (
        "Instruction: Name the bird in {A}.\nReworded: Which bird is in {A}?\n\n"
        "Say it in other words.\n\n"
        "Instruction: Name the song.\nReworded:"
    )


def test_the_tokens_of_all_choices_are_counted(faked: tuple[LocalModel, Engine]) -> None:
    """llama.cpp's own count covers one choice; a budget must not be fooled."""
    model, engine = faked
    engine.answer = {
        "choices": [choice(" One.", -1.0, -2.0), choice(" Two.", -0.5, -0.1, index=1)],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    }
    (reply,) = ask(model, replace(CHAT, n=2))
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (9, 4)
    assert [c.text for c in reply.choices] == ["One.", "Two."]
    assert reply.model == model.name
    listed = json.loads(reply.raw)["choices"][0]["logprobs"]["content"]
    assert listed == [{"token": "x", "logprob": -1.0}, {"token": "x", "logprob": -2.0}]
    assert read_reply(replace(CHAT, n=2), reply.raw) == reply


def test_what_is_asked_reaches_the_engine(faked: tuple[LocalModel, Engine]) -> None:
    """Everything that a request's key covers shapes the answer."""
    model, engine = faked
    engine.answer = {"choices": [choice(" One.")]}
    ask(model, CHAT)
    body = engine.bodies[0]
    assert (body["temperature"], body["top_p"], body["seed"], body["max_tokens"]) == (
        0.4,
        0.9,
        7,
        48,
    )
    assert body["prompt"].endswith("\nReworded:")
    assert body["grammar"] == CHAT.grammar
    assert body["stop"] == ["\n"]


def test_a_model_with_a_chat_template_is_spoken_to_in_its_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns stay turns, and the grammar is the template's own."""
    path = tmp_path / "chat.gguf"
    path.write_bytes(b"GGUF tokenizer.chat_template")
    engine = Engine()
    engine.answer = {
        "choices": [{"message": {"content": "One."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 4},
    }
    monkeypatch.setattr(local, "_engine", lambda: None)
    monkeypatch.setattr(LocalModel, "_loaded", lambda self: engine)
    (reply,) = ask(LocalModel(f"local:{path}"), CHAT)
    assert engine.bodies[0]["messages"][-1] == {"role": "user", "content": TEMPLATE.text}
    assert engine.bodies[0]["grammar"] == CHAT.grammar
    assert reply.choices[0].text == "One."
    assert reply.usage.completion_tokens == 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": {"code": 400, "message": "exceeds the\ncontext"}}, RejectedRequest),
        ({"error": {"code": 500, "message": "no"}}, RequestFailed),
        ({"error": "odd"}, RequestFailed),
        ('{"error": {"code": 400, "message": "as text"}}', RejectedRequest),
        ([], RequestFailed),
        (None, RequestFailed),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_one_line(
    faked: tuple[LocalModel, Engine], answer: Any, error: type[Exception]
) -> None:
    """The run goes on without this request."""
    model, engine = faked
    engine.answer = answer
    with pytest.raises(error, match="the embedded model") as caught:
        ask(model, CHAT)
    assert "\n" not in str(caught.value)


def test_without_the_extra_the_mend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any file is looked for."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(UsageError, match=r"pip install '\.\[local\]'"):
        LocalModel("local")


def test_leaving_the_context_gives_the_model_back(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing was asked."""
    monkeypatch.setattr(local, "_engine", lambda: None)

    async def visit() -> LocalModel:
        async with LocalModel(f"local:{file}", AS_TEXT, slots=3) as model:
            assert model.concurrency == 3
            return model

    with pytest.raises(RuntimeError, match="shutdown"):
        ask(asyncio.run(visit()), CHAT)


class FakeLlama(SimpleNamespace):
    """A stand-in for the llama.cpp package: parameters, and a server that was made with them."""

    def __init__(self, refuses: bool = False) -> None:
        super().__init__(made=[], refuses=refuses)

    def CommonParams(self) -> SimpleNamespace:  # noqa: N802 - the package's own name
        names = ("model", "cpuparams", "cpuparams_batch")
        return SimpleNamespace(**{n: SimpleNamespace() for n in names})

    def Server(self, asked: SimpleNamespace) -> Engine:  # noqa: N802 - the package's own name
        if self.refuses:
            raise RuntimeError("Failed to init server")
        self.made.append(asked)
        engine = Engine()
        engine.answer = {"choices": [choice(" One.")]}
        return engine


def test_the_model_is_loaded_once_at_the_first_question(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run or a finished job does not wait for it; once a core, however many questions."""
    monkeypatch.setattr("instraug.models.embedded.model._cores", lambda: 2)
    llama = FakeLlama()
    monkeypatch.setitem(sys.modules, "xllamacpp", llama)
    model = LocalModel(f"local:{file}", AS_TEXT, slots=4, context=100)
    assert not llama.made
    ask(model, *(replace(CHAT, sample=i) for i in range(4)))
    for asked in llama.made:
        assert (asked.model.path, asked.n_parallel, asked.n_ctx) == (str(file), 2, 200)
        assert asked.cpuparams.n_threads == 1
        assert len(asked.api_keys[0]) == 32
    assert len(llama.made) == 2


def test_a_file_that_the_engine_refuses_ends_the_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line that names it."""
    monkeypatch.setitem(sys.modules, "xllamacpp", FakeLlama(refuses=True))
    with pytest.raises(FatalEndpointError, match=r"cannot load the model .*tiny\.gguf"):
        ask(LocalModel(f"local:{file}"), CHAT)


def test_more_choices_than_slots_are_asked_for_in_parts(
    faked: tuple[LocalModel, Engine],
) -> None:
    """Each part has a seed of its own."""
    model, engine = faked
    engine.answer = {"choices": [choice(" One.", -1.0)]}
    ask(model, replace(CHAT, n=5))
    assert [(b["n"], b["seed"]) for b in engine.bodies] == [(2, 7), (2, 9), (1, 11)]


def test_without_a_grammar_none_is_sent(
    faked: tuple[LocalModel, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain prompts are a peer in the benchmark."""
    model, engine = faked
    engine.answer = {"choices": [choice(" One.")]}
    ask(model, replace(CHAT, grammar=None))
    assert "grammar" not in engine.bodies[0]
    path = tmp_path / "chat.gguf"
    path.write_bytes(b"GGUF tokenizer.chat_template")
    ask(LocalModel(f"local:{path}"), replace(CHAT, grammar=None))
    assert "grammar" not in engine.bodies[1]


def test_all_cores_of_the_process_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the system has no notion of a process's cores."""
    assert local._cores() >= 1
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert local._cores() == 1


# ── with the real weights ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """The shipped model, assembled into a cache of its own."""
    pytest.importorskip("xllamacpp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        model = LocalModel("local", AS_TEXT, slots=2)
    yield model
    model.close()


@pytest.mark.slow
def test_the_real_model_obeys_the_grammar(real: LocalModel) -> None:
    """Every mask is there, on one line that is finished, with a log-probability for each token."""
    replies = ask(real, *(replace(REAL, grammar=g) for g in GRAMMARS))
    for reply in replies:
        (told,) = reply.choices
        restored = restore(told.text or "", TEMPLATE)
        assert restored.instruction is not None, told.text
        assert told.finish_reason == "stop"
        listed = json.loads(reply.raw)["choices"][0]["logprobs"]["content"]
        assert len(listed) == reply.usage.completion_tokens > 3
        assert all(t["logprob"] <= 0 for t in listed)
    assert len({r.choices[0].text for r in replies}) > 1


@pytest.mark.slow
def test_the_real_model_spells_an_answer_as_it_reads_it(real: LocalModel) -> None:
    """Else its log-probabilities would say how odd the spelling is, not how likely the text."""
    (reply,) = ask(real, replace(REAL, grammar=one_of(["Tell me if {A} is so.\n"])))
    listed = json.loads(reply.raw)["choices"][0]["logprobs"]["content"]
    assert [t["token"] for t in listed][:3] == [" Tell", " me", " if"]
    assert reply.choices[0].text == "Tell me if {A} is so."


@pytest.mark.slow
def test_the_real_model_gives_several_choices(real: LocalModel) -> None:
    """One reading of the prompt serves them all, and their tokens add up."""
    free = replace(CHAT, grammar=None, temperature=1.5, max_tokens=12)
    (one,) = ask(real, free)
    (three,) = ask(real, replace(free, n=3))  # more than its slots
    assert len(three.choices) == 3
    assert len({c.text for c in three.choices}) > 1
    assert three.usage.completion_tokens > 2 * one.usage.completion_tokens


@pytest.mark.slow
def test_the_real_model_refuses_what_it_cannot_read(real: LocalModel) -> None:
    """A prompt beyond its context, or a grammar that is none, is this request's own fault."""
    long = replace(CHAT, messages=(Message("user", "word " * 4000),), grammar=None)
    with pytest.raises(RejectedRequest, match="the embedded model refuses"):
        ask(real, long)
    with pytest.raises(RejectedRequest, match="the embedded model refuses"):
        ask(real, replace(CHAT, grammar="root ::= nothing_there"))


@pytest.mark.slow
def test_a_file_that_llama_cpp_cannot_load_ends_the_run(file: Path) -> None:
    """Nothing was spent, and the line names the file."""
    pytest.importorskip("xllamacpp")
    with pytest.raises(FatalEndpointError, match=r"cannot load the model .*tiny\.gguf"):
        ask(LocalModel(f"local:{file}"), CHAT)


@pytest.mark.slow
def test_the_real_model_s_own_port_answers_nobody(real: LocalModel) -> None:
    """llama.cpp listens on loopback; without the key that nobody knows, it refuses."""
    ask(real, REAL)
    assert real._servers
    for server in real._servers:
        refused(server.listening_address.removeprefix("http://"))


def refused(host: str) -> None:
    connection = HTTPConnection(host, timeout=20)
    connection.request("POST", "/v1/completions", json.dumps({"prompt": "Say", "max_tokens": 1}))
    assert connection.getresponse().status == 401


@pytest.mark.slow
def test_the_real_model_says_nothing_on_stderr(real: LocalModel) -> None:
    """llama.cpp's chatter would break a progress bar."""
    script = (
        "import asyncio, sys\n"
        "from tests.models.test_embedded import AS_TEXT, REAL, LocalModel, ask\n"
        f"model = LocalModel('local:{real.weights.path}', AS_TEXT, slots=1)\n"
        "print(ask(model, REAL)[0].choices[0].text)\n"
        "model.close()\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "{A}" in done.stdout

"""A frozen run takes every reply from the journal, and says of the first miss what would differ."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from instraug.errors import FrozenMiss, printable
from instraug.files.manifest import MANIFEST, read_manifest
from instraug.models.chat import Reply
from instraug.models.generation import Generator, TakeReply
from instraug.models.journal.replay import Replay
from instraug.rewriting.config import changes
from instraug.rewriting.job import ExpandJob, Inputs
from instraug.rewriting.records import Request

_FREE = ("endpoint.", "budget.", "batch.", "prices.", "base_url", "include_eval", "only", "model ")
"""Settings that no request depends on; the model is compared as requests carry it."""


class FrozenGenerator(Generator[Request]):
    """Asks nobody.

    Args:
        journal: Holds every reply.
        watch: Told of each.
        differences: What this run does otherwise than the one that made the journal.
    """

    def __init__(
        self,
        journal: Replay,
        watch: Callable[[Reply, bool], None],
        differences: Callable[[Request], str],
    ) -> None:
        super().__init__(None, journal, 1, watch)
        self._journal, self._differences = journal, differences

    async def generate(self, requests: Iterable[Request], take: TakeReply[Request]) -> int:
        """Take all of the requests' replies from the journal, see `Generator.generate`.

        Raises:
            FrozenMiss: the journal lacks one; names task and template, and what differs.
        """
        return await super().generate(map(self._there, requests), take)

    def _there(self, request: Request) -> Request:
        if request.chat.key not in self._journal:
            raise FrozenMiss(self._miss(request))
        return request

    def _miss(self, request: Request) -> str:
        origin = request.origin
        asked = (
            f"meta-prompt {request.meta_prompt}, temperature {request.chat.temperature:g}, "
            f"request {request.chat.key[:12]}"
        )
        text = printable(origin.text)
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        return (
            f"{self._journal.path}: no reply for task {printable(origin.task)}, template "
            f"{origin.origin} ({shown!r}; {asked}); {self._differences(request)}; give the options "
            "of the run that made the journal, or run without --frozen to ask"
        )


class Differences:
    """Compares a run with those that its journal or a manifest tells of.

    Args:
        job: The run's job, journal included.
        inputs: Its inputs.
        model: The model as its requests carry it.
        journal: Its journal.
    """

    def __init__(self, job: ExpandJob, inputs: Inputs, model: str, journal: Replay) -> None:
        self._job, self._inputs, self._model, self._journal = job, inputs, model, journal

    def __call__(self, request: Request) -> str:
        """Name what differs from the run that is nearest to this one."""
        compared = [(self._options(body), where, body) for where, body in self._runs()]
        if not compared:
            return self._of_answers()
        options, where, body = min(compared, key=lambda one: len(one[0]))
        if found := [*options, *self._inputs_of(body, request)]:
            return f"differs from {where}: {', '.join(found)}"
        return f"no option differs from {where}, so that the version or a template may"

    def _runs(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each run that a manifest or the journal describes, and where."""
        real = os.path.realpath(self._job.replies)
        for folder in dict.fromkeys([self._job.out, self._job.replies.parent]):
            path = folder / MANIFEST
            if path.is_file() and isinstance(
                (body := read_manifest(path).body).get("config"), Mapping
            ):
                named = body.get("journal")
                if isinstance(named, str) and os.path.realpath(folder / named) == real:
                    yield str(path), body
        for body in self._journal.runs():
            if isinstance(body.get("config"), Mapping):
                yield str(self._job.replies), body

    def _options(self, body: Mapping[str, Any]) -> list[str]:
        """Name the options that a run had otherwise."""
        found = [c for c in changes(body["config"], self._job.config) if not c.startswith(_FREE)]
        model = str(body.get("model"))
        if model != self._model:
            found.insert(0, f"model {printable(model)} -> {printable(self._model)}")
        return found

    def _inputs_of(self, body: Mapping[str, Any], request: Request) -> Iterator[str]:
        """Name what a run's manifest has otherwise of the inputs."""
        with suppress(LookupError, TypeError):
            inputs, origin = body["inputs"], request.origin
            texts = {task["name"]: task["templates"] for task in inputs["tasks"]}
            if origin.text not in texts.get(origin.task, ()):
                yield "this template"
            if [m["text"] for m in inputs["meta_prompts"]] != [
                m.text for m in self._inputs.meta_prompts
            ]:
                yield "the meta-prompts"

    def _of_answers(self) -> str:
        """Say what the answers themselves tell, where no run is described."""
        reply = self._journal.get(next(iter(self._journal), ""))
        if reply is None:
            return "the journal is empty"
        if reply.model != self._model:
            models = f"model {printable(reply.model)} -> {printable(self._model)}"
            return f"differs from the journal: {models}"
        return "the journal does not tell of which options it was made"

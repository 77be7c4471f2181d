"""Imports what ``instraug`` imports, for processes that are forked from here."""

from importlib import import_module

for name in (
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "instraug.chain.build",
    "instraug.chain.expand",
    "instraug.chain.refilter",
    "instraug.cli.build",
    "instraug.cli.expand",
    "instraug.cli.importing",
    "instraug.cli.meta_prompts",
    "instraug.cli.stats",
    "instraug.cli.verify",
    "instraug.models.endpoint.calls",
    "instraug.models.endpoint.client",
    "instraug.rewriting.forecast",
    "instraug.tasks.importers.multiinstruct.source",
    "instraug.training_set.formats.registry",
    "tests.child",
):
    import_module(name)

"""What a run of ``instraug expand`` imports, for processes that are forked from here."""

import instraug.cli.expand
import instraug.cli.progress
import instraug.forecast
import instraug.job
import instraug.llm.calling
import instraug.llm.openai_chat  # noqa: F401 - imported for its sake alone

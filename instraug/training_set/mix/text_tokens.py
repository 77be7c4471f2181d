"""Text tokens: by a tokenizer's own file, or by white space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from instraug.errors import StorageError, UsageError
from instraug.files.decode import suggest

WHITESPACE = "whitespace"

Count = Callable[[Sequence[str]], Iterable[int]]
"""Texts -> the tokens of each, without any that a chat template adds."""


def counter(tokenizer: str) -> Count:
    """Return what counts the tokens of texts.

    Args:
        tokenizer: ``whitespace``, or a file: Hugging Face's ``tokenizer.json``, or one of
            tiktoken's, such as ``cl100k_base.tiktoken``. Nothing is downloaded.

    Raises:
        UsageError: the file is none of these.
        StorageError: it is not there, or the library that reads it is not installed.
    """
    if tokenizer == WHITESPACE:
        return _words
    path = Path(tokenizer)
    if path.is_dir():
        path /= "tokenizer.json"
    if not path.is_file():
        raise StorageError(f"{path}: does not exist; give a tokenizer's file, or {WHITESPACE}")
    if path.suffix == ".tiktoken":
        return _of_tiktoken(path)
    return _of_tokenizers(path)


def _words(texts: Sequence[str]) -> Iterable[int]:
    return map(len, map(str.split, texts))


def _of_tokenizers(path: Path) -> Count:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise StorageError(f"{path}: needs tokenizers; pip install '.[tokens]'") from None
    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        what = " ".join(str(error).split())[:120]
        raise UsageError(f"{path}: is no tokenizer.json ({what}); give one") from error

    def count(texts: Sequence[str]) -> Iterable[int]:
        found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in found]

    return count


def _of_tiktoken(path: Path) -> Count:
    """Make tiktoken's encoding of the file's name, from the file and not from the network."""
    try:
        from tiktoken.load import load_tiktoken_bpe
        from tiktoken_ext import openai_public
    except ImportError:
        raise StorageError(f"{path}: needs tiktoken; pip install '.[tokens]'") from None
    from unittest.mock import patch

    import tiktoken

    known = openai_public.ENCODING_CONSTRUCTORS
    if path.stem not in known:
        raise UsageError(
            f"{path}: is named as no encoding of tiktoken; {suggest(path.stem, known)}"
        )

    def load(_address: str, expected_hash: str | None = None) -> Any:
        return load_tiktoken_bpe(str(path), expected_hash)

    def refuse(*_files: str, **_hashes: str) -> Any:
        raise ValueError("it is stored in two other files")

    try:
        with (
            patch.object(openai_public, "load_tiktoken_bpe", load),
            patch.object(openai_public, "data_gym_to_mergeable_bpe_ranks", refuse),
        ):
            encoding = tiktoken.Encoding(**known[path.stem]())
    except ValueError as error:
        what = " ".join(str(error).split())[:120]
        raise UsageError(f"{path}: is not the file of that encoding ({what})") from None

    def count(texts: Sequence[str]) -> Iterable[int]:
        return [len(encoding.encode_ordinary(text)) for text in texts]

    return count

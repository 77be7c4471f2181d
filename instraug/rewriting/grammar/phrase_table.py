"""Phrases of instructions that can be replaced where they stand; plain data.

A line is a pattern, an arrow, and what it can be replaced by. A line that begins with spaces goes
on with the one before it. ``<M>`` stands for a mask, quoted or not.
"""

from __future__ import annotations

import re

MASK = r"\"?\{[A-Z]+\d*\}\"?"

_WORDS = r"""
answer the following question\b
  -> answer the question below / give the answer to the following question
answer (the|this) question\b -> give the answer to \1 question / reply to \1 question
answer (a|an|this) question\b -> give an answer to \1 question / reply to \1 question
(?<!ly )(?<!best )answers (the|this) question\b -> is the answer to \1 question
the following (two |three )?([a-z]+s)\b -> the \1\2 below / these \1\2
the correct(?= [a-z]) -> the right
(?<!factually )(?<=is )correct(?=[.?:]|$) -> right
from the (given )?options\b
  -> from among the \1options / out of the \1options / from the \1choices / among the \1options
in the list\b -> among those listed
pay attention to\b -> focus on / look carefully at
take a look at\b -> look at / have a look at
look closely at\b -> take a close look at / look carefully at
(?<!a )look at the (image|picture|photo)\b
  -> have a look at the \1 / take a look at the \1 / examine the \1 / view the \1
looking at the (image|picture|photo)\b -> viewing the \1 / examining the \1
looked at the (image|picture|photo)\b -> viewed the \1 / examined the \1
what can be seen(?= in | inside ) -> what is visible / what you see / what one can see
what you can see(?= in | inside ) -> what is visible / what can be seen
the (object|subject|thing|text|animal|person) in (<M>)
  -> the \1 inside \2 / the \1 that is in \2 / the \1 found in \2 / the \1 within \2
the (object|subject|thing|text) inside (<M>)
  -> the \1 in \2 / the \1 that is inside \2 / the \1 within \2
helps? people (?:to )?([a-z]+)(?= ) -> make it easy for people to \1 / let people \1
(the|some|these) given(?= [a-z]) -> \1 provided
(the|some|these) provided(?= [a-z]) -> \1 given
(show|depict)(s?)(?= the (?:object|thing|scene|same|animal|person)| both | some | "?\{)
  -> depict\2 / show\2
appears in(?= the (?:image|picture|photo|scene)) -> is visible in / can be seen in
pick out\b -> select / choose
determine(?= (?:if|whether|which|what|how|where|why)) -> decide / work out
decide(?= (?:if|whether|which|what|how|where|why)) -> determine / judge
regarding\b -> about / concerning
write down\b -> note down
the reason why\b -> why
based on\b -> on the basis of
with the help of\b -> by means of / using
together with\b -> along with / in combination with
in your own words\b -> in words of your own
clear and (complete|readable|legible)\b -> \1 and clear / both clear and \1
wrong with the (image|picture|photo)\b -> the matter with the \1 / bad about the \1
everything (?:that )?(the [a-z]+ <M>) says\b -> all that \1 says / everything said by \1
supported by (<M>|the [a-z]+)\b -> backed by \1 / backed up by \1
makes the most sense\b -> is the most sensible
the most sensible\b -> the one that makes the most sense
in a few words\b -> briefly
brief\b -> short
best (describes|fits|matches|answers|completes)
  ([^.?:,]+?)(?=[.?:,]| (?:is|are|must|should|from|in)\b| (?:has|have|needs?) to\b|$) -> \1 \2 best
"""
"""Another word or two."""

_STRUCTURES = r"""
(?:the |an? )?(?:correct|right) answer
  (?:from|among) (?:the |these )?(?:given )?options(?! (?:below|above|given|provided|listed)\b)
  -> the one among the options that is correct
  / the correct one of the options / the option that is right
the quality of (the|this) (image|picture|photo)\b -> \1 \2's quality
the (image|picture) quality\b -> the quality of the \1 / the \1's quality
what is inside (<M>) -> what \1 contains / the contents of \1 / what \1 holds
what is in the (box|region|area) (<M>) -> what the \1 \2 contains / the contents of the \1 \2
(?<!is )the content of (<M>) -> what \1 contains / what is inside \1 / what is in \1
the (objects|things) in the (image|picture|photo)\b
  -> the \1 shown in the \2 / the \1 that the \2 shows / the \1 that can be seen in the \2
(?<!is )(?<!are )(?<!be )described by (<M>|the given text|the text|the caption)
  -> that \1 describes / to which \1 refers
that (<M>|the given text|the text|the caption) describes\b -> described by \1 / to which \1 refers
with the description: (<M>)
  -> that is described by \1 / that \1 describes / with this description: \1
(a|one) (sentence|phrase|caption|text|description|question) to (describe|explain|summarize)\b
  -> \1 \2 that \3s
(share|have)(s?) (?:any |some )?common area with\b -> overlap\2 with / share\2 some area with
has common area with\b -> overlaps with / shares some area with
have common area\b -> overlap / share some area / have area in common
overlap(s?) most with\b -> ha\1~ the largest overlap with
(?<!is )(?<!are )(?<!be )mentioned in (the |this )?([a-z]* ?question|text|caption)\b
  -> that the \2 mentions / named in the \2
\babout how many there are\b -> about the number
possible answers\b -> answers that are possible
"""
"""Another structure."""

Phrase = tuple[re.Pattern[str], tuple[str, ...], int]


def _read(lines: str, points: int) -> list[Phrase]:
    rows = (line.split(" -> ") for line in re.sub(r"\n +", " ", lines).split("\n") if line)
    return [
        (re.compile(rf"\b(?:{p.replace('<M>', MASK)})"), tuple(to.split(" / ")), points)
        for p, to in rows
    ]


PHRASES = (*_read(_STRUCTURES, 2), *_read(_WORDS, 1))
"""Pattern, what it can be replaced by, and how far that is: 1 another word, 2 another structure."""

"""The vocabulary of English instructions: function words and near-synonyms; plain data.

`wording` replaces words by those of `SWAPS`, and `judging.signals` counts near-synonyms as kept. A
word in no group is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:[-'\u2019][^\W_]+)*")
"""A word of running text; digits count as letters."""


def bag(words: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(words.split())


FUNCTION = bag(
    """a an the this that these those it its you your me one some any each every all both either
    and or if whether as by for from with within at in into on of about to through among between
    is are be been was were being do does did can could should must may have has had having
    which what who whose where when how why there here according based using given below above
    following please before after tell say name task need answer find out"""
)
"""Words that say little of what a text is about."""

GRAMMATICAL = FUNCTION - bag("task need answer find name following given based using")
"""Those of `FUNCTION` that carry no meaning of their own."""

NEGATIONS = bag("not no none never neither nor without cannot")
"""Words that reverse a meaning; a rewrite may have them only if its origin has one."""

_NEAR = """
select choose pick
selected chosen picked
selecting choosing picking
find locate identify spot
found located identified
decide determine judge tell say check state verify assess
describe explain
describes explains fits
described explained
description caption
descriptions captions
generate create produce make
write compose
generating creating producing making
generated created produced made
look view examine inspect observe
looking viewing examining inspecting
answer reply response
answering replying
contain include hold have
contains includes holds has
containing including holding having
show depict display present
shows depicts displays presents
shown depicted displayed presented
image picture photo
images pictures photos
region area part section
regions areas parts sections
content contents contain inside hold
see seen visible appear show
sense sensible
truthful true right
use used using help means
object item thing
objects items things
same identical equal
kind type sort
kinds types sorts
goal aim purpose objective
task job
need must required asked supposed
correct right
best most
match fit suit agree correspond
matches fits suits agrees corresponds
missing absent lacking
complete whole full entire
fill complete
filled completed
extract cut take crop
copy replica duplicate
bad poor low wrong good matter
reason cause
clear legible readable
overlap intersect share
overlaps intersects shares
overlapping intersecting
common shared
most greatest largest
appear occur exist
appears occurs exists
relation relationship link connection
related connected linked
support back
supports backs
supported backed
true correct right
claim statement
question query
questions queries
option choice
options choices
possible able
enough sufficient
information info
step stage
steps stages
next following
previous preceding earlier
current present
finished completed done
overall general
feeling emotion sentiment mood
emotions feelings
environment surroundings setting
location position place
locations positions places
understanding understand knowledge
analyze examine study consider
analyzing examining studying considering
activity action
color colour
number count amount
attribute property feature
attributes properties features
distinguish tell separate
people persons
sentence phrase line
brief short
briefly shortly
named called
accurately precisely exactly
specified indicated marked given
given provided
original initial
covered hidden masked
predict guess
used using use
help helps let lets
presence appearance
summarize condense
summary digest
translate render
classify categorize sort
category class group
article text passage
passage paragraph
document text file
word term
words terms
message note
large big
small little
list name
compare contrast
count number
calculate compute
mention name
reply respond
suggest propose
remove delete
order sequence
title headline
review opinion
error mistake
errors mistakes
"""

_SWAPS = """
image: picture, photo; images: pictures, photos; picture: image, photo; photo: picture
pictures: images; photos: pictures; region: area; regions: areas
select: choose, pick; choose: select, pick; pick: choose, select
contains: includes; contain: include; containing: including
identify: find; locate: find; generate: create, produce; create: produce, make; type: kind
produce: create; kind: type; identical: same; relationship: relation
analyze: examine
accurately: exactly; environment: surroundings; legible: readable; readable: legible
covered: hidden; masked: hidden; location: position; position: location
enough: sufficient; sufficient: enough; passage: paragraph
mistake: error; mistakes: errors; errors: mistakes
calculate: compute; statement: claim; claim: statement; photograph: photo
"""


def _groups() -> dict[str, frozenset[str]]:
    near: dict[str, set[str]] = {}
    for line in _NEAR.split("\n"):
        for word in line.split():
            near.setdefault(word, set()).update(line.split())
    return {word: frozenset(group - {word}) for word, group in near.items()}


def _swaps() -> dict[str, tuple[str, ...]]:
    entries = (e.split(":") for line in _SWAPS.split("\n") for e in line.split(";") if e.strip())
    return {w.strip(): tuple(t.strip() for t in to.split(",")) for w, to in entries}


NEAR = _groups()
"""Word -> words that can often replace it, without the word itself."""

SWAPS = _swaps()
"""Word -> words that can replace it nearly everywhere without breaking the grammar."""


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a lower-case word without common endings, so that its forms compare equal."""
    for ending in ("ing", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 4 else word


def alike(one: str, other: str) -> bool:
    """Whether two lower-case words are forms of one word, or near-synonyms."""
    return one == other or stem(one) == stem(other) or other in NEAR.get(one, ())


def negated(words: Iterable[str]) -> bool:
    """Whether lower-case words hold a negation."""
    return any(w in NEGATIONS or w.endswith(("n't", "n\u2019t")) or w[:4] == "non-" for w in words)

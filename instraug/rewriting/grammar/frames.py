"""What an order, a question or an announcement may be put into; plain data.

``{}`` stands for the order, the statement or the clause that is put in.
"""

from __future__ import annotations

DUTIES = (
    "Your task is to {}.", "You need to {}.", "The task is to {}.", "You have to {}.",
    "The goal is to {}.", "The aim of this task is to {}.", "Your job is to {}.",
    "You are asked to {}.", "What you have to do is {}.", "You should {}.",
    "This task asks you to {}.", "You are expected to {}.",
)  # fmt: skip

IFS = (
    "Decide whether {}.", "Tell me if {}.", "Check whether {}.", "Determine if {}.",
    "Say whether {}.", "Judge whether {}.", "Find out if {}.", "Your task is to decide if {}.",
    "You have to say whether {}.", "Work out whether {}.", "Verify whether {}.",
    "Please state whether {}.",
)  # fmt: skip

ASKS = (
    "Tell me {}.", "State {}.", "Say {}.", "Determine {}.", "Find out {}.", "You need to say {}.",
    "Work out {}.", "Your task is to find out {}.", "Please tell me {}.",
)  # fmt: skip

STATEMENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        r"(?:in this task,? )?you (?:are|will be) given (.+?),? and you (?:need|have) to (.+)",
        ("Given {1}, {2}.", "You are given {1}. Your task is to {2}.",
         "Your task is to {2}, given {1}.", "Here you get {1}, and the goal is to {2}."),
    ),
    (
        r"(?:in|for) this task,? you (?:will be|are) asked (a|the following) question (.+)",
        ("This task asks you {1} question {2}.", "Here you will be asked {1} question {2}.",
         "{1} question {2} is what this task asks you.", "{1} question {2} will be asked here."),
    ),
    (
        r"(?:in|for) this task,? you (?:will be|are) asked about (.+)",
        ("This task asks you about {1}.", "Here you will be asked about {1}.",
         "What you are asked about in this task is {1}."),
    ),
    (
        r"(?:in|for) this task,? you (?:(?:will be|are) (?:given|presented with)|will see) (.+)",
        ("Here you are given {1}.", "This task gives you {1}.",
         "What this task gives you is {1}.", "For this task, you get {1}."),
    ),
    (
        r"this task tests your ability to (.+)",
        ("Your ability to {1} is tested in this task.", "This is a test of your ability to {1}.",
         "How well you can {1} is tested here."),
    ),
    (
        r"this task (?:requires|needs) an understanding of (.+)",
        ("For this task, you need to understand {1}.",
         "An understanding of {1} is required for this task.",
         "To do this task, you have to understand {1}."),
    ),
    (
        r"the question (below|above) is about (.+)",
        ("The question {1} asks about {2}.", "{2} is what the question {1} is about."),
    ),
    (
        r"here is (.+)",
        ("This is {1}.", "You are given {1}."),
    ),
    (
        r"you (?:are (?:given|shown|provided with)|will (?:see|get|be given)|get|have) (.+)",
        ("What you are given is {1}.", "What you have is {1}.", "{1} will be given."),
    ),
)  # fmt: skip
"""Pattern of a sentence, and what it can be said as; ``{1}`` is the first group."""

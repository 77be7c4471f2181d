"""The soak: what nothing but many repeats at random moments can show.

    INSTRAUG_SOAK=1 pytest tests/soak -m slow      all of it; the default scale is a tenth

Random choices are seeded, so a failure can be met again; the moments of signals are the machine's.
"""

"""The journal of replies: what cost money is written down before anybody looks at it."""

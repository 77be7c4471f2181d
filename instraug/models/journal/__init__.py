"""The journal of replies: each reply, which may have cost money, is written before it is used."""

"""After the fact: figures of pools and sets, proofs of a run, comparisons."""

"""Templates to a pool: what is asked, what comes back, what is kept."""

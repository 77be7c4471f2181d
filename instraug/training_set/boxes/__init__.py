"""Regions as each family of models spells them, one module a family."""

"""Fixtures that every test may ask for; each stack has its own file."""

pytest_plugins = [f"tests.fixtures.{name}" for name in ("keyrings", "postgres", "temporal", "twin")]

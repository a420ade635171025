"""Fixtures that every test may ask for; each stack has its own file."""

pytest_plugins = ["tests.fixtures.postgres", "tests.fixtures.temporal", "tests.fixtures.twin"]

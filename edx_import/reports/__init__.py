"""Answers: command modules return a Report, outputs render it."""

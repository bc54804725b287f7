"""Summaries per day that reports read instead of the events. They are made in the database, and can be made anew from the events at any time."""

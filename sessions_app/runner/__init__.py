"""Executing runs: one runtime a process, one execution an attempt, one context an agent."""

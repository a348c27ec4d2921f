"""What tests of several tiers share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The root of the project."""

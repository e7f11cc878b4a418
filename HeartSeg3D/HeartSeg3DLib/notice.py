"""What every output, report and panel says about its use."""

from __future__ import annotations

NOTE = "for research, not a medical device"
"""For tables and machine-readable summaries."""

NOTE_SENTENCE = f"{NOTE[0].upper()}{NOTE[1:]}."
"""For pictures and people."""

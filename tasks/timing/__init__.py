"""Decisions by time: clocks, interleaved blocks until an answer is settled, and what others did to the machine meanwhile."""

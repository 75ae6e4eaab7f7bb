"""What lands: brought in, judged, watched for, waited for, and handed out to the runs that use it.

Keeps its records by `registry.inbox` and reads rows by `tasks.data`. Begin with `landing.py` (how a file comes in), then
`batches.py` (which rows a run claims) and `landed_data.py` (which rows a run uses).
"""

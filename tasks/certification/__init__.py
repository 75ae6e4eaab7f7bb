"""The certificate: candidate routers on tune rows, a chain of them from safe to bold, and the test that certifies one.

Knows no task family: it sees which answers were right, by which path, at which cost. Begin with `planning.py` (which
candidates), then `chain.py` (their order) and `certify.py` (the test); docs/certificate.md says what is promised.
"""

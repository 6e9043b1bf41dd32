"""Questions to the audit log: SQL, reports, HTML, and the evidence pack.

Entries become rows once (`rows.py`, `sources.py`), a locked DuckDB answers over them
(`database.py`), reports are a few questions each (`reports/`), and a pack is what an auditor takes
away and checks alone (`pack.py`, `standalone_verify.py`).
"""

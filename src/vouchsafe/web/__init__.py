"""The pages: a thin shell over the kernel's and the fleet's queries and acts.

A view asks a query, builds what its template shows, and calls one act; it decides nothing that the kernel
decides. Templates hold no decisions, no inline script and no inline style. Start at `urls.py`, then
`views/records.py`.
"""

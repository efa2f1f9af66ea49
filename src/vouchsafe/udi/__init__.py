"""Unique Device Identifiers: of GS1, HIBCC, ICCBBA and IFA, and the Basic UDI-DI: read, checked, GS1's written too.

Promises: what is returned was read to its last character and its check characters hold; an error says where.
Does not: ask a registry whether the device exists, or guess an agency that the text does not show.

Start at `parse.parse`.

    >>> from vouchsafe.udi import parse
    >>> udi = parse.parse("(01)05060912340019(21)T4-0311-88207")
    >>> udi.agency, udi.di, udi.serial
    ('GS1', '05060912340019', 'T4-0311-88207')
"""

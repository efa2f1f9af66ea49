"""The regulations as data: packs, roles, deadlines. Tier 0, no Django.

`packs` reads the frameworks and the rules of the 33 quality processes, `roles` says what each spelling of a
role in them means at a site, `deadlines` evaluates the reporting rules. The data is under `data/`;
paraphrases, not legal advice; every entry carries its confidence.
"""

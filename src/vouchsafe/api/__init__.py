"""The API: what the pages can do, with the same checks, for programs. Start at `app.api`.

A token is a person's, has scopes and an end, and never signs: a signature needs the person's own assertion over the
statement that the API handed out (R-49).
"""

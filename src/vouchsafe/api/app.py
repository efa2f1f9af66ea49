"""The API's one instance. Version 1 stays as it is; what changes its meaning comes beside it."""

from ninja import NinjaAPI

from vouchsafe.api import bundles, fleet, home, logs, persons, populations, records
from vouchsafe.api.auth import AUTH
from vouchsafe.api.document import Document
from vouchsafe.api.errors import install

api = NinjaAPI(
    title="Vouchsafe",
    version="1",
    description=(
        "What the pages can do, with the same checks. Send `Authorization: Bearer vs_…` with a token that you made by "
        "`POST /v1/tokens` while signed in, or that `vouchsafe token make` printed. Tokens have scopes and an end; none "
        "can sign for a person: a signature is the person's own assertion, made by their passkey."
    ),
    auth=AUTH,
    docs=Document(settings={"persistAuthorization": False}),
    docs_url="/docs",
    openapi_url="/v1/openapi.json",
)
install(api)


api.add_router("/v1", persons.router)
api.add_router("/v1", home.router)
api.add_router("/v1", records.router)
api.add_router("/v1", fleet.router)
api.add_router("/v1", populations.router)
api.add_router("/v1", logs.router)
api.add_router("/v1", bundles.router)

"""The webhook endpoints of the config file. Their secrets stay in memory."""

from collections.abc import Mapping

from evald.contract.projects import ProjectId
from evald.contract.webhooks import WebhookEndpoint
from evald.errors import CannotStart
from evald.ids import new_id
from evald.rules.webhooks import BadSecret, hint_of, key_of
from evald.settings import WebhookSettings


def configured_secrets(configured: Mapping[str, WebhookSettings]) -> dict[str, str]:
    """Give the secret of each endpoint by the name of its table. Raises CannotStart."""
    return {name: _secret(name, each) for name, each in configured.items()}


def _secret(name: str, configured: WebhookSettings) -> str:
    secret = configured.secret(name)
    try:
        key_of(secret)
    except BadSecret as error:
        raise CannotStart(f"The environment variable {configured.secret_env}: {error}.") from None
    return secret


def configured_endpoints(
    configured: Mapping[str, WebhookSettings],
    secrets: Mapping[str, str],
    project_id: ProjectId,
    now: int,
) -> list[WebhookEndpoint]:
    """Give the endpoints of the config file as the store keeps them."""
    return [
        WebhookEndpoint(
            id=new_id("whe"),
            project_id=project_id,
            name=name,
            url=each.url,
            event_types=tuple(dict.fromkeys(each.events)),
            secret_hint=hint_of(secrets[name]),
            created_at=now,
            updated_at=now,
            config_name=name,
        )
        for name, each in configured.items()
    ]

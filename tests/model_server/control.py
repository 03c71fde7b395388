"""Everything that is not a chat call: the script, the counters, the list of models."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import orjson

from tests.model_server.completion import error
from tests.model_server.http import Request, json_answer
from tests.model_server.ledger import WAITABLE
from tests.model_server.script import Script, rules_from
from tests.model_server.service import Seen, Service

PLAIN_MODEL = "scripted"


async def control(service: Service, request: Request) -> bytes:
    """Give the answer to a request of the control endpoints or GET /v1/models."""
    target = urlsplit(request.target)
    query = dict(parse_qsl(target.query))
    try:
        match request.method, target.path:
            case "PUT", "/script":
                service.follow(Script(rules_from(orjson.loads(request.body))))
                return json_answer(200, {})
            case "POST", "/release":
                service.gate.release(float(query.get("count", "inf")))
                return json_answer(200, {})
            case "GET", "/stats":
                return json_answer(200, service.ledger.stats())
            case "GET", "/stats/wait":
                return await stats_when(service, query)
            case "DELETE", "/stats":
                service.reset()
                return json_answer(200, {})
            case "GET", "/calls":
                return json_answer(200, list(service.ledger.calls))
            case "GET", "/requests":
                return json_answer(200, [seen_object(seen) for seen in service.seen])
            case "GET", "/v1/models" | "/models":
                return json_answer(200, models(service.script))
    except ValueError as reason:
        return json_answer(400, error(400, str(reason), None, None))
    return json_answer(404, error(404, f"no {request.method} {target.path} here", None, None))


async def stats_when(service: Service, query: Mapping[str, str]) -> bytes:
    """Give the stats when the numbers asked for are met, or 408 with the stats as they are."""
    wanted = {name: int(number) for name, number in query.items() if name != "timeout"}
    unknown = wanted.keys() - set(WAITABLE)
    if unknown:
        raise ValueError(f"cannot wait for {', '.join(sorted(unknown))}")
    try:
        stats = await service.ledger.until(wanted, float(query.get("timeout", "10")))
    except TimeoutError:
        return json_answer(408, service.ledger.stats())
    return json_answer(200, stats)


def seen_object(seen: Seen) -> dict[str, object]:
    """Give a request that came as JSON can hold it."""
    body = orjson.loads(seen.request.body)
    return {
        "path": seen.request.target,
        "headers": seen.request.headers,
        "body": body,
        "at": seen.at,
    }


def models(script: Script) -> dict[str, object]:
    """Give the list of models: those that the script names, and a plain one."""
    names = {PLAIN_MODEL} | {rule.model for rule in script.rules if rule.model != "*"}
    entries = [
        {"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in sorted(names)
    ]
    return {"object": "list", "data": entries}

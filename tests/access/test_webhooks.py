"""An endpoint is told of the runs of its own project alone."""

from tests.access.projects import TwoProjects
from tests.webhooks.hooking import create_endpoint, end_a_run, path_of
from tests.webhooks.receiver import Receiver


def test_an_endpoint_is_told_nothing_of_another_project(two: TwoProjects) -> None:
    with Receiver() as receiver, Receiver() as of_another:
        endpoint = create_endpoint(two.second, receiver.url)
        other = create_endpoint(two.first, of_another.url)

        theirs, mine = end_a_run(two.first), end_a_run(two.second)

        (received,) = receiver.got(1)
        assert received.event["data"] == {"id": mine["id"]}
        assert of_another.got(1)[0].event["data"] == {"id": theirs["id"]}
        assert two.second.ask("DELETE", path_of(endpoint)).status == 200
        assert two.first.ask("DELETE", path_of(other)).status == 200
        assert (len(receiver.received), len(of_another.received)) == (1, 1)

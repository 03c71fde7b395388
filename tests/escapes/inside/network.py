"""Attempts to reach anything by a network, on this machine or elsewhere."""

import http.client
import socket
import ssl
import urllib.request
from functools import partial

from tests.escapes.inside.trying import ATTEMPTS, Row, attempt, grade

__all__ = ["grade"]

FAMILIES = {
    "AF_UNIX": 1, "AF_INET": 2, "AF_AX25": 3, "AF_IPX": 4, "AF_APPLETALK": 5, "AF_NETROM": 6,
    "AF_X25": 9, "AF_INET6": 10, "AF_KEY": 15, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_RDS": 21,
    "AF_LLC": 26, "AF_IB": 27, "AF_CAN": 29, "AF_TIPC": 30, "AF_BLUETOOTH": 31, "AF_RXRPC": 33,
    "AF_IEEE802154": 36, "AF_CAIF": 37, "AF_ALG": 38, "AF_NFC": 39, "AF_VSOCK": 40, "AF_KCM": 41,
    "AF_QIPCRTR": 42, "AF_SMC": 43, "AF_XDP": 44, "AF_MCTP": 45,
}  # fmt: skip
KINDS = {"stream": 1, "datagrams": 2, "raw": 3, "packets": 5}


def any_socket(family: int, row: Row) -> object:
    """Give the kinds of sockets of a family that can be made; raise the wall if there are none."""
    made, met = [], None
    for name, kind in KINDS.items():
        for protocol in (0, 1, 9, 16):
            try:
                socket.socket(family, kind, protocol).close()
            except OSError as error:
                met = error
            else:
                made.append((name, protocol))
    if not made and met is not None:
        raise met
    return made


for name, family in FAMILIES.items():
    ATTEMPTS[f"a socket of {name}"] = partial(any_socket, family)


@attempt
def the_listener_outside(row: Row) -> object:
    with socket.create_connection(("127.0.0.1", row["port"]), 1) as connection:
        return connection.send(b"I am out")


@attempt
def the_listener_outside_by_version_6(row: Row) -> object:
    with socket.create_connection(("::1", row["port6"]), 1) as connection:
        return connection.send(b"I am out")


@attempt
def the_listener_for_datagrams(row: Row) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"I am out", ("127.0.0.1", row["datagrams"]))


@attempt
def the_listener_with_a_path(row: Row) -> object:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(row["path"])
        return connection.send(b"I am out")


@attempt
def the_listener_with_an_abstract_name(row: Row) -> object:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"\0{row['name']}")
        return connection.send(b"I am out")


@attempt
def a_listener_of_its_own(row: Row) -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@attempt
def the_interface_of_evald(row: Row) -> object:
    with urllib.request.urlopen(f"{row['url']}/v1/evals", timeout=1) as answer:
        return answer.read(64)


@attempt
def another_run_canceled(row: Row) -> object:
    connection = http.client.HTTPConnection("127.0.0.1", row["server_port"], timeout=1)
    connection.request("POST", row["other_run"])
    return connection.getresponse().status


@attempt
def a_server_elsewhere(row: Row) -> object:
    with socket.create_connection(("192.0.2.1", 443), 1):
        return True


@attempt
def the_metadata_of_a_cloud(row: Row) -> object:
    with urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=1) as answer:
        return answer.read(64)


@attempt
def names_of_the_internet(row: Row) -> object:
    return socket.getaddrinfo("example.org", 443)


@attempt
def an_encrypted_connection(row: Row) -> object:
    with socket.create_connection(("127.0.0.1", row["port"]), 1) as connection:
        return ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")


@attempt
def descriptors_taken_for_sockets(row: Row) -> object:
    return [number for number in range(64) if is_socket(number)]


def is_socket(number: int) -> bool:
    try:
        socket.socket(fileno=socket.dup(number)).send(b"I am out")
    except OSError:
        return False
    return True


@attempt
def a_pair_of_sockets(row: Row) -> object:
    return socket.socketpair()


@attempt
def interfaces_of_the_machine(row: Row) -> object:
    return [name for _, name in socket.if_nameindex() if name != "lo"]

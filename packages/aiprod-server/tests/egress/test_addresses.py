import random
import socket
from ipaddress import ip_address, ip_network

import pytest

from aiprod_server.egress.addresses import AddressError, Reach, checked, is_public, resolved

PUBLIC = "93.184.215.14"
EVERYWHERE = Reach()
INSIDE = Reach(networks=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")), ports=frozenset({80, 8080}))


def answering(*addresses: str):
    return lambda host, port: list(addresses)


def unasked(host: str, port: int) -> list[str]:
    raise AssertionError(f"a name server was asked for {host}")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[::ffff:0:10.0.0.1]",
        "2130706433",
        "2130706433.",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.0.9",
        "198.18.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "0",
        "224.0.0.1",
        "255.255.255.255",
        "[fd00::1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fec0::1]",
        "[ff02::1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a00:1]",
        "[2002:a00:1::]",
        "[2002:7f00:1::1]",
        "[2001:0:1::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "192.88.99.1",
        "１２７.０.０.１",
        "①②⑦.0.0.1",
        "127。0。0。1",
    ],
)
def test_numbers_that_lead_inside_are_refused_without_asking(host):
    for scheme in ("http", "https"):
        with pytest.raises(AddressError):
            checked(f"{scheme}://{host}/hook", EVERYWHERE, resolve=unasked)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "ⓛocalhost"])
def test_localhost_is_refused_by_the_systems_resolver(name):
    with pytest.raises(AddressError):
        checked(f"http://{name}/", EVERYWHERE)


@pytest.mark.parametrize(
    "inside",
    ["127.0.0.1", "::1", "::ffff:10.0.0.1", "10.0.0.1", "fd00::1", "64:ff9b::a00:1", "2002:a00:1::", "fe80::1%lo"],
)
def test_one_inside_address_refuses_the_name(inside):
    for answers in ([inside], [PUBLIC, inside], [inside, PUBLIC]):
        with pytest.raises(AddressError) as refused:
            checked("https://hooks.example/", EVERYWHERE, resolve=answering(*answers))
        assert inside not in str(refused.value)  # no map of the inside for the client


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "//hooks.example/",
        "hooks.example",
        "",
        "https://",
        "https:///x",
        "https://ada:pa55@hooks.example/",
        "https://ada@hooks.example/",
        "https://hooks.example@10.0.0.1/",
        "https://hooks.example:22/",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
        "https://hooks.example:x/",
        "https://hooks example/",
        "https://hooks.example/\r\nX-Evil: 1",
        "ht\ttps://hooks.example/",
        "https://hooks.example\\@10.0.0.1/",
        "https://hooks.example/a\\b",
        "https://hooks..example/",
        "https://.hooks.example/",
        "https://-hooks.example/",
        "https://hooks.example../",
        "https://hooks.example%2f.evil/",
        "https://[::1/",
        "https://[hooks.example]/",
        "https://hooks.example/é",
        "https://xn--\u0301.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://hooks.example/" + "a" * 2048,
    ],
)
def test_urls_that_are_refused_without_asking(url):
    with pytest.raises(AddressError) as refused:
        checked(url, EVERYWHERE, resolve=unasked)
    assert "pa55" not in str(refused.value)


def test_a_public_target():
    target = checked("HTTPS://Hooks.Example./a/b?c=d#e", EVERYWHERE, resolve=answering(PUBLIC, "2606:4700::1111"))
    assert (target.scheme, target.host, target.port, target.path) == ("https", "hooks.example", 443, "/a/b?c=d")
    assert target.address == ip_address(PUBLIC)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_hook.example", "my_hook.example"),
        ("hooks。example", "hooks.example"),
    ],
)
def test_international_names(host, name):
    assert checked(f"http://{host}", EVERYWHERE, resolve=answering(PUBLIC)).host == name


def test_public_numbers_are_not_asked_for():
    assert checked(f"http://{PUBLIC}", EVERYWHERE, resolve=unasked).path == "/"
    assert checked("http://[2606:4700::1111]/", EVERYWHERE, resolve=unasked).host == "2606:4700::1111"


def test_what_an_operator_allows():
    assert checked("http://127.0.0.1:8080/", INSIDE, resolve=unasked).port == 8080
    assert checked("http://[::ffff:10.0.0.1]/", INSIDE, resolve=unasked).address == ip_address("10.0.0.1")
    assert checked("http://render.lan/", INSIDE, resolve=answering("10.2.3.4", PUBLIC)).host == "render.lan"
    with pytest.raises(AddressError):
        checked("http://192.168.0.1/", INSIDE, resolve=unasked)
    with pytest.raises(AddressError, match="got the port 443, expected one of 80, 8080"):
        checked("https://127.0.0.1/", INSIDE, resolve=unasked)


def test_a_zone_is_not_for_a_client_to_choose():
    link = Reach(networks=(ip_network("fe80::/10"),))
    assert checked("http://[fe80::1]/", link, resolve=unasked).host == "fe80::1"
    with pytest.raises(AddressError):
        checked("http://[fe80::1%25eth0]/", link, resolve=unasked)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://hooks.example:80/", "hooks.example"),
        ("https://hooks.example:443/", "hooks.example"),
        ("http://hooks.example:443/", "hooks.example:443"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]"),
        ("https://[2606:4700::1111]:80/", "[2606:4700::1111]:80"),
    ],
)
def test_the_host_header(url, authority):
    assert checked(url, EVERYWHERE, resolve=answering(PUBLIC)).authority == authority


def test_resolved_once():
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    assert checked("http://rebind.example/", EVERYWHERE, resolve=rebinding).address == ip_address(PUBLIC)
    assert asked == ["rebind.example"]


@pytest.mark.parametrize("resolve", [answering(), answering("not an address")])
def test_names_without_an_address(resolve):
    with pytest.raises(AddressError):
        checked("http://nowhere.example/", EVERYWHERE, resolve=resolve)


def test_a_resolver_that_fails():
    def failing(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(AddressError, match=r"cannot resolve nowhere\.example"):
        checked("http://nowhere.example/", EVERYWHERE, resolve=failing)


def test_the_systems_resolver():
    assert set(resolved("localhost", 80)) <= {"127.0.0.1", "::1"}


def test_a_random_address_is_public_only_within_the_unicast_block():
    generator = random.Random(1)
    for _ in range(2000):
        address = ip_address(generator.randbytes(16))
        assert not is_public(address) or address in ip_network("2000::/3")

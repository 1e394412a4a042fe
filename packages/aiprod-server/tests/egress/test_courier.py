import datetime
import socket
import ssl
import threading
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aiprod_server.egress.addresses import Target, checked
from aiprod_server.egress.courier import Limits, UndeliveredError, get, post

SHORT = Limits(duration_s=0.5)


def target_at(port: int, *, scheme: str = "http", host: str = "hooks.example") -> Target:
    return Target(scheme=scheme, host=host, port=port, path="/hook?a=b", address=ip_address("127.0.0.1"))


@pytest.fixture
def scripted():
    """Opens a server that runs a script on its one connection, in a thread; gives its port."""
    threads, sockets = [], []

    def opened(script) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                script(connection)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return listener.getsockname()[1]

    yield opened
    for thread in threads:
        thread.join()
    for listener in sockets:
        listener.close()


def test_arrives_under_the_name_of_the_host(receiver):
    assert post(target_at(receiver.port), b'{"a":1}', {"x-mark": "7"}) == 204
    [(path, headers, body)] = receiver.seen
    assert (path, body) == ("/hook?a=b", b'{"a":1}')
    assert headers["host"] == f"hooks.example:{receiver.port}"
    assert (headers["x-mark"], headers["content-length"]) == ("7", "7")


def test_no_name_server_is_asked(receiver, monkeypatch):
    asked = []
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest: asked.append(host) or real(host, *rest))
    post(target_at(receiver.port), b"", {})
    assert asked == ["127.0.0.1"]


def test_a_name_that_moves_after_the_check_cannot_matter(receiver):
    answers = iter([["127.0.0.1"], ["10.255.255.1"], ["169.254.169.254"]])
    target = checked(
        f"http://rebind.example:{receiver.port}/", receiver.reach, resolve=lambda host, port: next(answers)
    )
    assert [post(target, b"", {}), post(target, b"", {})] == [204, 204]
    assert next(answers) == ["10.255.255.1"]


def test_redirects_are_not_followed(receiver, open_receiver):
    inside = open_receiver()
    receiver.headers = {"location": inside.url}
    for status in (301, 302, 303, 307, 308):
        receiver.status = status
        assert post(target_at(receiver.port), b"", {}) == status
    assert inside.seen == []


def test_proxies_of_the_environment_are_not_used(receiver, open_receiver, monkeypatch):
    proxy = open_receiver()
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert post(target_at(receiver.port), b"", {}) == 204
    assert (len(receiver.seen), proxy.seen) == (1, [])


def test_a_large_body_is_not_sent(receiver):
    with pytest.raises(UndeliveredError, match="got a body of 11 bytes, expected at most 10"):
        post(target_at(receiver.port), b"x" * 11, {}, limits=Limits(body_bytes=10))
    assert receiver.seen == []


def test_the_body_of_an_answer_is_not_awaited(scripted):
    done = threading.Event()

    def endless(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        done.wait(10)

    assert post(target_at(scripted(endless)), b"", {}) == 200
    done.set()


def test_silence_ends_at_the_deadline(scripted):
    with pytest.raises(UndeliveredError, match=r"no answer in time, which is 0\.5 s"):
        post(
            target_at(scripted(lambda connection: connection.recv(65536) and connection.recv(1))), b"", {}, limits=SHORT
        )


def drip(connection: socket.socket) -> None:
    """A byte every 50 ms, for as long as anybody listens: each would start a socket's own timeout anew."""
    try:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not threading.Event().wait(0.05):
            connection.sendall(b"a")
    except OSError:
        return  # hung up on, as it should be


def test_a_dripping_answer_ends_at_the_deadline(scripted):
    with pytest.raises(UndeliveredError, match=r"no answer in time, which is 0\.5 s"):
        post(target_at(scripted(drip)), b"", {}, limits=SHORT)


def test_a_silent_handshake_ends_at_the_deadline(scripted):
    port = scripted(lambda connection: connection.recv(65536) and connection.recv(1))
    with pytest.raises(UndeliveredError, match=r"no answer in time, which is 0\.5 s"):
        post(target_at(port, scheme="https"), b"", {}, limits=SHORT)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 9999 X\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 70000]
)
def test_what_is_no_http_is_undelivered(scripted, answer):
    def say(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with pytest.raises(UndeliveredError, match="expected an answer in HTTP"):
        post(target_at(scripted(say)), b"", {})


def saying(answer: bytes):
    def say(connection: socket.socket) -> None:
        assert connection.recv(65536).startswith(b"GET /hook?a=b HTTP/1.1\r\n")
        connection.sendall(answer)

    return say


def test_a_document_is_read(scripted):
    port = scripted(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
    assert get(target_at(port), limits=Limits(body_bytes=5)) == b"hello"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "was 302, expected 200"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nover-long", "got more than 5 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "expected an answer in HTTP"),
        (b"SSH-2.0-OpenSSH\r\n", "expected an answer in HTTP"),
    ],
)
def test_what_is_no_small_document_is_not_read(scripted, answer, said):
    with pytest.raises(UndeliveredError, match=said):
        get(target_at(scripted(saying(answer))), limits=Limits(body_bytes=5))


def test_a_dripping_document_ends_at_the_deadline(scripted):
    with pytest.raises(UndeliveredError, match=r"GET to .* no answer in time, which is 0\.5 s"):
        get(target_at(scripted(drip)), limits=SHORT)


def test_a_closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UndeliveredError, match="Connection refused"):
        post(target_at(port), b"", {})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that hooks.example gave itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "hooks.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(scripted, certificate):
    """Opens a TLS server; gives its port and the list of names it was called by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda tls, name, _: names.append(name)

    def answer(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                names.append(tls.recv(65536).decode().split("Host: ")[1].split("\r\n")[0])
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            return  # the caller does not trust the certificate

    return scripted(answer), names


def test_tls_names_and_verifies_the_host(secure, certificate):
    port, names = secure
    assert post(target_at(port, scheme="https"), b"", {}, tls=ssl.create_default_context(cafile=certificate)) == 200
    assert names == ["hooks.example", f"hooks.example:{port}"]


@pytest.mark.parametrize(("host", "trusted"), [("other.example", True), ("hooks.example", False)])
def test_tls_refuses_a_wrong_name_and_an_unknown_certificate(secure, certificate, host, trusted):
    tls = ssl.create_default_context(cafile=certificate) if trusted else None
    with pytest.raises(UndeliveredError, match="its certificate is not trusted"):
        post(target_at(secure[0], scheme="https", host=host), b"", {}, tls=tls)

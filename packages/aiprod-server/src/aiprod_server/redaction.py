"""Text without what strangers must not read: keys, passwords, tokens and the folders of this machine.

Knows no logs, and of HTTP only where the service's own addresses begin, which are no folders; a second line of defence
behind code that does not put secrets into messages.
"""

import re

# Every repetition is bounded or starts at a rare mark: a prompt of 1 MB costs no more than its length.
SECRETS = (
    (re.compile(r"(aip_live_[0-9A-Za-z]{1,20}_)[0-9A-Za-z]+"), r"\1…"),
    (re.compile(r"(whsec_)[0-9A-Za-z+/=_-]+"), r"\1…"),
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/?#@]{1,200}@"), r"\1…@"),
    (re.compile(r"\b(bearer|basic) +[0-9A-Za-z._~+/=-]{16,}", re.IGNORECASE), r"\1 …"),
    (re.compile(r"\b(password|passwd|secret|token|signature|api_key|pepper)=[^\s&;,]+", re.IGNORECASE), r"\1=…"),
)
OWN = r"/(?:api/v1/|v1/(?:generate|videos)\b|(?:health|ready|metrics(?:/api|/gpu)?|openapi\.json)(?![\w/-]))"
PATH = re.compile(rf"""(?:(?<![\w:/.…>])(?:(?P<own>(?={OWN}))|file://|~)?/|\b[A-Za-z]:\\)[^\s'"`:;,()]+""")


def redacted(text: str) -> str:
    """`text` with secrets as `…` and absolute paths as the name of their file; addresses of this service stay whole.

    A folder with a space in its name is recognised up to the space.
    """
    for pattern, shown in SECRETS:
        text = pattern.sub(shown, text)
    return PATH.sub(_shown, text)


def _shown(path: re.Match[str]) -> str:
    if path["own"] is not None:
        return path[0]
    return re.split(r"[/\\]", path[0].rstrip("/\\"))[-1]

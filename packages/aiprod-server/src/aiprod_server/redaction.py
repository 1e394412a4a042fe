"""Text without what strangers must not read: keys, passwords, tokens and the folders of this machine.

Knows no logs and no HTTP; a second line of defence behind code that does not put secrets into messages.
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
PATH = re.compile(r"""(?:(?<![\w:/.…>])(?:file://|~)?/|\b[A-Za-z]:\\)[^\s'"`:;,()]+""")


def redacted(text: str) -> str:
    """`text` with secrets as `…` and absolute paths as the name of their file.

    A folder with a space in its name is recognised up to the space.
    """
    for pattern, shown in SECRETS:
        text = pattern.sub(shown, text)
    return PATH.sub(lambda path: re.split(r"[/\\]", path[0].rstrip("/\\"))[-1], text)

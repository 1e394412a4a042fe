"""The settings of a process of the service, read once from the environment. Knows no database, no key and no file.

Each is named `AIPROD_` and its field in capitals; commands may put their options in place of it. What renders and what
it costs is not here but in the configuration that `config` names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from aiprod_core.errors import InputError
from aiprod_pipelines.commands.folders import CACHE_ROOT
from aiprod_server.orchestration.config import default_path

PREFIX = "AIPROD_"
OWN = Path("~/.local/share/aiprod/jobs.db").expanduser()
OWN_URL = f"sqlite:///{OWN}"
OWN_STORAGE = Path("~/.local/share/aiprod/storage").expanduser()

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
List = NoDecode  # in the environment: parts with commas between them


class Settings(BaseSettings):
    """Sizes in bytes, times in the unit of their name; secrets and the database's password are in no repr.

    `models_root`: a folder of folders of weights, asked before the usual places. `retention_days`: None is as the
    configuration says. `pepper`, `audit_key`: hex of 32 bytes or more; None: made once and kept in the storage's
    folder. `oidc_jwks`: a file, or the URL of an identity provider's keys; the others of its kind are as
    `access.oidc.Provider` says. `metrics_token`: what Prometheus shows on other machines. `otel_endpoint`: a collector
    of traces, such as http://collector:4318; None: nothing is traced. `cache_root`: as for `aiprod estimate`, by whose
    measurements prices are told. `ray_address`: the head of a Ray cluster, such as 10.0.0.1:6379, on which workers make
    the steps of films; None: each on its own machine.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str = Field(OWN_URL, repr=False)
    storage: Path = OWN_STORAGE
    config: Path = Field(default_factory=default_path)
    models_root: Path | None = Field(None, validation_alias=AliasChoices("models_root", "AIPROD_MODELS"))
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    pepper: SecretStr | None = None
    audit_key: SecretStr | None = None
    max_body_bytes: int = Field(32 * 2**20, ge=1024)
    requests_per_min: int = Field(600, ge=1)  # of a client for whom nothing else is written down
    retention_days: float | None = Field(None, gt=0)
    webhook_networks: Annotated[tuple[IPvAnyNetwork, ...], List] = ()
    webhook_ports: Annotated[tuple[int, ...], List] = (443,)
    oidc_issuer: str | None = None  # with audience and keys: tokens of this provider are let in
    oidc_audience: str | None = None
    oidc_jwks: str | None = None
    oidc_algorithm: Algorithm = "RS256"
    oidc_client_claim: str = "client"
    oidc_roles_claim: str = "roles"
    oidc_roles_prefix: str = "aiprod-"
    oidc_networks: Annotated[tuple[IPvAnyNetwork, ...], List] = ()
    cors_origins: Annotated[tuple[str, ...], List] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "text"
    drain_s: float = Field(30.0, ge=0)
    ray_address: str | None = Field(None, pattern=r"^(\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}$")
    metrics_token: SecretStr | None = Field(None, min_length=16)
    otel_endpoint: str | None = None
    cache_root: Path = Field(CACHE_ROOT, validation_alias=AliasChoices("cache_root", "XDG_CACHE_HOME"))

    @field_validator("webhook_networks", "webhook_ports", "oidc_networks", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def read(**options: Any) -> Settings:
    """The settings of the environment, with `options` that are not None in their place.

    Raises:
        InputError: naming the variable that is not as it must be; its value is not shown.
    """
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise InputError(" ".join(_said(fault["loc"], fault["msg"]) for fault in error.errors())) from None


def _said(location: Sequence[int | str], fault: str) -> str:
    name = str(location[0]) if location else "settings"
    variable = name if name.startswith(PREFIX) else PREFIX + name.upper()
    return f"{variable}: {fault}; correct it or leave it out."

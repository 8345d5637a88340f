"""The file of `HAIDANG_NOTIFY`: by which servers people are told, who beyond the registry, and when not.

TOML; an unknown key is refused. Secrets stand in files of their own, named here, and are in no message of an error.
"""

from __future__ import annotations

import tomllib
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from haidang_collector.settings import split_address

Receiver = Literal["officer", "leader", "district", "city", "security"]
Language = Literal["vi", "en"]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_LISTED = 10_000
SECRET_BYTES = 4_096
EMAIL = "email"
"""The channel that everybody with an address has."""


class BadNotifyError(ValueError):
    """The file cannot be used; the text says which field of it, and why."""


def _server(text: str) -> str:
    split_address(text)
    return text


def _secret(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(SECRET_BYTES).decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text") from None
    except OSError as failed:
        raise ValueError(f"{file}: {failed.strerror}") from None
    if not text or len(text.splitlines()) != 1:
        raise ValueError(f"{file} must hold one line")
    return text


Email = Annotated[str, Field(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,189}$"), AfterValidator(str.lower)]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
Web = Annotated[str, Field(pattern=r"^https?://[^\s]{1,300}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pages(_Table):
    """Where messages lead: the collector's pages, and another folder where files of `docs/runbooks/` can be read."""

    url: Web | Literal[""] = ""
    runbooks: Web | Literal[""] = ""


class Mail(_Table):
    """An SMTP server. `security`: STARTTLS, TLS from the start, or none, which only a server on this machine merits."""

    server: Annotated[str, AfterValidator(_server)]
    sender: Email
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: Path | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 20.0
    """Of each step of the conversation."""

    @model_validator(mode="after")
    def _together(self) -> Mail:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file go together")
        self.password()
        return self

    def password(self) -> str:
        """Read when it is needed, so that it can be changed while the collector runs."""
        return _secret(self.password_file) if self.password_file else ""


class Channel(_Table):
    """Another way than e-mail: a URL of Apprise (github.com/caronc/apprise), which holds a secret, in a file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
    url_file: Path

    @model_validator(mode="after")
    def _readable(self) -> Channel:
        self.url()
        return self

    def url(self) -> str:
        return _secret(self.url_file)


class PersonWish(_Table):
    """How somebody wants to be told; without an entry, by e-mail in Vietnamese."""

    email: Email
    language: Language = "vi"
    channels: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)] = (EMAIL,)


class Deputy(_Table):
    """Who is told in the place of `of`, from the first to the last of these days."""

    of: Email
    name: Name
    email: Email
    first: date
    last: date


class Team(_Table):
    """The receiver `security`."""

    name: Name = "Security"
    email: tuple[Email, ...] = ()


class Quiet(_Table):
    """When what is not critical waits for the digest. A rest day or holiday has no digest: it comes on the next day."""

    begins: time = time(21)
    ends: time = time(6)
    digest: time = time(7)
    rest_days: tuple[Day, ...] = ("sunday",)
    holidays: Annotated[tuple[date, ...], Field(max_length=MOST_LISTED)] = ()

    @model_validator(mode="after")
    def _some_day(self) -> Quiet:
        if len(set(self.rest_days)) == len(DAYS):
            raise ValueError("rest_days: leave a day to work")
        return self


class Limits(_Table):
    """How often people are told, how soon the next one is, and how long messages are kept."""

    per_hour: Annotated[int, Field(ge=1, le=1000)] = 6
    """Most messages to one person within an hour; what comes then is in the next one."""
    gather_seconds: Annotated[float, Field(ge=0, le=600)] = 10.0
    """How long news of one person is gathered into one message."""
    spacing_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """Between two messages to one person."""
    escalate_seconds: Annotated[float, Field(gt=0, le=86400)] = 900.0
    """How long nobody may have taken on a critical alert before the next of `tell` hears of it."""
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 300.0
    """How long a message is left to who sends it, longer than the longest conversation with a provider."""
    expire_hours: Annotated[float, Field(gt=0, le=720)] = 72.0
    """How long a message that no provider takes is tried again."""
    remind_hours: Annotated[float, Field(ge=0, le=720)] = 4.0
    """After how long who was told of something critical that goes on, and that nobody has taken on, is told again.

    0: never.
    """
    keep_days: Annotated[float, Field(ge=1, le=36500)] = 400.0
    """How long sent messages are kept; those that were not sent always are."""


class Route(_Table):
    """Whom alerts go to; an empty word means every. The first of `tell` with anybody in it is told at once.

    The others, one after the other, hear of a critical alert that nobody has taken on.
    """

    category: str = ""
    severity: Literal["", "critical", "warning"] = ""
    time: Literal["", "working", "quiet"] = ""
    """`quiet`: at night, on rest days and holidays, as [quiet] says."""
    tell: Annotated[tuple[tuple[Receiver, ...], ...], Field(min_length=1, max_length=10)]


DEFAULT_ROUTES = (
    Route(category="security", severity="critical", tell=(("officer", "leader", "security"), ("district",), ("city",))),
    Route(tell=(("officer",), ("leader",), ("district",), ("city",))),
)


class NotifySettings(_Table):
    """The whole file. Routes of the file come before those built in."""

    pages: Pages = Pages()
    mail: Mail | None = None
    channel: Annotated[tuple[Channel, ...], Field(max_length=MOST_LISTED)] = ()
    person: Annotated[tuple[PersonWish, ...], Field(max_length=MOST_LISTED)] = ()
    deputy: Annotated[tuple[Deputy, ...], Field(max_length=MOST_LISTED)] = ()
    security: Team = Team()
    quiet: Quiet = Quiet()
    limits: Limits = Limits()
    route: Annotated[tuple[Route, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _known_channels(self) -> NotifySettings:
        if self.mail is None and not self.channel:
            raise ValueError("neither [mail] nor a [[channel]] is given: nobody could be told")
        known = {EMAIL, *(channel.name for channel in self.channel)}
        for person in self.person:
            if unknown := sorted(set(person.channels) - known):
                raise ValueError(f"person {person.email}: unknown channels {unknown}; known are {sorted(known)}")
        return self

    def wish(self, email: str) -> PersonWish:
        return next((person for person in self.person if person.email == email), PersonWish(email=email))

    def url_of(self, channel: str) -> str | None:
        """The secret URL; None: there is no such channel any more. Raises ValueError where its file cannot be read."""
        return next((known.url() for known in self.channel if known.name == channel), None)

    def route_of(self, category: str, severity: str, *, quiet: bool) -> Route:
        now = "quiet" if quiet else "working"
        matching = (
            route
            for route in (*self.route, *DEFAULT_ROUTES)
            if route.category in ("", category) and route.severity in ("", severity) and route.time in ("", now)
        )
        return next(matching)


def load(file: Path) -> NotifySettings:
    """Raises BadNotifyError."""
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        return NotifySettings.model_validate(content)
    except ValidationError as wrong:
        told = [f"{'.'.join(map(str, error['loc'])) or 'file'}: {error['msg']}" for error in wrong.errors()[:5]]
        raise BadNotifyError(f"{file}: {'; '.join(told)}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise BadNotifyError(f"{file}: {wrong}") from None

"""How to reach Kafka: one object for every client of the engine."""

import ssl
from dataclasses import dataclass, field
from typing import Any

from ...schemas.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConnection:
    """Where Kafka is and how to log in.

    Attributes:
        bootstrap: `host:port`, several separated by commas.
        security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        sasl_mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
        username, password: For SASL; the password is never printed.
        cafile: Certificates to trust, for SSL; the system's where it is None.
    """

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cafile: str | None = None

    def ssl_context(self) -> ssl.SSLContext | None:
        """For the protocols that use TLS; None for the others.

        Raises:
            ConfigurationError: The file with certificates cannot be read.
        """
        if "SSL" not in self.security_protocol:
            return None
        try:
            return ssl.create_default_context(cafile=self.cafile)
        except OSError as error:
            raise ConfigurationError(f"kafka_ssl_cafile: {self.cafile} cannot be read ({error.strerror})") from error

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments for every aiokafka client."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context(),
        }
        if self.security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options

"""The command `server`: the audit in an editor."""

from __future__ import annotations

from kafka_audit.cli.app import Action, app
from kafka_audit.settings import ConfigError


@app.command(short_help="Speak the Language Server Protocol.")
def server() -> Action:
    """Serve an editor over the standard streams, by the Language Server Protocol.

    Alarms while you type, with their chains; what is known of a client when you hover over its constructor; repairs and
    suppressions as quick fixes. Needs `pip install kafka-audit[server]`.
    """
    return _serve


def _serve() -> int:
    from kafka_audit.pipeline.garbage import collecting

    try:
        from kafka_audit.server.protocol import server
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        raise ConfigError("the editor server needs pygls; install kafka-audit[server]") from error
    with collecting():
        server.start_io()
    return 0

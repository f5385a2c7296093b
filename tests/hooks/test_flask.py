"""When Flask calls what its users take for shutdown hooks."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.hooks.rows import scope


@pytest.mark.parametrize("method", ["teardown_appcontext", "teardown_request"])
def test_a_teardown_runs_after_every_request(method: str):
    app = Flask("app")
    calls: list[str] = []
    getattr(app, method)(lambda error: calls.append("teardown"))
    app.add_url_rule("/", view_func=lambda: calls.append("request") or "done")
    client = app.test_client()
    client.get("/")
    client.get("/")
    assert calls == ["request", "teardown"] * 2
    assert scope(f"flask.Flask().{method}") == "request"

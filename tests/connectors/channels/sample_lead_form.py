"""Requests that builders of landing pages really make, for the checks that every channel passes."""

from tests.connectors.channels.lead_form_world import (
    CF7,
    ELEMENTOR,
    FLEXBE,
    MARQUIZ,
    TILDA,
    an_account,
    as_form,
    as_json,
)

ACCOUNT = an_account()
REQUESTS = (
    as_form(TILDA),
    as_json(MARQUIZ),
    as_form(FLEXBE),
    as_form(ELEMENTOR),
    as_json(CF7),
)

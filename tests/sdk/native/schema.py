"""schemathesis reads the server's own OpenAPI document and sends what it allows and what it does not."""

import collections
import itertools
import json
import logging
import urllib.request

import hypothesis
import requests
import schemathesis
from _native import PREFIX, Client
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, given, settings
from keyward_server import run, with_settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

logging.getLogger("hypothesis").setLevel(logging.ERROR)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
EXAMPLES = 15


class Signed(requests.auth.AuthBase):
    """Signs with botocore whatever is about to be sent."""

    def __init__(self, key):
        self.key = key

    def __call__(self, request):
        signed = AWSRequest(method=request.method, url=request.url, data=request.body)
        SigV4Auth(Credentials(*self.key), "keyward", "local").add_auth(signed)
        request.headers.update(dict(signed.headers))
        return request


@with_settings(RATE_LIMIT__ENABLED="false")
def every_operation_keeps_its_word_whatever_is_sent(server):
    client = Client(server)
    for name in ("bob", "alice"):
        client.member(name)
    with urllib.request.urlopen(server.url + PREFIX + "/openapi.json") as answer:
        document = json.load(answer)
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=server.url + PREFIX)
    auth = Signed(client.key)
    answered = {}

    for result, mode in itertools.product(list(schema.get_all_operations()), MODES):
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def drive(case):
            response = case.call(auth=auth)
            answered.setdefault(operation.label, collections.Counter())[response.status_code] += 1
            case.validate_response(response, checks=CHECKS)

        try:
            drive()
        except hypothesis.errors.Unsatisfiable:
            # An operation without parameters and body cannot be sent anything wrong.
            assert mode is GenerationMode.NEGATIVE, operation.label
    assert len(answered) == sum(len(methods) for methods in document["paths"].values()), answered
    for label, statuses in answered.items():
        # What a path names is made up and not there.
        assert "{" in label or not label.startswith("GET") or statuses[200], (label, statuses)
        # botocore signs some of the oddest queries otherwise than they are then sent.
        assert statuses[401] * 5 < statuses.total(), (label, statuses)
    print(f"    {sum(sum(statuses.values()) for statuses in answered.values())} requests to {len(answered)} operations")


run(every_operation_keeps_its_word_whatever_is_sent)

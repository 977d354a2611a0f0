"""Terraform's resources: apply, no drift, change, destroy; all parts in one configuration."""

import pytest
from terraform import Part, Terraform, bucket, events, functions, iam, kms, logs, tables, take_steps, transfer

PARTS = [
    tables.flights,
    tables.routes,
    transfer.copied,
    iam.people,
    kms.keys,
    functions.live,
    bucket.site,
    events.rules,
    logs.groups,
]


@pytest.fixture(scope="module")
def parts(request, endpoint, client, tmp_path_factory):
    """Those wanted, by name, after their last step."""
    wanted = [item.callspec.params["steps"] for item in request.session.items if item.fspath == request.path]
    folder = tmp_path_factory.mktemp("terraform")
    terraform = Terraform(folder, endpoint)
    parts = [Part(steps, client, folder) for steps in wanted]
    take_steps(parts, terraform)
    return {one.name: one for one in parts}


@pytest.mark.parametrize("steps", PARTS, ids=lambda steps: steps.__name__)
def test_part(parts, steps):
    failure = parts[steps.__name__].failure
    if failure:
        raise failure

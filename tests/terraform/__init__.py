"""Terraform with the AWS provider, against this cloud.

A command of Terraform's takes ten seconds of a processor before it asks anything of a cloud, so all parts are modules
of one configuration and take their steps together. A part is a generator: what it yields is its module's next text; it
goes on, with the module's outputs, when that has been applied and a second plan has found nothing to do. It yields None
for its end, and goes on once more when everything is destroyed.
"""

import json
import os
import shutil
import subprocess
import uuid

import pytest
from conftest import REGION

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
"""

# Of each region.
REGIONAL = """
provider "aws" {
  %(alias)s
  region                      = "%(region)s"
  access_key                  = "test"
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_credentials_validation = true
  endpoints {
%(endpoints)s
  }
}
"""

# Of each part.
MODULE = """
module "%(name)s" {
  source = "./%(name)s"
  providers = { aws = aws%(region)s }
}
output "%(name)s" {
  value     = module.%(name)s
  sensitive = true
}
"""

SERVICES = ["cloudwatch", "dynamodb", "events", "iam", "kms", "lambda", "logs", "s3", "sns", "sqs", "sts"]
AWAY = "us-east-1"

# Where a machine without a way to Terraform's registry may keep providers, as `terraform providers mirror` lays them out.
MIRROR = os.environ.get("GUREUM_TERRAFORM_MIRROR", "/opt/tf-plugins")


class Part:
    """What a part is given, and where it stands."""

    def __init__(self, steps, client, folder):
        self.name = steps.__name__
        # Those of the other region say so.
        self.region = getattr(steps, "region", REGION)
        self.client = lambda service, region=self.region: client(service, region_name=region)
        # The module's; files may be put there.
        self.folder = folder / self.name
        self.folder.mkdir()
        self.steps = steps(self)
        self.failure = None
        self.begun = self.waits = False

    def unique(self, prefix):
        return f"{prefix}-{uuid.uuid4().hex[:12]}"

    def step(self, outputs=None):
        """Goes on; whether the module has a new text."""
        try:
            text = self.steps.send(outputs)
        except StopIteration:
            assert self.waits, f"{self.name} never waited to be destroyed"
            return False
        except Exception as failure:  # Told as this part's; the others go on.
            self.failure = failure
            return False
        self.begun = True
        if text is None:
            self.waits = True
            return False
        (self.folder / "main.tf").write_text(PROVIDER + text)
        return True


class Terraform:
    """A folder of Terraform's."""

    def __init__(self, folder, endpoint):
        self.folder = folder
        self.program = shutil.which("terraform")
        if self.program is None:
            pytest.skip("skipped: terraform is not installed")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # A configuration that is named but not there would end every command.
        if not os.path.exists(self.environment.get("TF_CLI_CONFIG_FILE", "")):
            self.environment.pop("TF_CLI_CONFIG_FILE", None)
        endpoints = "\n".join(f'    {service} = "{endpoint}"' for service in SERVICES)
        self.provider = PROVIDER
        for region, alias in [(REGION, ""), (AWAY, 'alias = "away"')]:
            self.provider += REGIONAL % {"alias": alias, "region": region, "endpoints": endpoints}

    def init(self, parts):
        """Once every module has its first text."""
        modules = [MODULE % {"name": one.name, "region": ".away" if one.region == AWAY else ""} for one in parts]
        (self.folder / "main.tf").write_text("".join([self.provider, *modules]))
        init = self.run("init")
        if init.returncode != 0 and os.path.isdir(MIRROR):
            init = self.run("init", f"-plugin-dir={MIRROR}")
        if init.returncode != 0:
            pytest.skip(f"skipped: Terraform's AWS provider is not to be had here: {init.stderr}")

    def run(self, *words):
        command = [self.program, *words, "-no-color"]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=600
        )

    def does(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apply(self):
        """Makes the resources; then what is there is what was asked for, and there is nothing to do. All outputs."""
        self.does("apply", "-auto-approve")
        self.does("plan", "-detailed-exitcode")
        return {name: output["value"] for name, output in json.loads(self.does("output", "-json")).items()}


def take_steps(parts, terraform):
    """Leads all parts to their ends. Afterwards each knows its failure."""
    changed = [one.step() for one in parts]
    made = [one for one in parts if one.begun]
    if made:
        terraform.init(made)
    try:
        while any(changed):
            outputs = terraform.apply()
            going_on = [one for one in made if not one.waits and not one.failure]
            changed = [one.step(outputs[one.name]) for one in going_on]
    finally:
        if made:
            terraform.does("destroy", "-auto-approve")
    for one in made:
        if not one.failure:
            one.step()

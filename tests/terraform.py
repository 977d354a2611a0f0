"""Terraform with the AWS provider, against this cloud; a test is skipped where one of them is not to be had."""

import json
import os
import shutil
import subprocess

import pytest
from conftest import REGION

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
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


# Where a machine without a way to Terraform's registry may keep providers, as `terraform providers mirror` lays them out.
MIRROR = os.environ.get("GUREUM_TERRAFORM_MIRROR", "/opt/tf-plugins")


class Terraform:
    """A folder of Terraform's. `with` destroys at the end what it has made."""

    def __init__(self, folder, endpoint, *services, region=REGION):
        """`services`: whose resources there will be, besides STS, which tells the account."""
        self.folder = folder
        self.program = shutil.which("terraform")
        if self.program is None:
            pytest.skip("skipped: terraform is not installed")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        endpoints = "\n".join(f'    {service} = "{endpoint}"' for service in sorted({*services, "sts"}))
        (folder / "provider.tf").write_text(PROVIDER % {"region": region, "endpoints": endpoints})
        # A configuration that is named but not there would end every command.
        if not os.path.exists(self.environment.get("TF_CLI_CONFIG_FILE", "")):
            self.environment.pop("TF_CLI_CONFIG_FILE", None)
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

    def apply(self, resources):
        """Makes the resources; then what is there is what was asked for, and there is nothing to do."""
        (self.folder / "main.tf").write_text(resources)
        self.does("apply", "-auto-approve")
        self.does("plan", "-detailed-exitcode")

    def outputs(self):
        return {name: output["value"] for name, output in json.loads(self.does("output", "-json")).items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.does("destroy", "-auto-approve")

"""Deploys template.yaml. LocalStack runs this in its own process when it is ready."""

from deploy import deploy

from contract.settings import Settings

deploy(Settings.from_environ())

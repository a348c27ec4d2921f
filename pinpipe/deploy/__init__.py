"""The artefacts for AWS and Databricks, and their deployment to AWS."""

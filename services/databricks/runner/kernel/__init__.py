"""Runs the cells of a notebook in an IPython kernel that has what a Databricks notebook has."""

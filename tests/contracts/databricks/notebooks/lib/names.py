# Databricks notebook source
view_name = dbutils.widgets.get("name")

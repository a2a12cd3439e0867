"""Dashboards as data, one file each."""

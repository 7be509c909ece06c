"""Prometheus: what to scrape, and when to wake somebody.

prometheus.yml     scrapes worker, API and learner
alerts.yml         alert rules; `promtool check rules`
alerts_test.yml    what they do on made-up series; `promtool test rules`
"""

"""Grafana: data source and dashboards, provisioned.

boards.py          the dashboards: panels and their queries
generate.py        writes them as Grafana wants them: `python -m profilestream.deploy.grafana.generate`
dashboards/        what it wrote
provisioning/      to be mounted at /etc/grafana/provisioning, and dashboards/ at /var/lib/grafana/profilestream
"""

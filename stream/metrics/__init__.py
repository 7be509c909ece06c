"""What Prometheus is told: one list of all metrics, one way to write them, one endpoint to read them from.

catalogue.py   every metric of worker and learner: name, kind, meaning, labels (the API has its own in `stream/api`)
metrics.py     the metrics of one process
endpoint.py    /metrics, /live and /ready over HTTP

    metrics = Metrics()
    metrics.gauge("profilestream_prequential_accuracy", task="interest").set(0.93)
    endpoint = await Endpoint.start(metrics, host="127.0.0.1", port=0)
"""

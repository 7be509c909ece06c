"""Profiles over HTTP, and the page that shows them.

app.py          puts it together; one router a file in `routers/`
services.py     what the routers use
options.py, tokens.py, guard.py, limiter.py     who may do what, and how often
shield.py       headers and size limits around every answer
problems.py     errors as problem+json (RFC 9457)
feed.py, source.py      the one consumer of profile-updates, for all clients
index.py, history.py    what is kept of them in memory, bounded: who is alike, what changed
hub.py          live updates to many clients, each with a bounded queue
monitor.py      the stream's health, looked at every other second
publishing.py, reports.py, trust.py      models, learning, drift and trends
answers.py      the shapes of the answers, with examples
page/           HTML, CSS and JavaScript: no build, nothing from elsewhere
"""

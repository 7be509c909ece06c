"""Publishing of encoders: a new model beside the old one, tried in steps, and a pointer that says which one answers.

    publisher.py    what the update job calls; the steps that users feel: canary, promote, rollback
    candidate.py    the steps before: write, equip, load, warm, shadow; refuse
    versions.py     states, the ways between them, and the pure functions that move from one to another
    registry.py     the durable truth on disk: all versions with their history, who is champion, what goes with each
    ledger.py       how a step is written down: registry, then pointer, then the word of it
    releases.py     what workers see: artefacts and pointer in Redis, model-events
    bundle.py       what goes with an encoder and is switched with it: codebook, heads, maps from and to others
    warmup.py, comparison.py, canary.py    the checks on the way
    ports.py        what a publisher needs from outside

    begun -> written -> loaded -> warm -> shadow -> canary -> champion -> previous -> retired
                                    (any of them before champion -> refused, with the reason)

What is true when stores disagree: the registry on disk, which lies beside the models themselves. Redis holds a copy for
workers (artefacts and one pointer, a single key, so that a switch is atomic over encoder, codebook, heads and maps),
and `model-events` tells about it. Each step is first done, then recorded; a flip of the pointer is first recorded, then
done. `Publisher.resume` finishes what a crash cut short, and puts back what Redis lost.

No torch here, but where an encoder is exported.
"""

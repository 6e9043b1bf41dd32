"""Checkpoints that leave this machine: witnesses sign them too, anchors keep them where nobody
here can take them back.

    head.py             the log's latest checkpoint, and what the stored hashes say about it
    cosignature.py      a witness's signature (C2SP tlog-cosignature)
    witness.py          the conversation with a witness (C2SP tlog-witness)
    cosigned.py         what witnesses signed, beside the log
    kept_files.py, object_storage.py, webhook.py    the kinds of anchors
    delivery.py         one attempt at one target; blocking.py: the threads for that
    desk.py, lane.py    when, and what became of it
    check.py            comparing the log with all of this
"""

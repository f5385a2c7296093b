"""An editor's view of a project: alarms while one types, what is known of a client, and repairs.

`session` audits and knows nothing of editors; `protocol` speaks the Language Server Protocol and audits nothing.
"""

"""The phases for a picture: the program is linked as for an audit, and files that only import are looked at, too."""

from __future__ import annotations

from kafka_audit.graph.schema import Graph
from kafka_audit.pipeline import gather, problems_of
from kafka_audit.pipeline.garbage import not_collecting
from kafka_audit.pipeline.judging import linked
from kafka_audit.pipeline.screening import Reading
from kafka_audit.pipeline.workers import Progress, Workers
from kafka_audit.settings import Settings


@not_collecting()
def graph(settings: Settings, progress: Progress) -> Graph:
    """The picture of the producers that the files named by the settings create.

    Raises `ConfigError` when they name something that is not there.
    """
    from kafka_audit.facts.neighbours import Neighbours
    from kafka_audit.graph.drawing import draw

    given = gather(settings)
    found = given.found
    with Workers(settings.jobs, progress, given.memory, given.digests) as workers:
        reading = Reading(given, workers)
        program, loaded = linked(given, reading, reading.names)
        makers = {life.path for life in program.audited if life.path in found.asked}
        leading = Neighbours(given.contents, given.catalogue).reaching(makers) if makers else frozenset()
        importers = workers.extract(
            {name: given.contents[name] for name in sorted(leading - program.engine.modules.keys())}
        )
    given.memory.save()
    sketch = draw(program, found.asked, importers)
    flaws = reading.flaws((*reading.names, *loaded)) | {name: each.flaws for name, each in importers.items()}
    problems = [*found.problems, *given.unread, *problems_of(flaws, found), *problems_of(program.faults(), found)]
    return sketch.finished({file.name: file.path for file in found.files}, problems)

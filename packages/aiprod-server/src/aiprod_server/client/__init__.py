"""The service from Python: submit, watch, wait, download.

with Client("http://127.0.0.1:8000", key) as studio:
    job = studio.submit({"prompt": "a red cat walking to the right on a beach by day", "tier": "eco"})
    for event in studio.watch(job.id):
        print(event.kind, dict(event.data))
    studio.download(job.id, Path("cat.mp4"))
"""

from aiprod_server.client.answers import ENDED, Estimate, Event, File, Job, Model, Result
from aiprod_server.client.connection import ServiceError, UnreachableError
from aiprod_server.client.session import Client

__all__ = ["ENDED", "Client", "Estimate", "Event", "File", "Job", "Model", "Result", "ServiceError", "UnreachableError"]

"""Background jobs of a session. Its worker knows them; without a worker there are none."""

from typing import Final

import msgspec

from oad.contract.errors import bad_request, not_found
from oad.contract.job import JobKeep
from oad.link import Answer

from .context import Operation, Request

_TTL_S: Final = 3600.0  # of a job that is kept without saying for how long


async def list_jobs(request: Request) -> Answer:
    session = request.services.sessions.find(request.params["sessionID"])
    worker = request.services.supervisor.session_worker(session.id)
    answer = await worker.call(request.op, {}, b"") if worker is not None else None
    return answer or Answer(b"[]")


async def ask_worker(request: Request) -> Answer:
    """Raises ApiError 404 for no such session or job."""
    session = request.services.sessions.find(request.params["sessionID"])
    worker = request.services.supervisor.session_worker(session.id)
    answer = await worker.call(request.op, request.params, request.body) if worker is not None else None
    if answer is None:
        raise not_found(f"Job not found: {request.params['jobID']}")
    return answer


async def keep_job(request: Request) -> Answer:
    """Raises ApiError 400 for a longer time than the operator allows."""
    wanted: JobKeep = request.decode(JobKeep)
    most = request.services.supervisor.policy.jobs.ttl_s
    ttl_s = min(_TTL_S, most) if wanted.ttl_s is None else wanted.ttl_s
    if ttl_s > most:
        raise bad_request(f"ttl_s may be at most {most:g}")
    body = msgspec.json.encode(JobKeep(ttl_s))
    return await ask_worker(msgspec.structs.replace(request, body=body))


JOBS: Final[dict[str, Operation]] = {
    "job.list": list_jobs,
    "job.output": ask_worker,
    "job.stop": ask_worker,
    "job.keep": keep_job,
}

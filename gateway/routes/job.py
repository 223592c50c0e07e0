"""Background jobs: what commands left running when their calls had ended."""

from typing import Final

from oad.contract.job import Job, JobKeep, JobOutput, JobReceipt

from ..operation import DELETE, GET, POST, Operation, op
from ..query import Integer

_JOBS: Final = "/session/{sessionID}/job"
_ONE: Final = f"{_JOBS}/{{jobID}}"
_PREFIX: Final = {"jobID": "job"}

OPERATIONS: tuple[Operation, ...] = (
    op("job.list", GET, _JOBS, returns=list[Job], errors=(400, 404), extension=True, summary="List background jobs"),
    op(
        "job.output",
        GET,
        f"{_ONE}/output",
        query={"offset": Integer()},
        returns=JobOutput,
        errors=(400, 404),
        prefixes=_PREFIX,
        extension=True,
        summary="Read what a background job writes",
    ),
    op(
        "job.stop",
        DELETE,
        _ONE,
        returns=JobReceipt,
        errors=(400, 404),
        prefixes=_PREFIX,
        extension=True,
        summary="End a background job",
    ),
    op(
        "job.keep",
        POST,
        f"{_ONE}/keep",
        body=JobKeep,
        body_required=False,
        returns=Job,
        errors=(400, 404),
        prefixes=_PREFIX,
        extension=True,
        summary="Keep a background job through aborts, for a time",
    ),
)

"""What a client is told of an error: what it can repair is explained, what only the operator can repair is not."""

from aiprod_core.errors import InputError, MediaError, WeightsError
from aiprod_server.access.api_key import KeyFormatError
from aiprod_server.access.keys import KeyConflict, UnknownKey
from aiprod_server.models import UnknownModel
from aiprod_server.orchestration.sanitizer import FieldError
from aiprod_server.problem import Code, Problem, ProblemError
from aiprod_server.queue.jobs import KeyReused, NotEnded, QuotaExceeded, UnknownJob


def explain(error: Exception, *, param: str | None = None, instance: str | None = None) -> Problem:
    """The problem that stands for `error`: its message if the client caused it, else that the service is at fault."""
    code: Code
    match error:
        case ProblemError():
            code, detail, param = error.code, str(error), error.param or param
        case UnknownJob() | UnknownKey():
            code, detail = "not_found", str(error)
        case KeyConflict():
            code, detail = "key_conflict", str(error)
        case NotEnded():
            code, detail = "job_not_ended", str(error)
        case QuotaExceeded():
            code, detail = "quota_exceeded", str(error)
        case KeyReused():
            code, detail, param = "idempotency_mismatch", str(error), "Idempotency-Key"
        case FieldError():
            code, detail, param = "invalid_field", str(error), error.field
        case UnknownModel():
            code, detail, param = "not_found", str(error), "model"
        case KeyFormatError():
            code, detail = "invalid_api_key", str(error)
        case InputError():
            code, detail = "invalid_request", str(error)
        case MediaError():
            code, detail = "unreadable_media", str(error)
        case WeightsError():
            code, detail = "model_unavailable", "the model cannot be loaded; choose another, or ask the operator"
        case _:
            code, detail = "internal_error", "the service failed, and its operator is told; try again later"
    return Problem.of(code, detail, param=param, instance=instance)

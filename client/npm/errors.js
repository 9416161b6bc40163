/** What calls and streams throw. Programs look at `code`; docs/errors.md lists all. */

export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(`${status} ${problem.code || problem.title || ""} – ${problem.detail || "no detail"}`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? "";
    this.title = problem.title ?? "";
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id ?? "";
    this.current = problem.current ?? null;
    this.retryAfter = retryAfter;
  }

  static async of(response) {
    let problem = await response.json().catch(() => null);
    if (problem === null || typeof problem !== "object" || !("status" in problem)) {
      problem = { title: "not an answer of the server itself" };
    }
    return new ApiError(response.status, problem, retryAfter(response));
  }

  /** The error of an `error` frame, which carries the code but no status. */
  static ofFrame(error) {
    return new ApiError(STATUS[error.code] ?? 400, error, error.retry_after ?? null);
  }
}

/** The server ended the stream for a reason that a new connection does not mend. */
export class StreamClosed extends Error {
  constructor(code, reason) {
    super(`the stream was closed with ${code}: ${reason}`);
    this.name = "StreamClosed";
    this.code = code;
    this.reason = reason;
  }
}

function retryAfter(response) {
  const value = response.headers.get("Retry-After") ?? "";
  return /^\d{1,6}$/.test(value) ? Number(value) : null;
}

const STATUS = {
  malformed: 400, unauthenticated: 401, forbidden: 403, not_found: 404, conflict: 409, gone: 410, too_large: 413,
  unsupported_media_type: 415, invalid: 422, rate_limited: 429, internal: 500, overloaded: 503,
  storage_unavailable: 503, not_ready: 503,
};

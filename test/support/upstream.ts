/** What a stub is to do with one call. */
export type Answer =
  | Response
  | Error
  | ((request: Request, init: RequestInit | undefined) => Response | Promise<Response>);

/** One call that reached a stub. */
export interface Call {
  readonly request: Request;
  readonly init: RequestInit | undefined;
  /** The signal that a real `fetch` would obey. */
  readonly signal: AbortSignal;
  /** The headers that a real `fetch` would send. */
  readonly headers: Headers;
}

/** A `fetch` that answers from a script and keeps a record. */
export interface Upstream {
  (request: Request, init?: RequestInit): Promise<Response>;
  readonly calls: readonly Call[];
}

/** Answers the first call with the first answer, and so on; the last answer goes on for ever. */
export function upstream(...answers: readonly Answer[]): Upstream {
  const calls: Call[] = [];
  async function fetch(request: Request, init?: RequestInit): Promise<Response> {
    calls.push({
      request,
      init,
      signal: init?.signal ?? request.signal,
      headers: new Headers(init?.headers ?? request.headers),
    });
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    if (typeof answer === 'function') return await answer(request, init);
    if (answer instanceof Error) throw answer;
    return answer as Response;
  }
  return Object.assign(fetch, { calls });
}

/** Answers any number of calls. */
export type Answering = Extract<Answer, (...call: never[]) => unknown>;

/** Answers with a status, each time anew. */
export function status(code: number, headers: Record<string, string> = {}): Answering {
  return () => new Response(code === 204 ? null : `status ${code}`, { status: code, headers });
}

/** Never answers, and rejects with the reason when it is aborted: as `fetch` does. */
export const stalled = (request: Request, init?: RequestInit): Promise<Response> => {
  const signal = init?.signal ?? request.signal;
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
};

/** A network failure in the words of Node. */
export function connectionReset(): TypeError {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  return new TypeError('fetch failed', { cause });
}

/**
 * What `doctor` finds.
 *
 * @module
 */

/** What came of one question. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  /** It works, and there is something to know about it. */
  readonly warning?: true;
  /** What was seen. */
  readonly detail: string;
  /** What to do where it is not well. */
  readonly hint?: string;
}

/** Rejects where the work takes longer. */
export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** What `fetch` rejects with says little; its cause says more. */
export function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error
    ? `${message}: ${cause.message || (cause as NodeJS.ErrnoException).code}`
    : message;
}

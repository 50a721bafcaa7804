/** What a runner of a corpus is, and what it tells. */

/** A public test-suite as a file, and how it is run. */
export interface Corpus {
  /** In the folder of corpora. */
  readonly file: string;
  run(document: unknown): Promise<Score>;
}

/** How a corpus went. */
export interface Score {
  readonly passed: number;
  /** One line each: which case, what was wanted, what came. */
  readonly failures: readonly string[];
  /** Cases that were not run. */
  readonly unsupported: readonly Unsupported[];
}

export interface Unsupported {
  readonly name: string;
  readonly cases: number;
  readonly reason: string;
}

/** Collects a score. */
export class ScoreBoard implements Score {
  passed = 0;
  readonly failures: string[] = [];
  readonly unsupported: Unsupported[] = [];

  /** Counts one case. */
  check(name: string, problems: readonly string[]): void {
    if (problems.length === 0) this.passed += 1;
    else this.failures.push(`${name}: ${problems.join('; ')}`);
  }
}

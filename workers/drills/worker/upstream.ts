/** A service of a drill as a Worker. */

import type { Handler } from '../../../src/index.ts';
import { upstreamApp } from '../upstream.ts';

interface Env {
  /** How it behaves at first, as JSON. */
  readonly BEHAVIOUR: string;
}

let app: Handler | undefined;

export default {
  fetch(request: Request, { BEHAVIOUR }: Env): Response | Promise<Response> {
    app ??= upstreamApp(JSON.parse(BEHAVIOUR));
    return app(request);
  },
};

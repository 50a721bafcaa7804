/**
 * What a Worker cannot carry out, though `serve` can.
 *
 * @module
 */

import type { Rules } from './model.ts';
import type { Positions } from './positions.ts';
import { quote } from './quote.ts';
import type { Report } from './report.ts';

/** Reports certificates for services that a Worker reaches without a binding (FM046): it has no files. */
export function checkForWorker({ services }: Rules, positions: Positions, report: Report): void {
  for (const { name, tls, versions } of services) {
    const unbound = versions.find(({ binding }) => binding === undefined);
    if (tls === undefined || unbound === undefined) continue;
    const place = unbound.name === '' ? quote(name) : `version ${quote(unbound.name)}`;
    report(positions.key(['services', name, 'tls']), {
      code: 'FM046',
      severity: 'warning',
      message: `a Worker cannot carry out \`tls\` of ${quote(name)}, and refuses these rules`,
      label: `it has no files, and ${place} names no binding`,
      help: 'add `binding`, with the name of an mtls_certificates binding of the Worker',
    });
  }
}

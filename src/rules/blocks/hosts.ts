/**
 * Hosts that a route serves.
 *
 * @module
 */

import type * as z from 'zod';
import { type Complaint, Refusal, text } from '../shape.ts';

const labels = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_](?:[a-z0-9_-]{0,62})$/;

/** A host name, or `*.` and a suffix; the form that URLs have is made of it: lower case, international names encoded. */
export const host: z.ZodType<string> = text({
  expected: 'a host name',
  read(value) {
    if (value === '*') return malformed('leave `hosts` out to match every host');
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return malformed('a host has no scheme');
    if (value.includes('/')) return malformed('a host has no path');
    if (/^[^[]*:\d+$|\]:\d+$/.test(value)) {
      return malformed('a host has no port; requests match whatever their port');
    }
    const isSuffix = value.startsWith('*.');
    const name = isSuffix ? value.slice(2) : value;
    if (name.includes('*')) {
      return malformed('`*` stands only at the start, for any number of labels: *.example.com');
    }
    const url = name === '' || /[\s@?#\\%]/.test(name) ? null : URL.parse(`http://${name}`);
    if (url === null || !(labels.test(url.hostname) || url.hostname.startsWith('['))) {
      return malformed('letters, digits and hyphens between dots, such as shop.example');
    }
    return isSuffix ? `*.${url.hostname}` : url.hostname;
  },
});

function malformed(label: string): Refusal {
  const complaint: Complaint = ({ value }) => ({
    code: 'FM018',
    message: `${value} is not a host`,
    label,
  });
  return new Refusal(complaint);
}

/** Requests to a host that lets nobody in, written so that it could pass for another one, with routes for all others. */

import { type Attack, attacks } from './attack.ts';

/** As they are written to a socket. */
export interface HostAttack {
  readonly line: string;
  readonly host: string;
}

/** The status, or several, where runtimes differ; 0 for a connection that is closed without an answer. */
export type HostOutcome = number | readonly number[];

const get = (host: string): HostAttack => ({ line: 'GET /', host });
const to = (target: string, host = 'admin.example'): HostAttack => ({
  line: `GET ${target}`,
  host,
});

export const hostAttacks: readonly Attack<HostAttack, HostOutcome>[] = attacks<
  HostAttack,
  HostOutcome
>('hosts', [
  ['the host', get('admin.example'), 401],
  ['in capitals', get('ADMIN.Example'), 401],
  ['with a port', get('admin.example:80'), 401],
  ['with another port', get('admin.example:8443'), 401],
  ['with a port that is empty', get('admin.example:'), 401],
  ['with a dot behind', get('admin.example.'), 401],
  ['with a dot and a port', get('ADMIN.EXAMPLE.:8080'), 401],
  ['with two dots behind', get('admin.example..'), 400],
  ['with an empty label', get('admin..example'), 400],
  ['with a dot in front', get('.admin.example'), 400],
  ['a dot', get('.'), 400],
  ['none', get(''), 400],
  ['a port alone', get(':80'), 400],
  ['a port that is none', get('admin.example:80000'), 400],
  ['encoded', get('admin%2eexample'), 400],
  ['with a space behind the name', get('admin.example :80'), 400],
  ['a number that is no address', get('256.1.1.1'), 400],
  ['in the target', to('http://admin.example/', 'admin.example'), 401],
  ['in the target, with a dot', to('http://admin.example./', 'shop.example'), [400, 200]],
  ['in the target, behind a user', to('http://shop.example@admin.example/', 'admin.example'), 401],
  ['in the target, by another scheme', to('ftp://admin.example/', 'admin.example'), [400, 421]],
  ['by TLS, it says', to('https://shop.example/', 'shop.example'), [200, 421]],
  ['by a method in other letters', { line: 'patch /', host: 'shop.example' }, [400, 0]],
  [
    'by a method that nobody sends, in other letters',
    { line: 'trace /', host: 'shop.example' },
    [400, 0],
  ],
]);

/** The same over HTTP/2 and TLS, where the host has a field of its own; 0 for a stream that is ended without an answer. */
export const authorityAttacks: readonly Attack<Readonly<Record<string, string>>, HostOutcome>[] =
  attacks<Readonly<Record<string, string>>, HostOutcome>('hosts', [
    ['HTTP/2: the host', { ':authority': 'admin.example' }, 401],
    ['HTTP/2: in capitals, with a port', { ':authority': 'ADMIN.example:8443' }, 401],
    ['HTTP/2: with a dot behind', { ':authority': 'admin.example.' }, 401],
    ['HTTP/2: with a dot and a port', { ':authority': 'admin.example.:8443' }, 401],
    ['HTTP/2: with a port that is empty', { ':authority': 'admin.example:' }, [401, 0]],
    ['HTTP/2: with two dots behind', { ':authority': 'admin.example..' }, 400],
    ['HTTP/2: in a Host field alone', { host: 'admin.example.' }, 401],
    ['HTTP/2: beside a Host field', { ':authority': 'admin.example', host: 'shop.example' }, 400],
    [
      'HTTP/2: in a Host field beside it',
      { ':authority': 'shop.example', host: 'admin.example' },
      400,
    ],
    ['HTTP/2: behind a user', { ':authority': 'shop.example@admin.example' }, [401, 0]],
    ['HTTP/2: a number that is no address', { ':authority': '256.1.1.1' }, 400],
    ['HTTP/2: with a path', { ':authority': 'shop.example/admin' }, 0],
    [
      'HTTP/2: not by TLS, it says',
      { ':authority': 'shop.example', ':scheme': 'http' },
      [200, 421],
    ],
    ['HTTP/2: by another scheme', { ':authority': 'shop.example', ':scheme': 'ftp' }, [200, 421]],
    ['HTTP/2: * as path', { ':authority': 'shop.example', ':path': '*' }, [400, 0]],
    ['HTTP/2: two slashes', { ':authority': 'shop.example', ':path': '//admin' }, 401],
    ['HTTP/2: no slash', { ':authority': 'shop.example', ':path': 'admin' }, [401, 0]],
    ['HTTP/2: a method in other letters', { ':authority': 'shop.example', ':method': 'get' }, 400],
  ]);

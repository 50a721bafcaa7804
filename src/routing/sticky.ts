/**
 * Giving the same caller the same version, and moving nobody back while a canary grows.
 *
 * @module
 */

import type { Split } from './split.ts';

/** How finely callers are told apart. */
export const buckets = 10_000;

/** The longest key that counts; forged ones may be any length. */
const longestKey = 256;

/**
 * Picks a version for a caller: the same for the same key, spread evenly over keys.
 *
 * The first destination of the split takes the lowest buckets, so raising its weight adds callers to it and moves none
 * away: write the canary first.
 *
 * @param routeName Keeps the routes apart: a caller who is early in one is not early in all.
 */
export function stickyChoice(split: Split, routeName: string, key: string): number {
  return split.choose(stickyBucket(routeName, key) / buckets);
}

/** The bucket of a caller, from 0 to 9999. */
export function stickyBucket(routeName: string, key: string): number {
  return hash32(`${routeName}|${key.slice(0, longestKey)}`) % buckets;
}

/**
 * FNV-1a over the bytes of UTF-8, finished with the mixer of MurmurHash3 (`fmix32`): small, easy to do again in other
 * languages, and every bit of the key reaches every bit of the result, which those of FNV-1a alone do not. Not a
 * cryptographic hash: who is in which bucket is no secret.
 */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  const add = (byte: number): void => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      add(unit);
      continue;
    }
    // Half a surrogate pair, as cutting a key leaves behind, counts as U+FFFD, like everywhere in the web platform.
    const point = text.codePointAt(index) as number;
    const scalar = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
    if (scalar < 0x800) {
      add(0xc0 | (scalar >> 6));
    } else {
      if (scalar < 0x10000) {
        add(0xe0 | (scalar >> 12));
      } else {
        add(0xf0 | (scalar >> 18));
        add(0x80 | ((scalar >> 12) & 0x3f));
        index += 1;
      }
      add(0x80 | ((scalar >> 6) & 0x3f));
    }
    add(0x80 | (scalar & 0x3f));
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The cookie that remembers a caller who brings no key: `fm_` and the route's name as a cookie name may have it. */
export function stickyCookieName(routeName: string): string {
  const name = routeName.replace(/[^a-zA-Z0-9_-]/g, '_');
  // Different routes must not share a cookie: what was replaced is told apart by a hash.
  return name === routeName ? `fm_${name}` : `fm_${name}_${hash32(routeName).toString(36)}`;
}

/** Settings of {@link stickyCookie}. */
export interface StickyCookieOptions {
  readonly name: string;
  /** A random key, not the version: which version it means is for the rules to say. */
  readonly key: string;
  /** In milliseconds. */
  readonly ttlMs: number;
  /** Whether the request came over https. */
  readonly secure: boolean;
}

/** The `Set-Cookie` value that makes a caller come back with the same key. */
export function stickyCookie({ name, key, ttlMs, secure }: StickyCookieOptions): string {
  // A `Max-Age` of 0 would take the cookie away.
  const maxAge = Math.ceil(ttlMs / 1_000);
  return `${name}=${key}; Max-Age=${maxAge}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}

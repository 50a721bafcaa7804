/**
 * Keys that clients choose, brought to a length that maps and stores can bear.
 *
 * @module
 */

/** Keys of up to so many characters are kept as they are. */
const longest = 64;

/**
 * A key for a map or a store: the text itself, or for a long one `#` and its SHA-256 in hex, which is longer than any
 * text kept as it is. So two texts share a key only by a collision of SHA-256, and a text that looks like a hash is none.
 *
 * Synchronous, unlike WebCrypto's digest: limits in memory are decided without an `await`.
 *
 * @example
 * ```ts
 * boundedKey('ada'); // 'ada'
 * boundedKey('a'.repeat(10_000)).length; // 65
 * ```
 */
export function boundedKey(text: string): string {
  return text.length <= longest ? text : `#${sha256(new TextEncoder().encode(text))}`;
}

/** Whether a text can be what {@link boundedKey} made. */
export function isBoundedKey(text: string): boolean {
  return text.length <= longest || (text.length === 65 && text.startsWith('#'));
}

/** FIPS 180-4 §6.2, in hex. */
function sha256(message: Uint8Array): string {
  const { initial, rounds } = constants();
  const blocks = Math.ceil((message.length + 9) / 64);
  const padded = new DataView(new ArrayBuffer(blocks * 64));
  new Uint8Array(padded.buffer).set(message);
  padded.setUint8(message.length, 0x80);
  padded.setUint32(padded.byteLength - 8, message.length / 2 ** 29);
  padded.setUint32(padded.byteLength - 4, message.length << 3);

  const state = Int32Array.from(initial);
  const words = new Int32Array(64);
  for (let offset = 0; offset < padded.byteLength; offset += 64) {
    for (let index = 0; index < 16; index++) words[index] = padded.getInt32(offset + 4 * index);
    compress(state, words, rounds);
  }
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

type Eight = [number, number, number, number, number, number, number, number];

function compress(state: Int32Array, words: Int32Array, rounds: Int32Array): void {
  for (let index = 16; index < 64; index++) {
    const near = words[index - 15] as number;
    const far = words[index - 2] as number;
    const sigma0 = turned(near, 7) ^ turned(near, 18) ^ (near >>> 3);
    const sigma1 = turned(far, 17) ^ turned(far, 19) ^ (far >>> 10);
    words[index] = (words[index - 16] as number) + sigma0 + (words[index - 7] as number) + sigma1;
  }
  let [a, b, c, d, e, f, g, h] = state as Iterable<number> as Eight;
  for (let index = 0; index < 64; index++) {
    const sum1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const choice = (e & f) ^ (~e & g);
    const first = (h + sum1 + choice + (rounds[index] as number) + (words[index] as number)) | 0;
    const sum0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + sum0 + majority) | 0;
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) {
    state[index] = (state[index] as number) + word;
  }
}

function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

let made: { readonly initial: Int32Array; readonly rounds: Int32Array } | undefined;

/** The fractions of the square roots of the first 8 primes, and of the cube roots of the first 64. */
function constants(): NonNullable<typeof made> {
  if (made !== undefined) return made;
  const primes: number[] = [];
  for (let candidate = 2; primes.length < 64; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  const fraction = (root: number): number => ((root % 1) * 2 ** 32) | 0;
  made = {
    initial: Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime))),
    rounds: Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime))),
  };
  return made;
}

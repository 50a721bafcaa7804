/**
 * Random trace and span ids.
 *
 * @module
 */

/** Random bytes are fetched in blocks: asking for 16 at a time costs more than everything else here. */
const blockBytes = 4_096;

let block: Uint8Array<ArrayBuffer> | undefined;
let position = blockBytes;

const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/** 16 random bytes in lower-case hexadecimal, never all zero. */
export function randomTraceId(): string {
  return randomHex(16);
}

/** 8 random bytes in lower-case hexadecimal, never all zero. */
export function randomSpanId(): string {
  return randomHex(8);
}

function randomHex(bytes: number): string {
  if (position + bytes > blockBytes) {
    // Made at the first request, since Workers have no randomness while they load.
    block ??= new Uint8Array(blockBytes);
    crypto.getRandomValues(block);
    position = 0;
  }
  let id = '';
  let sum = 0;
  for (const end = position + bytes; position < end; position++) {
    const byte = (block as Uint8Array)[position] as number;
    sum |= byte;
    id += hex[byte];
  }
  return sum === 0 ? randomHex(bytes) : id;
}

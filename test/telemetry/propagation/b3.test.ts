import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extractB3, injectB3Multi, injectB3Single } from '../../../src/telemetry/propagation/b3.ts';
import { B3Propagator } from '../../support/opentelemetry.ts';

const traceId = '80f198ee56343ba864fe8b2a57d3eff7';
const shortTraceId = 'a1b2c3d4e5f67890';
const spanId = 'e457b5a2e4d86bd1';
const parentId = '05e3ac9a4f6e3b90';

const extract = (headers: Record<string, string>) => extractB3(new Headers(headers));

describe('the single header', () => {
  test.each([
    ['sampled', `${traceId}-${spanId}-1`, 1],
    ['not sampled', `${traceId}-${spanId}-0`, 0],
    ['debug means sampled', `${traceId}-${spanId}-d`, 1],
    ['no decision', `${traceId}-${spanId}`, 0],
    ['with a parent', `${traceId}-${spanId}-1-${parentId}`, 1],
    ['with an all-zero parent, as a root has it', `${traceId}-${spanId}-1-${'0'.repeat(16)}`, 1],
    ['in upper case', `${traceId.toUpperCase()}-${spanId.toUpperCase()}-1`, 1],
    ['debug in upper case', `${traceId}-${spanId}-D`, 1],
    ['debug with a parent', `${traceId}-${spanId}-d-${parentId}`, 1],
    ['not sampled, with a parent', `${traceId}-${spanId}-0-${parentId}`, 0],
    ['a parent without a decision', `${traceId}-${spanId}-${parentId}`, 0],
    ['white space around it', ` \t${traceId}-${spanId}-1\t `, 1],
  ])('%s', (_, b3, traceFlags) => {
    expect(extract({ b3 })).toEqual({ traceId, spanId, traceFlags, isRemote: true });
  });

  test('64-bit trace ids are padded to 128', () => {
    expect(extract({ b3: `${shortTraceId}-${spanId}-1` })?.traceId).toBe(
      `0000000000000000${shortTraceId}`,
    );
  });

  test.each([
    ['a decision without ids', '0'],
    ['debug without ids', 'd'],
    ['empty', ''],
    ['trace id all zero', `${'0'.repeat(32)}-${spanId}-1`],
    ['span id all zero', `${traceId}-${'0'.repeat(16)}-1`],
    ['trace id of a wrong length', `${traceId}0-${spanId}-1`],
    ['span id too short', `${traceId}-${spanId.slice(1)}-1`],
    ['an unknown decision', `${traceId}-${spanId}-x`],
    ['a parent too short', `${traceId}-${spanId}-1-${parentId.slice(1)}`],
    ['more behind it', `${traceId}-${spanId}-1-${parentId}-x`],
    ['a dash behind the ids', `${traceId}-${spanId}-`],
    ['a dash behind the decision', `${traceId}-${spanId}-1-`],
    ['a trace id alone', traceId],
    ['no span id', `${traceId}--1`],
    ['no trace id', `-${spanId}-1`],
    ['a trace id of 31 digits', `${traceId.slice(1)}-${spanId}-1`],
    ['a trace id of 24 digits', `${traceId.slice(8)}-${spanId}-1`],
    ['a trace id of 15 digits', `${shortTraceId.slice(1)}-${spanId}-1`],
    ['a short trace id all zero', `${'0'.repeat(16)}-${spanId}-1`],
    ['a span id too long', `${traceId}-${spanId}0-1`],
    ['digits that are none', `${traceId.replace('8', 'g')}-${spanId}-1`],
    ['a decision in words', `${traceId}-${spanId}-true`],
    ['a decision of two digits', `${traceId}-${spanId}-01`],
    ['a parent too long', `${traceId}-${spanId}-1-${parentId}0`],
    ['underscores', `${traceId}_${spanId}_1`],
    ['white space within', `${traceId} -${spanId}-1`],
    ['a no-break space around it', `\u00a0${traceId}-${spanId}-1`],
    ['two values', `${traceId}-${spanId}-1, ${traceId}-${spanId}-1`],
    ['a megabyte', 'a'.repeat(1_000_000)],
  ])('%s is nothing', (_, b3) => {
    expect(extract({ b3 })).toBeUndefined();
  });

  test('the single header counts before the others', () => {
    const others = { 'x-b3-traceid': '1'.repeat(32), 'x-b3-spanid': '1'.repeat(16) };
    expect(extract({ b3: `${traceId}-${spanId}-1`, ...others })).toMatchObject({ traceId, spanId });
    expect(extract({ b3: '', ...others })).toBeUndefined();
  });

  test('a malformed single header is not mended by the others', () => {
    expect(extract({ b3: 'x', 'x-b3-traceid': traceId, 'x-b3-spanid': spanId })).toBeUndefined();
  });
});

describe('the X-B3 headers', () => {
  const multi = { 'x-b3-traceid': traceId, 'x-b3-spanid': spanId };

  test.each([
    ['no decision', {}, 0],
    ['sampled', { 'x-b3-sampled': '1' }, 1],
    ['sampled, in words', { 'x-b3-sampled': 'true' }, 1],
    ['not sampled', { 'x-b3-sampled': '0' }, 0],
    ['not sampled, in words', { 'x-b3-sampled': 'false' }, 0],
    ['debug', { 'x-b3-flags': '1' }, 1],
    ['debug wins', { 'x-b3-flags': '1', 'x-b3-sampled': '0' }, 1],
    ['a parent', { 'x-b3-sampled': '1', 'x-b3-parentspanid': parentId }, 1],
    ['an all-zero parent', { 'x-b3-sampled': '1', 'x-b3-parentspanid': '0'.repeat(16) }, 1],
    ['sampled, in capitals', { 'x-b3-sampled': 'TRUE' }, 1],
    ['no debug', { 'x-b3-flags': '0', 'x-b3-sampled': '1' }, 1],
    ['no debug, and no decision', { 'x-b3-flags': '0' }, 0],
    ['flags that are not defined', { 'x-b3-flags': '3' }, 0],
    ['ids in upper case', { 'x-b3-traceid': traceId.toUpperCase(), 'x-b3-sampled': '0' }, 0],
    ['white space around ids', { 'x-b3-spanid': ` ${spanId}\t`, 'x-b3-sampled': '1' }, 1],
  ])('%s', (_, more, traceFlags) => {
    expect(extract({ ...multi, ...more } as Record<string, string>)).toEqual({
      traceId,
      spanId,
      traceFlags,
      isRemote: true,
    });
  });

  test.each([
    ['no span id', { 'x-b3-traceid': traceId }],
    ['no trace id', { 'x-b3-spanid': spanId }],
    ['an unknown decision', { ...multi, 'x-b3-sampled': 'maybe' }],
    ['two trace ids', { ...multi, 'x-b3-traceid': `${traceId}, ${traceId}` }],
    ['two span ids', { ...multi, 'x-b3-spanid': `${spanId}, ${spanId}` }],
    ['two decisions', { ...multi, 'x-b3-sampled': '1, 0' }],
    ['an empty trace id', { ...multi, 'x-b3-traceid': '' }],
    ['an empty span id', { ...multi, 'x-b3-spanid': '' }],
    ['a trace id all zero', { ...multi, 'x-b3-traceid': '0'.repeat(32) }],
    ['a span id all zero', { ...multi, 'x-b3-spanid': '0'.repeat(16) }],
    ['a trace id of 31 digits', { ...multi, 'x-b3-traceid': traceId.slice(1) }],
    ['a span id of 17 digits', { ...multi, 'x-b3-spanid': `${spanId}0` }],
    ['digits that are none', { ...multi, 'x-b3-spanid': spanId.replace('e', 'x') }],
    ['a no-break space at an id', { ...multi, 'x-b3-spanid': `\u00a0${spanId}` }],
  ])('%s is nothing', (_, headers) => {
    expect(extract(headers as Record<string, string>)).toBeUndefined();
  });
});

describe('beside the official propagator', () => {
  const official = new B3Propagator();
  const getter = {
    get: (carrier: Headers, name: string) => carrier.get(name) ?? undefined,
    keys: (carrier: Headers) => [...carrier.keys()],
  };
  const id = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length - 1}}[1-9a-f]$`));

  test('what both take, both read alike', () => {
    fc.assert(
      fc.property(
        fc.oneof(id(32), id(16)),
        id(16),
        fc.constantFrom('', '-0', '-1', '-d'),
        fc.boolean(),
        (trace1, span1, decision, single) => {
          const headers = new Headers(
            single
              ? { b3: `${trace1}-${span1}${decision}` }
              : {
                  'x-b3-traceid': trace1,
                  'x-b3-spanid': span1,
                  ...(decision === '-d' && { 'x-b3-flags': '1' }),
                  ...(/[01]/.test(decision) && { 'x-b3-sampled': decision.slice(1) }),
                },
          );
          const theirs = trace.getSpanContext(official.extract(ROOT_CONTEXT, headers, getter));
          expect(extractB3(headers)).toEqual({ ...theirs, isRemote: true });
        },
      ),
    );
  });

  test('what we write, it reads', () => {
    const spanContext = { traceId, spanId, traceFlags: 1 };
    for (const inject of [injectB3Single, injectB3Multi]) {
      const headers = new Headers();
      inject(spanContext, (name, value) => headers.set(name, value));
      const theirs = trace.getSpanContext(official.extract(ROOT_CONTEXT, headers, getter));
      expect(theirs).toMatchObject(spanContext);
    }
  });
});

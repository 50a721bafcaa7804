import type { ExportTraceServiceRequest, OtlpSpan } from '../../src/telemetry/otlp.ts';

/** Complains where a value is not what the protocol says; `path` is where it stands. */
type Check = (value: unknown, path: string) => void;

/** A span and where it came from. */
export interface DecodedSpan extends OtlpSpan {
  readonly service: unknown;
  readonly scopeName: string;
}

/**
 * Reads an `ExportTraceServiceRequest` as strictly as protobuf's own JSON parser: fields that the protocol does not have
 * are errors, and so are ids and times in any other form than OTLP/JSON asks for.
 *
 * @throws {TypeError} names the place and the value.
 */
export function decodeTraces(text: string): DecodedSpan[] {
  const request = JSON.parse(text) as ExportTraceServiceRequest;
  exportTraceServiceRequest(request, 'request');
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const name = resource.attributes.find(({ key }) => key === 'service.name');
    return scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({ ...span, service: name?.value.stringValue, scopeName: scope.name })),
    );
  });
}

function refuse(path: string, value: unknown, expected: string): never {
  throw new TypeError(`${path}: ${JSON.stringify(value)} is not ${expected}`);
}

function where(expected: string, test: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!test(value)) refuse(path, value, expected);
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A message: each field at most once, none but these, and the ones in `required`. */
function message(fields: () => Record<string, Check>, required: readonly string[] = []): Check {
  return (value, path) => {
    if (!isObject(value)) refuse(path, value, 'a message');
    const checks = fields();
    for (const [name, field] of Object.entries(value)) {
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      if (check === undefined) refuse(`${path}.${name}`, field, 'a field of the protocol');
      check(field, `${path}.${name}`);
    }
    for (const name of required) {
      if (!Object.hasOwn(value, name)) refuse(`${path}.${name}`, undefined, 'there');
    }
  };
}

function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, value, 'a list');
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`);
  };
}

function matching(form: RegExp, expected: string): Check {
  return where(expected, (value) => typeof value === 'string' && form.test(value));
}

function whole(least: number, most: number): Check {
  return where(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

const text = where('a string', (value) => typeof value === 'string');
const uint32 = whole(0, 0xffff_ffff);
const traceId = matching(/^(?!0+$)[0-9a-f]{32}$/, '32 hexadecimal digits in lower case');
const spanId = matching(/^(?!0+$)[0-9a-f]{16}$/, '16 hexadecimal digits in lower case');
const parentSpanId = matching(/^(?:[0-9a-f]{16})?$/, '16 hexadecimal digits, or nothing');
const time = matching(/^(?:0|[1-9]\d{0,19})$/, 'nanoseconds as a decimal string');

function isInt64(value: unknown): boolean {
  const isDecimal = typeof value === 'string' && /^-?\d{1,19}$/.test(value);
  if (!isDecimal && !Number.isInteger(value)) return false;
  return BigInt.asIntN(64, BigInt(value as string | number)) === BigInt(value as string | number);
}

function isDouble(value: unknown): boolean {
  return typeof value === 'number' || ['NaN', 'Infinity', '-Infinity'].includes(String(value));
}

const anyValueFields = message(() => ({
  stringValue: text,
  boolValue: where('a boolean', (value) => typeof value === 'boolean'),
  intValue: where('a whole number of 64 bit', isInt64),
  doubleValue: where('a number', isDouble),
  bytesValue: matching(/^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/, 'Base64'),
  arrayValue: message(() => ({ values: listOf(anyValue) })),
  kvlistValue: message(() => ({ values: attributes })),
}));

const anyValue: Check = (value, path) => {
  anyValueFields(value, path);
  if (Object.keys(value as object).length > 1) refuse(path, value, 'one value');
};

const attributeList = listOf(
  message(() => ({ key: matching(/./s, 'a name'), value: anyValue }), ['key', 'value']),
);

const attributes: Check = (value, path) => {
  attributeList(value, path);
  const keys = (value as { key: string }[]).map(({ key }) => key);
  if (new Set(keys).size < keys.length) refuse(path, keys, 'a list in which each name occurs once');
};

const event = message(
  () => ({ timeUnixNano: time, name: text, attributes, droppedAttributesCount: uint32 }),
  ['timeUnixNano', 'name'],
);

const link = message(
  () => ({
    traceId,
    spanId,
    traceState: text,
    attributes,
    droppedAttributesCount: uint32,
    flags: uint32,
  }),
  ['traceId', 'spanId'],
);

const span = message(
  () => ({
    traceId,
    spanId,
    parentSpanId,
    traceState: text,
    flags: uint32,
    name: text,
    kind: whole(0, 5),
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    attributes,
    droppedAttributesCount: uint32,
    events: listOf(event),
    droppedEventsCount: uint32,
    links: listOf(link),
    droppedLinksCount: uint32,
    status: message(() => ({ code: whole(0, 2), message: text })),
  }),
  ['traceId', 'spanId', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano'],
);

const scopeSpans = message(
  () => ({
    scope: message(() => ({
      name: text,
      version: text,
      attributes,
      droppedAttributesCount: uint32,
    })),
    spans: listOf(span),
    schemaUrl: text,
  }),
  ['scope', 'spans'],
);

const resourceSpans = message(
  () => ({
    resource: message(() => ({
      attributes,
      droppedAttributesCount: uint32,
      entityRefs: listOf(where('a message', isObject)),
    })),
    scopeSpans: listOf(scopeSpans),
    schemaUrl: text,
  }),
  ['resource', 'scopeSpans'],
);

const exportTraceServiceRequest = message(
  () => ({ resourceSpans: listOf(resourceSpans) }),
  ['resourceSpans'],
);

/**
 * What of a URL is not for logs and spans.
 *
 * @module
 */

/** Names of query parameters that hold secrets: those of the semantic conventions, and the usual ones. */
const secretParameter: RegExp =
  /^(?:awsaccesskeyid|(?:x-goog-|x-amz-)?signature|sig|(?:access_|id_|refresh_)?token|code|jwt|api_?key|key|password|(?:client_)?secret)$/i;

/**
 * Replaces the values of parameters that hold secrets: in the text as it came, since parsing and writing would change it.
 *
 * @param query Without its `?`.
 * @param redact More names, in lower case.
 */
export function withoutSecrets(query: string, redact: ReadonlySet<string>): string {
  return query
    .split('&')
    .map((pair) => {
      const [written = ''] = pair.split('=', 1);
      const name = decoded(written).toLowerCase();
      return redact.has(name) || secretParameter.test(name) ? `${written}=REDACTED` : pair;
    })
    .join('&');
}

/** `%74oken` is `token` for whoever reads it. */
function decoded(name: string): string {
  if (!/[%+]/.test(name)) return name;
  return new URLSearchParams(`${name}=`).keys().next().value ?? name;
}

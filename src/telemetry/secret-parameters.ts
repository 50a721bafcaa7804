/**
 * What of a URL is not for logs and spans.
 *
 * @module
 */

/** Names of query parameters that hold secrets: those of the semantic conventions, and the usual ones. */
export const secretParameter: RegExp =
  /^(?:awsaccesskeyid|(?:x-goog-|x-amz-)?signature|sig|(?:access_|id_|refresh_)?token|code|jwt|api_?key|key|password|(?:client_)?secret)$/i;

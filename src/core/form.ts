/**
 * Forms with files, as bytes under a boundary of one's choice: each runtime draws another boundary for each body that it
 * makes of the same form, and the `Content-Type` has been sent already.
 *
 * @module
 */

/**
 * Encodes a form as `multipart/form-data` (HTML standard, "multipart/form-data encoding algorithm"; RFC 7578).
 *
 * Files are referred to, not read.
 *
 * @param type The `Content-Type` that names the boundary.
 */
export function encodeForm(entries: Iterable<[string, string | File]>, type: string | null): Blob {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type ?? '') ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) {
    throw new TypeError(`A form cannot be sent with the content type '${type}': no boundary`);
  }
  const parts: (string | Blob)[] = [];
  for (const [name, value] of entries) {
    parts.push(`--${boundary}\r\nContent-Disposition: form-data; name="${escaped(lines(name))}"`);
    if (typeof value === 'string') {
      parts.push(`\r\n\r\n${lines(value)}\r\n`);
    } else {
      const fileType = value.type === '' ? 'application/octet-stream' : value.type;
      parts.push(`; filename="${escaped(value.name)}"\r\nContent-Type: ${fileType}\r\n\r\n`);
      parts.push(value, '\r\n');
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts);
}

function lines(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n');
}

function escaped(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}

/**
 * Rules that are written in one file, or in several.
 *
 * @module
 */

import type { Diagnostic } from './diagnostics.ts';
import { type RulesDocument, readDocument } from './document.ts';
import { joined, overlay, shifted } from './merge.ts';
import type { PositionedNode } from './nodes.ts';
import { reportTo } from './report.ts';
import { SourceText } from './source.ts';

/** A file with its text. */
export interface RulesText {
  readonly file: string;
  readonly text: string;
}

/** The files that a set of rules is written in. */
export interface RulesTexts extends RulesText {
  /**
   * More files of the same set, such as those of a directory: what they hold adds to the first, their routes come behind its.
   * A service, a default or a route name that two of them define is refused.
   */
  readonly parts?: readonly RulesText[];
  /**
   * Files that change what is below them, the last one winning: services, their versions, defaults, settings and routes
   * one by one, by name; every other value and every policy as a whole. `null` removes.
   */
  readonly overlays?: readonly RulesText[];
}

/** All files, in the order in which they are read. */
export function allTexts(texts: RulesTexts): readonly RulesText[] {
  return [texts, ...(texts.parts ?? []), ...(texts.overlays ?? [])];
}

/** Settings of {@link readFiles}. */
export interface FilesOptions {
  /** More text is not read, in UTF-16 code units of all files together. Default: 10000000. */
  readonly maxLength?: number;
}

/**
 * Reads files and puts them together. Never throws, whatever the texts.
 *
 * @returns One document: its spans tell the file as well. Its diagnostics are in the order of the files.
 */
export function readFiles(texts: RulesTexts, options: FilesOptions = {}): RulesDocument {
  const { maxLength = 10_000_000 } = options;
  const { parts = [] } = texts;
  let left = maxLength;
  const documents = allTexts(texts).map(({ file, text }) => {
    const document = readDocument(text, { file, maxLength: left });
    left = Math.max(0, left - text.length);
    return document;
  });
  const [first, ...others] = documents as [RulesDocument, ...RulesDocument[]];
  if (others.length === 0) return first;

  const diagnostics: Diagnostic[] = documents.flatMap((document) => document.diagnostics);
  const { source, starts } = SourceText.join(
    first.source,
    others.map((document) => document.source),
  );
  const report = reportTo(diagnostics, source);
  let root: PositionedNode | undefined = first.root;
  for (const [index, document] of others.entries()) {
    if (root === undefined || document.root === undefined) {
      // Half of the rules would be judged for what the other half says.
      root = undefined;
      break;
    }
    const node = shifted(document.root, starts[index + 1] as number);
    const merge = index < parts.length ? joined : overlay;
    root = merge(root, node, document.source.file, report);
  }
  return { source, root, diagnostics };
}

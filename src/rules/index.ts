/**
 * The rules language: from a text to rules, or to everything that is wrong with it.
 *
 * @module
 */

export type { Diagnostic } from './diagnostics.ts';
export type { RulesText, RulesTexts } from './files.ts';
export type { Route, Rules, Service } from './model.ts';
export { type ParsedRules, type ParseOptions, parseRules } from './parse.ts';
export { type RenderOptions, renderDiagnostics } from './render.ts';

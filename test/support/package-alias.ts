import jsr from '../../jsr.json' with { type: 'json' };

const root = new URL('../../', import.meta.url);

/** The package by its name, from its sources: the examples import it as its users do. */
export const packageAlias: readonly { readonly find: RegExp; readonly replacement: string }[] =
  Object.entries(jsr.exports).map(([entry, source]) => ({
    find: new RegExp(`^fetchmesh${entry.slice(1)}$`),
    replacement: new URL(source, root).pathname,
  }));

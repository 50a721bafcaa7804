import { readFileSync } from 'node:fs';

/** What is looked at in a board. */
interface Board {
  readonly uid: string;
  readonly panels: readonly {
    readonly title: string;
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

/** The board of `deploy/grafana`. */
export const board: Board = JSON.parse(
  readFileSync(new URL('../../deploy/grafana/fetchmesh.json', import.meta.url), 'utf8'),
);

/** Its queries as Grafana sends them where all jobs are chosen, each with the title of its panel. */
export const queries: readonly (readonly [panel: string, query: string])[] = board.panels.flatMap(
  ({ title, targets }) =>
    targets.map(({ expr }): readonly [string, string] => [
      title,
      expr.replaceAll('$job', '.+').replaceAll('$__rate_interval', '5m'),
    ]),
);

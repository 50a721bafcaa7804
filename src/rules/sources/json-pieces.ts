/**
 * Writing JSON in pieces.
 *
 * @module
 */

/** Entries of a list that make a piece. */
const entriesOfPiece = 100;

/** What `JSON.stringify` makes of a map, in pieces: its lists some entries at a time. */
export function* jsonPieces(value: object): Generator<string, void, undefined> {
  let front = '{';
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    yield `${front}${JSON.stringify(name)}:`;
    front = ',';
    if (Array.isArray(member)) yield* piecesOfList(member);
    else yield JSON.stringify(member);
  }
  yield front === '{' ? '{}' : '}';
}

function* piecesOfList(list: readonly unknown[]): Generator<string, void, undefined> {
  for (let from = 0; from < list.length; from += entriesOfPiece) {
    const text = JSON.stringify(list.slice(from, from + entriesOfPiece));
    yield `${from === 0 ? '[' : ','}${text.slice(1, -1)}`;
  }
  yield list.length === 0 ? '[]' : ']';
}

/**
 * What matters of a part of a regular expression to an engine that backtracks, and how parts make a whole.
 *
 * @module
 */

/** One bit for each ASCII character, and one for all others together. */
export type CharacterSet = bigint;

const none: CharacterSet = 0n;

/** Every character. */
export const anyCharacter: CharacterSet = (1n << 129n) - 1n;

/** The expression may take very long; the message says why. */
export class SlowExpression extends Error {
  override readonly name = 'SlowExpression';
}

/** A repetition without bound. */
interface Loop {
  /** Its characters, and those that it can begin with. */
  readonly set: CharacterSet;
  readonly entry: CharacterSet;
  /** Loops up to and including this one that can all share the same text, each handing over to the next. */
  readonly chain: number;
  /** What must be matched before it, and after it, within the part. */
  readonly before: readonly CharacterSet[];
  readonly after: readonly CharacterSet[];
}

/** A part of an expression. */
export interface Part {
  /** It can match the empty text. */
  readonly nullable: boolean;
  /** It begins with `^`. */
  readonly anchored: boolean;
  /**
   * Places where some text can be matched in two ways. The ways multiply: few of them are harmless, a single one within a
   * repetition is not.
   */
  readonly forks: number;
  /** Which characters it can begin with. */
  readonly first: CharacterSet;
  /** The atoms that it can end with. */
  readonly last: readonly number[];
  /** All its characters. */
  readonly all: CharacterSet;
  /** What must be matched, in order. */
  readonly required: readonly CharacterSet[];
  readonly loops: readonly Loop[];
}

/** Matches the empty text only. */
export const emptyPart: Part = {
  nullable: true,
  anchored: false,
  forks: 0,
  first: none,
  last: [],
  all: none,
  required: [],
  loops: [],
};

/** More loops than this in one expression are refused: comparing them takes time too. */
const mostLoops = 16;

/** Forks beyond this are refused: 256 ways. */
const mostForks = 8;

/** Two loops that can share the same text take time by the square of its length, which can be borne; three cannot. */
const longestChain = 2;

/**
 * Puts parts together. For each atom it keeps which characters may follow (the automaton of Glushkov): where the same
 * character can follow in two ways, an engine that backtracks tries both.
 */
export class PartBuilder {
  readonly #following: CharacterSet[] = [];

  /** A class, an escape or a character. */
  atom(set: CharacterSet): Part {
    this.#following.push(none);
    const last = [this.#following.length - 1];
    return { ...emptyPart, nullable: false, first: set, last, all: set, required: [set] };
  }

  /** One of two parts. */
  either(left: Part, right: Part): Part {
    const nullable = left.nullable || right.nullable;
    const all = left.all | right.all;
    const isFork = (left.nullable && right.nullable) || overlap(left.first, right.first);
    return {
      nullable,
      anchored: left.anchored && right.anchored,
      forks: bounded(left.forks + right.forks + Number(isFork)),
      first: left.first | right.first,
      last: [...left.last, ...right.last],
      all,
      required: nullable ? [] : [all],
      loops: atMost([...left.loops, ...right.loops]),
    };
  }

  /**
   * One part after the other.
   *
   * @throws {SlowExpression}
   */
  joined(left: Part, right: Part): Part {
    const isFork = this.#follow(left, right) || (left.nullable && overlap(left.first, right.first));
    return {
      nullable: left.nullable && right.nullable,
      anchored: left.anchored || (left.all === none && right.anchored),
      forks: bounded(left.forks + right.forks + Number(isFork)),
      first: left.nullable ? left.first | right.first : left.first,
      last: right.nullable ? [...left.last, ...right.last] : right.last,
      all: left.all | right.all,
      required: [...left.required, ...right.required],
      loops: joinedLoops(left, right),
    };
  }

  /**
   * A part, so many times.
   *
   * @throws {SlowExpression}
   */
  repeated(part: Part, least: number, most: number): Part {
    const nullable = part.nullable || least === 0;
    const required = nullable ? [] : part.required;
    if (most !== Number.POSITIVE_INFINITY) {
      const twice = this.joined(part, part);
      const forks = bounded(most * (twice.forks - part.forks));
      // Three copies in a row show whatever more of them would.
      const loops = most > 2 ? joinedLoops(twice, part) : twice.loops;
      return { ...twice, last: part.last, nullable, required, forks, loops };
    }
    if (this.#follow(part, part) || part.forks > 0) {
      throw new SlowExpression('a repetition can match the same text in several ways');
    }
    if (part.nullable && part.all !== none) {
      throw new SlowExpression('a repetition repeats what may be empty');
    }
    const loop = { set: part.all, entry: part.first, chain: 1, before: [], after: [] };
    return { ...part, nullable, required, loops: part.all === none ? [] : [loop] };
  }

  /** Lets `right` follow `left`; tells whether one of its characters could follow already. */
  #follow(left: Part, right: Part): boolean {
    let isFork = false;
    for (const atom of left.last) {
      const following = this.#following[atom] as CharacterSet;
      if (overlap(following, right.first)) isFork = true;
      this.#following[atom] = following | right.first;
    }
    return isFork;
  }
}

/** What an expression without `^` amounts to: any text may come before. */
export function searched(part: Part): Part {
  if (part.anchored) return part;
  const loop = { set: anyCharacter, entry: anyCharacter, chain: 1, before: [], after: [] };
  return { ...part, loops: joinedLoops({ ...emptyPart, loops: [loop] }, part, true) };
}

function joinedLoops(left: Part, right: Part, isSearch = false): readonly Loop[] {
  const before = left.loops.map((loop) => ({ ...loop, after: [...loop.after, ...right.required] }));
  const after = right.loops.map((loop) => {
    let { chain } = loop;
    for (const earlier of left.loops) {
      const between = [...earlier.after, ...loop.before];
      const isShared =
        overlap(earlier.set, loop.entry) && between.every((set) => overlap(set, earlier.set));
      if (!isShared) continue;
      if (between.length === 0 && !isSearch) {
        throw new SlowExpression('two repetitions of the same characters follow each other');
      }
      chain = Math.max(chain, earlier.chain + loop.chain);
    }
    if (chain > longestChain) {
      throw new SlowExpression('three repetitions can share the same text');
    }
    return { ...loop, chain, before: [...left.required, ...loop.before] };
  });
  return atMost([...before, ...after]);
}

function bounded(forks: number): number {
  if (forks > mostForks) throw new SlowExpression('it can match the same text in too many ways');
  return forks;
}

function atMost(loops: readonly Loop[]): readonly Loop[] {
  if (loops.length > mostLoops) throw new SlowExpression('it has too many repetitions');
  return loops;
}

function overlap(a: CharacterSet, b: CharacterSet): boolean {
  return (a & b) !== none;
}

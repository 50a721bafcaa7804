/** Something that a peer gets wrong, as a check that takes the implementation as its parameter. */
export interface Defect<Implementation = never> {
  /** The sentence of docs/semantics that it breaks, and what should be. */
  readonly name: string;
  /** Who gets it wrong. */
  readonly peer: string;
  readonly ours: Implementation;
  readonly theirs: Implementation;
  /** Throws where the implementation gets it wrong. */
  check(implementation: Implementation): Promise<void>;
}

/** Checks ours or theirs. */
export interface Checkable {
  readonly name: string;
  readonly peer: string;
  checkOurs(): Promise<void>;
  checkTheirs(): Promise<void>;
}

/** Forgets the type of the implementation. */
export function defect<Implementation>(given: Defect<Implementation>): Checkable {
  const { name, peer, ours, theirs, check } = given;
  return { name, peer, checkOurs: () => check(ours), checkTheirs: () => check(theirs) };
}

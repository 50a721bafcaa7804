import manifest from '../../package.json' with { type: 'json' };

declare global {
  interface ImportMeta {
    /** Vite's: the modules that a pattern finds, by their paths. */
    glob(pattern: string, options: { eager: true }): Record<string, Record<string, unknown>>;
  }
}

/** What the entries export beside factories of policies, and why it is none. */
const others: Readonly<Record<string, string>> = {
  budgetOption: 'checks an option',
  certifiedPeer: 'reads what a server told',
  compileCors: 'a part of cors',
  compileTrustedProxies: 'a part of trustedProxies',
  bodyLimits: 'a part of limits',
  compileKey: 'reads a key of a request',
  compileKeys: 'reads a key of a request',
  control: 'a part of breaker',
  depositOnce: 'a part of retry and hedge, as retryBudget is',
  hostOption: 'checks an option',
  isConnectionsOwn: 'checks an option',
  isHost: 'checks an option',
  isIpBits: 'checks an option',
  isOriginPattern: 'checks an option',
  jwtBy: 'jwt, around a verifier of its own',
  keyBy: 'reads a key of a request',
  limitAnswers: 'a part of rateLimit',
  rejectionShare: 'a formula',
  serverDelay: 'reads an answer',
  sharedStore: 'a part of rateLimit',
  trustNoProxy: 'a part of trustedProxies',
  when: 'a condition on a request',
  withinLimit: 'a part of timeout, deadline and limits',
};

/** The names of all functions of these rooms that make a policy: of the entries, and those named like their file. */
export function policyFactories(
  ...rooms: readonly ('policies' | 'routing' | 'security')[]
): readonly string[] {
  const modules = import.meta.glob('../../src/{policies,routing,security}/**/*.ts', {
    eager: true,
  });
  const entries = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [entry.default.replace('./dist/', '../../src/')],
  );
  return Object.entries(modules).flatMap(([path, module]) => {
    if (!rooms.some((room) => path.startsWith(`../../src/${room}/`))) return [];
    const isEntry = entries.includes(path.replace(/\.ts$/, '.js'));
    const file = path
      .replace(/^.*\/|\.ts$/g, '')
      .replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
    return Object.keys(module).filter(
      (name) =>
        typeof module[name] === 'function' && (isEntry || name === file) && !(name in others),
    );
  });
}

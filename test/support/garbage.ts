/** Collects all garbage, and lets finalizers run. Only Node and Bun can be asked to: tests say so in their names. */
export async function collectGarbage(): Promise<void> {
  const collect = collectOnBun() ?? collectOnNode();
  // Several times: what one finalizer lets go of is garbage for the next.
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve));
    collect();
  }
  await new Promise((resolve) => setTimeout(resolve));
}

function collectOnBun(): (() => void) | undefined {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  return Bun && (() => Bun.gc(true));
}

function collectOnNode(): () => void {
  const v8 = process.getBuiltinModule('node:v8');
  const vm = process.getBuiltinModule('node:vm');
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc') as () => void;
}

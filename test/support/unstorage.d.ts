/** What the tests use of unstorage: as a clone sees it that was installed before it came in. */
declare module 'unstorage' {
  export function createStorage(): {
    getItem(key: string): Promise<unknown>;
    setItem(key: string, value: unknown): Promise<void>;
    removeItem(key: string): Promise<void>;
  };
}

import type { Store } from './store.ts';

/** Opens a store on first use. */
export interface StoreOpener<Opened extends { readonly store: Store }> {
  /** The same store for all callers; after a failure the next call retries. @throws as `open` */
  get(): Promise<Opened>;
  close(): Promise<void>;
}

export function storeOpener<Opened extends { readonly store: Store }>(
  open: () => Promise<Opened>,
): StoreOpener<Opened> {
  let opened: Promise<Opened> | null = null;
  return {
    get() {
      const opening = (opened ??= open());
      return opening.catch((error: unknown) => {
        opened = null;
        throw error;
      });
    },
    async close() {
      await (await opened?.catch(() => null))?.store.close();
    },
  };
}

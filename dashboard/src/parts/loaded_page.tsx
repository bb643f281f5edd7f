import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../text/text.ts';
import { Loading } from './basics.tsx';

const RETRY_MS = 2000;
/** A reload that does not help is not repeated at once. */
const RELOAD_AGAIN_MS = 30_000;
const RELOADED = 'minutehand reloaded';

/**
 * A page whose code is loaded when it is first opened. While the trainer restarts, it says that it cannot be loaded
 * and tries again; browsers keep a failed module, and another version has other files: once the server answers and the
 * code still fails, the whole document is loaded again.
 */
export function loadedPage(load: () => Promise<{ readonly default: ComponentType }>): ComponentType {
  let found: ComponentType | null = null;
  return function LoadedPage() {
    const [Own, setOwn] = useState<ComponentType | null>(() => found);
    const [hasFailed, setFailed] = useState(false);
    useEffect(() => {
      if (found !== null) return;
      let isWanted = true;
      let again: ReturnType<typeof setTimeout> | undefined;
      const attempt = async (isFirst: boolean): Promise<void> => {
        const isUp = isFirst || (await serverAnswers());
        if (isUp)
          try {
            const page = await load();
            found = page.default;
            if (isWanted) setOwn(() => page.default);
            return;
          } catch {
            if (isWanted && !isFirst) reloadDocument();
          }
        if (!isWanted) return;
        setFailed(true);
        again = setTimeout(() => void attempt(false), RETRY_MS);
      };
      void attempt(true);
      return () => {
        isWanted = false;
        clearTimeout(again);
      };
    }, []);
    if (Own !== null) return <Own />;
    if (!hasFailed) return <Loading />;
    return (
      <div class="failure" role="status">
        {t('app.unreachable')}
      </div>
    );
  };
}

async function serverAnswers(): Promise<boolean> {
  try {
    return (await fetch('/', { method: 'HEAD', cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}

function reloadDocument(): void {
  const before = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - before < RELOAD_AGAIN_MS) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
}

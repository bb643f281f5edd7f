import { minuteOf } from '../format.ts';
import { codeText, t } from '../text/text.ts';

type Document = Readonly<Record<string, unknown>>;

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(\.\d+)?Z$/;
/** Told elsewhere on the page. */
const TOLD: readonly string[] = ['kind', 'trigger'];

/** The document of a job in words. What it leaves to the configuration is not listed; the document is below. */
export function JobOptions({ document }: { readonly document: Document }) {
  return (
    <>
      <dl class="facts row">
        {leavesOf(document).map(([path, value]) => (
          <div key={path}>
            <dt>{codeText('jobOption', path.split('.').at(-1)!)}</dt>
            <dd>{valueText(value)}</dd>
          </div>
        ))}
      </dl>
      <p class="note">{t('jobs.asConfigured')}</p>
      <details>
        <summary>{t('jobs.document')}</summary>
        <pre class="job-document" tabIndex={0}>
          {JSON.stringify(document, null, 2)}
        </pre>
      </details>
    </>
  );
}

/** Values that are set, with their paths: `parameters.level`. */
export function leavesOf(document: Document, parent = ''): (readonly [string, unknown])[] {
  return Object.entries(document).flatMap(([key, value]): (readonly [string, unknown])[] => {
    if (value === null || (parent === '' && TOLD.includes(key))) return [];
    const path = parent === '' ? key : `${parent}.${key}`;
    if (typeof value === 'object' && !Array.isArray(value)) return leavesOf(value as Document, path);
    return [[path, value]];
  });
}

function valueText(value: unknown): string {
  if (typeof value === 'boolean') return t(value ? 'jobs.yes' : 'jobs.no');
  if (Array.isArray(value)) return value.length === 0 ? '–' : value.map(valueText).join(', ');
  if (typeof value === 'string') return INSTANT.test(value) ? minuteOf(value) : codeText('jobValue', value);
  if (typeof value === 'object' && value !== null) return Object.values(value).map(valueText).join('/');
  return String(value);
}

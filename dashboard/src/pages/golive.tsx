import { goLiveText } from '../../../shared/golive/golive_text.ts';
import { api, type GoLive } from '../api.ts';
import { minuteOf } from '../format.ts';
import { nowMs } from '../live.ts';
import { Badge, Empty, Failure, Panel, useLoaded, type Tone } from '../parts/basics.tsx';
import { codeText, language, t } from '../text/text.ts';

const READ_MS = 15_000;
const TONES: Readonly<Record<GoLive['checks'][number]['verdict'], Tone>> = { ok: 'good', todo: 'bad', ask: 'info' };

/** In the reader’s language, but for errors, which say themselves what they are. */
function textOf({ id, verdict, code, values }: GoLive['checks'][number]) {
  const lang = code === 'reported' ? 'en' : language.value;
  return { id, verdict, lang, ...goLiveText(code, values, lang) };
}

/** The checklist from here to trading on paper; it checks itself. */
export default function GoLivePage() {
  const { data, error } = useLoaded(() => api.get('/api/golive'), String(Math.floor(nowMs.value / READ_MS)));
  if (error !== null) return <Failure error={error} />;
  if (data === null) return <Empty text={`${t('golive.looking')}…`} />;
  const left = data.checks.filter(({ verdict }) => verdict === 'todo').length;
  return (
    <Panel
      title={t('golive.title')}
      wide
      aside={<span class="note">{t('golive.looked', { time: minuteOf(data.looked_at) })}</span>}
    >
      <p role="status" class={data.ready_for_paper ? 'good' : ''}>
        {t(data.ready ? 'golive.ready' : data.ready_for_paper ? 'golive.paper' : 'golive.left', { left })}
      </p>
      <ol class="checklist">
        {data.checks.map(textOf).map(({ id, verdict, seen, fix, lang }) => (
          <li key={id}>
            <Badge tone={TONES[verdict]}>{codeText('golive.verdict', verdict)}</Badge>
            <div>
              <strong>{codeText('golive.check', id)}</strong> <span class="note">{codeText('golive.why', id)}</span>
              <p lang={lang}>{seen}</p>
              {fix !== '' && (
                <p lang={lang} class="next">
                  → {fix}
                </p>
              )}
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

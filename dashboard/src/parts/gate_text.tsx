import { figureInJapanese, gateInJapanese, rejectionInJapanese } from '../text/gate_ja.ts';
import { language } from '../text/text.ts';

/** A figure or a limit of a gate, in the page's language where it is known. */
export function GateFigure({ text }: { readonly text: string }) {
  return <Prose text={text} japanese={figureInJapanese} />;
}

/** Reason of a rejection: gate, figure and limit. */
export function Rejection({ text, tone = 'note' }: { readonly text: string; readonly tone?: 'note' | 'bad' }) {
  return <Prose text={text} japanese={rejectionInJapanese} tone={tone} />;
}

/** The code of a gate, after its name where the page is not English. */
export function GateName({ name }: { readonly name: string }) {
  const own = language.value === 'ja' ? gateInJapanese(name) : name;
  return (
    <span class="gate-name">
      {own !== name && <span>{own}</span>} <span class={own === name ? 'mono' : 'mono note short'}>{name}</span>
    </span>
  );
}

function Prose(props: {
  readonly text: string;
  readonly japanese: (text: string) => string | null;
  readonly tone?: string;
}) {
  const shown = language.value === 'ja' ? props.japanese(props.text) : props.text;
  return (
    <span class={`prose ${props.tone ?? ''}`} lang={shown === null ? 'en' : undefined}>
      {unbroken(shown ?? props.text)}
    </span>
  );
}

/** No line ends within an exponent, or between a number and its unit. */
function unbroken(text: string): string {
  return text
    .replace(/e-(?=\d)/g, 'e−')
    .replace(/(\d) (?=bp|%|s\b|h\b|本|行|件|倍|秒|分|時間|取引|ラベル)/g, '$1\u00a0');
}

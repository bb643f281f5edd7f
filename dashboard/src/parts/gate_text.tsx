import { isMeasured, keyOf, type AnyGate } from '../../../shared/bundle/gates/gate_result.ts';
import { gateReason, gateText } from '../../../shared/bundle/gates/gate_text.ts';
import { language } from '../text/text.ts';

/** What a gate measured, in the page's language. */
export function GateSeen({ gate }: { readonly gate: AnyGate }) {
  return <Prose gate={gate} text={gateText(gate, language.value).seen} />;
}

export function GateLimit({ gate }: { readonly gate: AnyGate }) {
  return <Prose gate={gate} text={gateText(gate, language.value).limit} />;
}

/** A failed gate: name, figure and limit. */
export function FailedGate({ gate, tone = 'note' }: { readonly gate: AnyGate; readonly tone?: 'note' | 'bad' }) {
  return <Prose gate={gate} text={gateReason(gate, language.value)} tone={tone} />;
}

/** Why a run has changed nothing, or a bundle was rejected: English of the trainer. */
export function Reason({ text }: { readonly text: string }) {
  return (
    <span class="prose note" lang="en">
      {unbroken(text)}
    </span>
  );
}

/** The key of a gate, after its name. */
export function GateName({ gate }: { readonly gate: AnyGate }) {
  return (
    <span class="gate-name">
      <span>{gateText(gate, language.value).name}</span> <span class="mono note short">{keyOf(gate)}</span>
    </span>
  );
}

/** A verdict that an earlier version wrote is English on every page. */
function Prose({ gate, text, tone = '' }: { readonly gate: AnyGate; readonly text: string; readonly tone?: string }) {
  return (
    <span class={`prose ${tone}`} lang={isMeasured(gate) ? undefined : 'en'}>
      {unbroken(text)}
    </span>
  );
}

/** No line ends within an exponent, or between a number and its unit. */
function unbroken(text: string): string {
  return text
    .replace(/e-(?=\d)/g, 'e−')
    .replace(/(\d) (?=bp|%|s\b|h\b|本|行|件|倍|秒|分|時間|取引|ラベル)/g, '$1\u00a0');
}

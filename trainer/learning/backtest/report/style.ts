/** Style sheet of reports: readable on a phone, light or dark as the reader prefers. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1c2127; --soft: #5d6772; --page: #ffffff; --grid: #e3e7eb; --axis: #8c96a0; --c0: #1f6fb5; --c1: #c2552d; --c2: #3b8a4d; --c3: #8455b5; }
@media (prefers-color-scheme: dark) { :root { --text: #e5e9ed; --soft: #9aa5b0; --page: #14181c; --grid: #2a3138; --axis: #66717c; --c0: #66aee6; --c1: #ec8a63; --c2: #74c487; --c3: #b894e0; } }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; }
.verdict { font-size: 1.1rem; border-left: 4px solid var(--c0); padding-left: 0.8rem; }
.warning { border-left: 4px solid var(--c1); padding-left: 0.8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.7rem; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
figure { margin: 1.2rem 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--text); font: 13px system-ui, sans-serif; } svg text.small { fill: var(--soft); font-size: 11px; }
@media (max-width: 40rem) { svg text { font-size: 20px; } svg text.small { font-size: 18px; } }
.grid { stroke: var(--grid); } .axis { stroke: var(--axis); } .line { fill: none; stroke-width: 1.6; }
.line.s0 { stroke: var(--c0); } .line.s1 { stroke: var(--c1); } .line.s2 { stroke: var(--c2); } .line.s3 { stroke: var(--c3); }
.bar.s0 { fill: var(--c0); } .bar.s1 { fill: var(--c1); } .bar.s2 { fill: var(--c2); } .bar.s3 { fill: var(--c3); }
.legend { margin: 0.2rem 0 0; font-size: 0.85rem; color: var(--soft); } .key { margin-right: 1rem; }
.key::before { content: ""; display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; border-radius: 2px; }
.key.s0::before { background: var(--c0); } .key.s1::before { background: var(--c1); } .key.s2::before { background: var(--c2); } .key.s3::before { background: var(--c3); }
`;
